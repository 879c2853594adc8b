"""From a kill to the next frame of the same chunk by another worker, at the times that workers are shipped with."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import Kind, State, UnitKey
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from tests.bench import footage, world
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale
from tests.processes import descendants

#: What the note (docs/origin/note.md) sets: nothing happens before it is over.
NOTE_VISIBILITY_S = 1200.0
#: More than any header of a track file has, less than a fragment.
HEADER_BYTES = 2000
#: Slow enough that an encoder is met in the middle of its chunk.
PRESET = "veryslow"
#: Short, for a look at whether it works.
SMOKE_TIMES = {
    "RUGBYTX_LEASE_S": "4",
    "RUGBYTX_HEARTBEAT_S": "1",
    "RUGBYTX_VISIBILITY_S": "4",
    "RUGBYTX_POLL_WAIT_S": "1",
}


def measure(folder: Path, scale: Scale) -> Result:
    """Kill workers in the middle of a chunk, and wait for a frame of the same chunk by another one."""
    is_full = scale is Scale.FULL
    lengths_s = (120, 118) if is_full else (60,)
    size = "960x540" if is_full else "320x180"
    times = world.as_shipped(WorkerClass.JETSON) if is_full else SMOKE_TIMES
    with world.system(folder, {**times, "RUGBYTX_X264_PRESET": PRESET}) as local:
        found = _takeovers(local, [footage.film(folder, length_s, size=size) for length_s in lengths_s])
        lease_s, heartbeat_s = local.settings.lease_s, local.settings.heartbeat_s
    return Result(
        name="takeover",
        ours="from kill -9 to the next frame of that chunk, by another worker",
        reference=f"a visibility of {NOTE_VISIBILITY_S:g} s, by its setting",
        figures=(
            Figure(
                name="times faster",
                ratios=tuple(NOTE_VISIBILITY_S / one.away_s for one in found),
                goal=8.0,
                bound=Bound.AT_LEAST,
            ),
        ),
        details={
            "takeover_s": world.rounded([one.away_s for one in found], 1),
            "redone_s": world.rounded([one.redone_s for one in found], 1),
            "lease_s": lease_s,
            "heartbeat_s": heartbeat_s,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """What one kill cost."""

    #: From the kill to the next frame of the chunk.
    away_s: float
    #: How long the encoder that died had been at work on it.
    redone_s: float


def _takeovers(local: LocalSystem, sources: Sequence[Path]) -> list[Takeover]:
    """Let a worker begin with each source, and kill one after the other; then come as many others."""
    connection = systems.connect(local.settings)
    working = [local.start_worker() for _ in sources]
    jobs = [
        intake.accept(intake.Request(source=str(source), profile="bench", chunk_s=600.0), connection).job
        for source in sources
    ]
    world.waited(lambda: all(_writes(working, job) for job in jobs), what="the first workers encode")
    began = time.monotonic()
    killed_at: dict[str, float] = {}
    for worker in working:
        (job,) = [job for job in jobs if _writes([worker], job)]
        time.sleep(random.uniform(0.1, 0.6) * local.settings.heartbeat_s)  # noqa: S311  no secret
        worker.kill()
        killed_at[job.id] = time.monotonic()
    others = [local.start_worker() for _ in sources]
    found = []
    for job in sorted(jobs, key=lambda job: killed_at[job.id]):
        world.waited(partial(_writes, others, job), what="another worker encodes")
        seen_at = time.monotonic()
        unit = connection.store.units.read(job.id, job.generation)[UnitKey(Kind.VIDEO, 0)]
        if (unit.state, unit.deaths) != (State.LEASED, 1):
            raise RuntimeError(f"the chunk was not met in the middle: {unit.state}, {unit.deaths} deaths")
        found.append(Takeover(away_s=seen_at - killed_at[job.id], redone_s=killed_at[job.id] - began))
    return found


def _writes(workers: Sequence[LocalWorker], job: Job) -> bool:
    """Return whether an encoder of these workers has written frames of the job's: more than a file's header."""
    for pid in (pid for worker in workers for pid in descendants(worker.pid, "ffmpeg", job.id, "libx264")):
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                file = path.readlink()
                if file.suffix == ".mp4" and "/unit/" in str(file) and file.stat().st_size > HEADER_BYTES:
                    return True
            except OSError:
                continue  # it was closed, or the encoder ended, while we looked
    return False
