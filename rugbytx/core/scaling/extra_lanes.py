"""Further lanes for a running job: only where a slot is free, and only for a reason.

One message is one lane, so a single match runs on one slot however many are free.
An assist is a further pointer for the same job; its lane claims units as the
first one does, and nothing is done twice.  That is what the note (docs/origin/note.md) calls stealing.
"""

import math
from collections.abc import Sequence

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.capacity import Capacity
from rugbytx.core.scaling.facts import Assist, JobFact, Mode, ScalingFacts, ScalingPolicy

DANGER = "deadline-in-danger"
FREE = "slot-is-free"


def decide(facts: ScalingFacts, policy: ScalingPolicy, slots: Capacity, *, wanted: int) -> tuple[Assist, ...]:
    """Return which jobs get further lanes; lanes, and assists under way, never exceed what a job can use.

    Every free slot that may receive gets one: the Jetson's, because its work is
    free and ends an AWS worker's the sooner, and those of AWS workers that are
    wanted, because the number that is wanted counts on them.  Jobs whose deadline is
    in danger come first, but in mode ``fastest``, where all are to be quick.
    """
    free = _free(facts, slots, wanted=wanted)
    # A lane that finds no plan leaves at once, and its pointer is remembered as under way for minutes.
    jobs = sorted((job for job in facts.jobs if job.is_planned), key=lambda job: job.deadline_at)
    speed_px_per_s = _slot_px_per_s(facts)
    given: dict[str, int] = {}
    if policy.mode is Mode.DEADLINE:
        for job in jobs:
            lacks = lanes_wanted(job, facts.now, policy, speed_px_per_s) - _lanes(job)
            if min(lacks, free) > 0:
                given[job.job_id] = min(lacks, free)
                free -= given[job.job_id]
    endangered = frozenset(given)
    _spread(jobs, free, given)
    return tuple(
        Assist(
            job_id=job.job_id,
            generation=job.generation,
            count=given[job.job_id],
            reason=DANGER if job.job_id in endangered else FREE,
        )
        for job in jobs
        if given.get(job.job_id)
    )


def lanes_wanted(job: JobFact, now: float, policy: ScalingPolicy, slot_px_per_s: float) -> int:
    """Return how many lanes a job needs to be done in time; as many as it has units, once that is past."""
    left_s = job.deadline_at - policy.margin_s - now
    most = max(1, job.units_left)
    if left_s <= 0:
        return most
    return min(most, math.ceil(job.left_px * (1 + policy.margin_share) / (slot_px_per_s * left_s)) or 1)


def _lanes(job: JobFact) -> int:
    """Return the lanes that a job has or is about to have: its own message is always one of them."""
    return max(1, job.lanes) + job.assists


def _spread(jobs: Sequence[JobFact], free: int, given: dict[str, int]) -> None:
    """Give each free slot to the job with the most work for each of its lanes; ``given`` grows."""
    for _ in range(free):
        takers = [job for job in jobs if _lanes(job) + given.get(job.job_id, 0) < job.units_left]
        if not takers:
            return
        most = max(takers, key=lambda job: job.left_px / (_lanes(job) + given.get(job.job_id, 0)))
        given[most.job_id] = given.get(most.job_id, 0) + 1


def _free(facts: ScalingFacts, slots: Capacity, *, wanted: int) -> int:
    """Return the slots that would take an assist: free ones, less the messages that wait for them already."""
    jetson = sum(
        worker.slots - worker.busy
        for worker in facts.workers
        if worker.worker_class is WorkerClass.JETSON and worker.is_able
    )
    admitted = max(0, wanted - len(slots.busy))
    aws = sum(worker.slots for worker in slots.idle[:admitted])
    waiting = sum(job.is_queued for job in facts.jobs) + sum(job.assists for job in facts.jobs)
    return jetson + aws - max(waiting, facts.visible)


def _slot_px_per_s(facts: ScalingFacts) -> float:
    """Return the speed of a slot, on average over those that live; of an AWS one where none does."""
    speeds = [
        facts.paces[worker.worker_class].px_per_s
        for worker in facts.workers
        if worker.is_able and worker.worker_class in facts.paces
        for _ in range(worker.slots)
    ]
    return sum(speeds) / len(speeds) if speeds else facts.paces[WorkerClass.AWS].px_per_s
