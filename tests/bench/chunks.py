"""One job by two workers beside one worker, each with one core to encode on."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Pointer, Status
from rugbytx.core.lease.unit import Kind, Unit, UnitKey
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.bench import footage, turn, world
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale


def measure(folder: Path, scale: Scale) -> Result:
    """Encode the same chunks with one worker and with two, in turn."""
    source = footage.film(folder, scale.of(80, 4), size="640x360" if scale is Scale.FULL else "320x180")
    chunk_s = scale.of(10, 2)
    cores = turn.cores()
    with world.system(folder, {}) as local:
        connection = systems.connect(local.settings)
        first = {"RUGBYTX_FFMPEG": world.pinned(folder, cores[0])}
        second = {"RUGBYTX_FFMPEG": world.pinned(folder, cores[-1])}
        local.start_worker(wait=True, **first)
        pairs = turn.in_turn(
            lambda: _with_another(local, connection, source, chunk_s, second),
            lambda: _encode_phase_s(connection, source, chunk_s, lanes=1),
            rounds=scale.of(3, 1),
            warm=False,
        )
    return Result(
        name="chunks",
        ours="the encode phase of one job, two workers with a core each",
        reference="one such worker",
        figures=(
            Figure(
                name="speed-up",
                ratios=tuple(one_s / two_s for two_s, one_s in pairs),
                goal=1.7,
                bound=Bound.AT_LEAST,
            ),
        ),
        details={
            "two_s": world.rounded([two_s for two_s, _ in pairs]),
            "one_s": world.rounded([one_s for _, one_s in pairs]),
        },
    )


def _with_another(
    local: LocalSystem, connection: Connection, source: Path, chunk_s: float, variables: Mapping[str, str]
) -> float:
    """Return how long the phase takes with one more worker, who leaves again."""
    other = local.start_worker(wait=True, **variables)
    try:
        return _encode_phase_s(connection, source, chunk_s, lanes=2)
    finally:
        local.stop_worker(other)


def _encode_phase_s(connection: Connection, source: Path, chunk_s: float, *, lanes: int) -> float:
    """Do the job once more and return how long it took from the first chunk's claim to the last one's end."""
    request = intake.Request(source=str(source), profile="bench", chunk_s=chunk_s, force=True)
    job = intake.accept(request, connection).job
    # A further pointer is a further lane, once there is a plan: before that it would find nothing to do.
    world.waited(partial(_is_planned, connection, job.id), what="the plan", look_s=0.01)
    for _ in range(lanes - 1):
        connection.queue.send([Pointer(job_id=job.id, generation=job.generation)])
    ended = world.ended(connection, job.id)
    if ended.status is not Status.SUCCEEDED:
        raise RuntimeError(f"the job {ended.status}: {ended.reason}")
    return phase_s(connection.store.units.read(job.id, job.generation))


def _is_planned(connection: Connection, job_id: str) -> bool:
    job = connection.store.jobs.read(job_id)
    return job is not None and job.units > 0


def phase_s(units: Mapping[UnitKey, Unit]) -> float:
    """Return the time between the first start and the last end of a chunk."""
    chunks = [unit.measured for key, unit in units.items() if key.kind is Kind.VIDEO]
    return max(one.ended_at for one in chunks) - min(one.started_at for one in chunks)
