"""Both classes idle, and jobs that come one at a time: the Jetson takes all of them."""

import time
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.local.autoscaling import decide_in_background
from rugbytx.local.system import LocalSystem
from tests.e2e.conftest import WAIT_S

pytestmark = [pytest.mark.process, pytest.mark.long]

SUBMITS = 200


def test_the_jetson_takes_what_comes_singly(clip: Path, tmp_path: Path) -> None:
    """Two hundred clips, an AWS worker idle beside, the real autoscaler deciding."""
    content = clip.read_bytes()
    with LocalSystem(jetson=1, aws=1, aws_max=1) as local, decide_in_background(local.settings):
        connection = systems.connect(local.settings)
        while connection.store.scaling.read_desired() is None:
            time.sleep(0.1)
        for number in range(SUBMITS):
            path = tmp_path / f"clip-{number}.mp4"
            path.write_bytes(content + number.to_bytes(4, "big"))
            job = intake.accept(intake.Request(source=str(path), profile="clip"), connection).job
            until = time.monotonic() + WAIT_S
            while (seen := connection.store.jobs.read(job.id)) and seen.is_open:
                assert time.monotonic() < until
                time.sleep(0.1)
            units = connection.store.units.read(job.id, 1).values()
            assert {unit.measured.worker_class for unit in units} == {"jetson"}, f"submit {number}"
