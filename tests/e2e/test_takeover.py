"""A worker dies by ``kill -9`` in the middle of a job, and another finishes it."""

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import Kind, State, Unit, UnitKey
from rugbytx.core.output.result import Manifest
from rugbytx.local.system import LocalSystem
from tests.e2e.conftest import wait_for
from tests.processes import descendants, ends, watched

pytestmark = pytest.mark.process

#: More than any job here takes on a busy machine.
BOUND_S = 120.0


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """Return thirty noisy seconds: five chunks of 6 s, each of which keeps an encoder busy for a while."""
    path = tmp_path / "thirty seconds.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=size=426x240:rate=25:duration=30"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=30"),
        *("-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return path


def is_working_on_the_third_chunk(_job: Job, units: Mapping[UnitKey, Unit]) -> bool:
    """Two chunks are done and the encoder is at work on the third."""
    third = units.get(UnitKey(Kind.VIDEO, 2))
    return third is not None and third.state is State.LEASED


def test_no_finished_chunk_is_encoded_again(system: LocalSystem, long_clip: Path) -> None:
    """Only the unit that was in work is redone, and nothing of the killed worker lives on."""
    connection = systems.connect(system.settings)
    first = system.start_worker(RUGBYTX_X264_PRESET="medium")
    accepted = intake.accept(intake.Request(source=str(long_clip), chunk_s=5.0), connection)
    wait_for(connection, accepted.job, is_working_on_the_third_chunk)
    first.kill()
    before = connection.store.units.read(accepted.job.id, 1)

    second = system.start_worker()
    job = wait_for(connection, accepted.job, lambda seen, _units: not seen.is_open)
    system.stop_worker(second)

    assert job.status is Status.SUCCEEDED, job.reason
    after = connection.store.units.read(accepted.job.id, 1)
    finished = {key for key, unit in before.items() if unit.state is State.DONE}
    assert {UnitKey(Kind.VIDEO, 0), UnitKey(Kind.VIDEO, 1)} <= finished
    assert all(after[key] == before[key] for key in finished), "a finished unit was touched"
    redone = {key: unit for key, unit in after.items() if unit.fence > 1}
    assert set(redone) == {UnitKey(Kind.VIDEO, 2)}
    assert redone[UnitKey(Kind.VIDEO, 2)].deaths == 1
    assert job.outputs
    manifest = Manifest.model_validate_json(
        connection.storage.get(system.settings.output_bucket, job.outputs.manifest_key)
    )
    assert sum("/00002-f2.mp4" in entry.key for entry in manifest.entries) == len(job.outputs.renditions)
    assert not any("/00002-f1.mp4" in entry.key for entry in manifest.entries)


def test_nothing_of_a_killed_worker_lives_on(system: LocalSystem, long_clip: Path) -> None:
    """Pool child and ffmpeg die with the main process, whatever kills it."""
    connection = systems.connect(system.settings)
    worker = system.start_worker(RUGBYTX_X264_PRESET="veryslow")
    request = intake.Request(source=str(long_clip), chunk_s=30.0, profile="clip")
    accepted = intake.accept(request, connection)
    until = time.monotonic() + BOUND_S
    while not (encoders := descendants(worker.pid, "ffmpeg", "libx264", "/unit/")):
        assert time.monotonic() < until, "no encoder was seen"
        time.sleep(0.02)
    with ExitStack() as stack:
        dying = [stack.enter_context(watched(pid)) for pid in (*encoders, *descendants(worker.pid, "celery"))]
        worker.kill()
        assert all(ends(process) for process in dying)
    connection.store.jobs.end(accepted.job.id, 1, Status.CANCELLED, reason="the test is over")
