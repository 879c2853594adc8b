"""What is left to do: open jobs as the facts that scaling, gates and lanes decide from.

Nothing of it needs a job's units: its record says how large the plan is, and which
of its units are finished.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.scaling import pace
from rugbytx.core.scaling.facts import JobFact
from rugbytx.core.scaling.pace import MATCH_CHUNKS, MATCH_PX, Assumed, Pace

#: A chunk's share of the note's match: what a job without a plan is taken to be cut into.
CHUNK_PX = MATCH_PX / MATCH_CHUNKS
#: PLAN and PUBLISH.
LEAST_UNITS = 2


def facts(
    jobs: Sequence[Job],
    workers: Iterable[Worker],
    *,
    assists: Mapping[str, int],
    assumed: Assumed | None = None,
) -> tuple[JobFact, ...]:
    """Return the open jobs' facts; ``assists`` are pointers sent lately, by job id.

    An assist that has become a lane is not under way any more: a job's lanes
    beyond its first are taken to be assists'.
    """
    lanes = Counter(job_id for worker in workers for job_id in worker.jobs)
    known = [(job.work_px, job.source.size_bytes) for job in jobs if job.work_px]
    assumed = assumed or Assumed()
    px_per_byte = pace.px_per_byte(known, prior=assumed.px_per_byte)
    return tuple(
        fact(
            job,
            lanes=lanes[job.id],
            assists=assists.get(job.id, 0),
            px_per_byte=px_per_byte,
            overhead_px=assumed.overhead_px,
        )
        for job in jobs
        if job.is_open
    )


def fact(job: Job, *, lanes: int, assists: int, px_per_byte: float, overhead_px: float = 0.0) -> JobFact:
    """Return one job's fact; ``assists`` are pointers sent lately, those that became lanes among them."""
    work_px = (job.work_px or job.source.size_bytes * px_per_byte) + overhead_px
    units = job.units or LEAST_UNITS + math.ceil(work_px / CHUNK_PX)
    left = max(1, units - len(job.done))
    return JobFact(
        job_id=job.id,
        generation=job.generation,
        submitted_at=job.submitted_at,
        deadline_at=job.deadline_at,
        work_px=work_px,
        left_px=work_px * left / units,
        units_left=left,
        is_queued=job.status is Status.QUEUED,
        is_planned=job.units > 0,
        is_bumped=job.bumped_at is not None,
        lanes=lanes,
        assists=max(0, assists - max(0, lanes - 1)),
        size_bytes=job.source.size_bytes,
    )


def paces(workers: Iterable[Worker], priors: Mapping[WorkerClass, Pace]) -> dict[WorkerClass, Pace]:
    """Return how fast a slot of each class is, by the chunks that the living workers finished last."""
    speeds: dict[WorkerClass, list[float]] = {name: [] for name in priors}
    for worker in workers:
        if worker.worker_class in speeds:
            speeds[worker.worker_class].extend(worker.speeds)
    return {name: pace.learned(chunk_speeds, priors[name]) for name, chunk_speeds in speeds.items()}
