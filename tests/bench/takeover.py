"""From a kill to the next frame of the same chunk by another worker, at the times that workers are shipped with."""

import random
import time
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job import Status
from rugbytx.core.unit import Kind, State, UnitKey
from rugbytx.local.fleet import Worker
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.bench import footage, world
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale
from tests.processes import descendants

#: What the note that this project began from sets: nothing happens before it is over.
NOTE_VISIBILITY_S = 1200.0
#: More than any header of a track file has, less than a fragment.
HEADER_BYTES = 2000
#: Slow enough that an encoder is met in the middle of its chunk.
PRESET = "veryslow"
SMOKE_PRESET = "slow"
#: Short, for a look at whether it works.
SMOKE_TIMES = {
    "RUGBYTX_X264_PRESET": SMOKE_PRESET,
    "RUGBYTX_LEASE_S": "4",
    "RUGBYTX_HEARTBEAT_S": "1",
    "RUGBYTX_VISIBILITY_S": "4",
    "RUGBYTX_POLL_WAIT_S": "1",
}


def measure(folder: Path, scale: Scale) -> Result:
    """Kill a worker in the middle of a chunk, and wait for a frame of that chunk by the other one."""
    is_full = scale is Scale.FULL
    settings = {**world.as_shipped("jetson"), "RUGBYTX_X264_PRESET": PRESET} if is_full else SMOKE_TIMES
    source = footage.film(folder, scale.of(60, 20), size="640x360" if is_full else "320x180")
    rounds = scale.of(2, 1)
    with world.system(folder, settings) as local:
        connection = systems.connect(local.settings)
        found = [_once(local, connection, source) for _ in range(rounds)]
        lease_s, heartbeat_s = local.settings.lease_s, local.settings.heartbeat_s
    return Result(
        name="takeover",
        ours="from kill -9 to the next frame of that chunk, by another worker",
        reference=f"a visibility of {NOTE_VISIBILITY_S:g} s, by its setting",
        figures=(
            Figure(
                name="times faster",
                ratios=tuple(NOTE_VISIBILITY_S / away_s for away_s, _ in found),
                goal=8.0,
                bound=Bound.AT_LEAST,
            ),
        ),
        details={
            "takeover_s": world.rounded([away_s for away_s, _ in found], 1),
            "redone_s": world.rounded([redone_s for _, redone_s in found], 1),
            "lease_s": lease_s,
            "heartbeat_s": heartbeat_s,
        },
    )


def _once(local: LocalSystem, connection: Connection, source: Path) -> tuple[float, float]:
    """Return how long the chunk stood still, and how much of an encoder's work was lost."""
    first = local.start_worker()
    request = intake.Request(source=str(source), profile="bench", force=True)
    job = intake.accept(request, connection).job
    world.waited(lambda: _writes(first), what="the first worker encodes")
    began = time.monotonic()
    # Anywhere between two renewals; the first of them has come where the lease is long.
    time.sleep(random.uniform(0.2, 1.2) * local.settings.heartbeat_s)  # noqa: S311  no secret
    first.kill()
    killed_at = time.monotonic()
    second = local.start_worker()
    world.waited(lambda: _writes(second), what="the second worker encodes")
    away_s = time.monotonic() - killed_at
    unit = connection.store.read_units(job.id, job.generation)[UnitKey(Kind.VIDEO, 0)]
    if (unit.state, unit.deaths) != (State.LEASED, 1):
        raise RuntimeError(f"the chunk was not met in the middle: {unit.state}, {unit.deaths} deaths")
    for worker in (first, second):
        local.stop_worker(worker)
    connection.store.end_job(job.id, job.generation, Status.CANCELLED, reason="measured")
    return away_s, killed_at - began


def _writes(worker: Worker) -> bool:
    """Return whether an encoder of the worker's has written frames: a fragment follows a file's header."""
    for pid in descendants(worker.pid, "ffmpeg", "/unit/"):
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = path.readlink()
                if (
                    target.suffix == ".mp4"
                    and "/unit/" in str(target)
                    and target.stat().st_size > HEADER_BYTES
                ):
                    return True
            except OSError:
                continue  # it was closed, or the encoder ended, while we looked
    return False
