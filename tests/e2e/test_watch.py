"""`rugbytx watch` beside a running job: it tells what the store holds, and what it foretells at half time comes true."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.lease.unit import Kind, State
from rugbytx.core.output.result import plan_of
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.e2e.conftest import RUGBYTX

DEMO_CLIP = Path(__file__).parents[3] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"

pytestmark = [
    pytest.mark.process,
    pytest.mark.long,
    pytest.mark.skipif(not DEMO_CLIP.is_file(), reason="the real footage is not beside the project"),
]

#: Seconds of film, and how many an encoder reads in a second: its pace hardly depends on the machine's.
FILM_S = 300
READ_RATE = 5
#: More than the job takes on a busy machine.
BOUND_S = 400
#: How old what is told may be.
AGE_S = 15.0


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return the demo clip, looped to five minutes."""
    path = tmp_path / "five minutes.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "-1", "-i", str(DEMO_CLIP)),
        *("-t", str(FILM_S), "-c", "copy", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=120)
    return path


def frames_held(connection: Connection, job_id: str) -> tuple[int, int]:
    """Return how many frames the store holds finished, and how many with the chunks that are in work."""
    units = connection.store.units.read(job_id, 1)
    plan = plan_of(units)
    if plan is None:
        return 0, 0
    chunks = {key: unit for key, unit in units.items() if key.kind is Kind.VIDEO}
    frames = {key: len(plan.grid.chunk_frames(key.index)) for key in chunks}
    return sum(frames[key] for key, unit in chunks.items() if unit.state is State.DONE), sum(frames.values())


def test_watch_agrees_with_the_store_and_with_what_comes(system: LocalSystem, film: Path) -> None:
    """Within 15 s of the store, and the ETA at half time within 15 % of what was left, as ``watch --json`` streams it."""
    connection = systems.connect(system.settings)
    worker = system.start_worker(RUGBYTX_READ_RATE=str(READ_RATE))
    job = intake.accept(intake.Request(source=str(film), chunk_s=30.0), connection).job
    seen: list[tuple[float, dict[str, object]]] = []
    held: list[tuple[float, int]] = []
    with subprocess.Popen(
        [RUGBYTX, "watch", job.id, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watching:
        assert watching.stdout is not None
        began_at = time.monotonic()
        for line in watching.stdout:
            now, told = time.monotonic(), json.loads(line)
            seen.append((now, told))
            least, most = frames_held(connection, job.id)
            held.append((now, least))
            known = max((frames for at, frames in held if at <= now - AGE_S), default=0)
            assert known <= int(told["frames_done"] or 0) <= most
            assert now < began_at + BOUND_S
    system.stop_worker(worker)
    assert seen[-1][1]["status"] == "SUCCEEDED"
    frames = int(str(seen[-1][1]["frames_done"]))
    at, half = next(
        (at, told) for at, told in seen if int(str(told["frames_done"] or 0)) >= frames / 2 and told["eta_s"]
    )
    left_s = seen[-1][0] - at
    eta_s = float(str(half["eta_s"]))
    assert abs(eta_s - left_s) <= 0.15 * left_s, f"{eta_s:.1f} s were foretold, and it took {left_s:.1f} s"
