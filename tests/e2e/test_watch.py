"""`rugbytx watch` beside a running job: what it foretells at half time comes true."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.local.system import LocalSystem
from tests.e2e.conftest import RUGBYTX

pytestmark = [pytest.mark.process, pytest.mark.long]

#: Seconds of film, and how many an encoder reads in a second: its pace hardly depends on the machine's.
FILM_S = 300
READ_RATE = 5
#: More than the job takes on a busy machine.
BOUND_S = 400


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return five minutes of a small test picture with a tone."""
    path = tmp_path / "five minutes.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", f"testsrc2=size=256x144:rate=25:duration={FILM_S}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={FILM_S}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=120)
    return path


def test_the_eta_at_half_time_comes_true(system: LocalSystem, film: Path) -> None:
    """Within 15 % of what is left then, as ``watch --json`` streams it."""
    connection = systems.connect(system.settings)
    worker = system.start_worker(RUGBYTX_READ_RATE=str(READ_RATE))
    job = intake.accept(intake.Request(source=str(film), chunk_s=30.0), connection).job
    seen: list[tuple[float, dict[str, object]]] = []
    with subprocess.Popen(
        [RUGBYTX, "watch", job.id, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watching:
        assert watching.stdout is not None
        began_at = time.monotonic()
        for line in watching.stdout:
            seen.append((time.monotonic(), json.loads(line)))
            assert time.monotonic() < began_at + BOUND_S
    system.stop_worker(worker)
    assert seen[-1][1]["status"] == "SUCCEEDED"
    frames = FILM_S * 25
    at, half = next(
        (at, told) for at, told in seen if int(str(told["frames_done"] or 0)) >= frames / 2 and told["eta_s"]
    )
    left_s = seen[-1][0] - at
    eta_s = float(str(half["eta_s"]))
    assert abs(eta_s - left_s) <= 0.15 * left_s, f"{eta_s:.1f} s were foretold, and it took {left_s:.1f} s"
