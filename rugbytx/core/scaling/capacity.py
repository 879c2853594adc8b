"""What the slots make in a time: the Jetson's, and those of AWS workers that work, start or could be ordered."""

from collections.abc import Sequence
from dataclasses import dataclass

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.facts import ScalingFacts, ScalingPolicy


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The slots of a moment."""

    #: All of the Jetson's slots that may receive, together.
    jetson_px_per_s: float
    #: One AWS worker, with all of its slots.
    aws_px_per_s: float
    #: AWS workers that live and can encode: at work, and without it.
    busy: tuple[Worker, ...]
    idle: tuple[Worker, ...]
    #: How many were ordered and have not been heard of.
    starting: int
    #: When each AWS worker could begin, in seconds from now, the earliest first; as many as there may be.
    ready: tuple[float, ...]
    #: One that has to be started counts only where it works for so long, and for as long as its start takes.
    least_use_s: float

    @property
    def most(self) -> int:
        """Return the largest number of AWS workers that may be asked about."""
        return len(self.ready)

    def pays_off_s(self, index: int) -> float:
        """Return until when there must be work, in seconds from now, for the AWS worker with this number to be worth it."""
        ready_s = self.ready[index]
        return ready_s + max(self.least_use_s, ready_s) if ready_s else 0.0

    def made_px(self, within_s: float, *, workers: int) -> float:
        """Return how much is made within so many seconds by the Jetson and the first ``workers`` of AWS.

        Those that would hardly have begun by then make nothing: else, as a deadline
        comes near, ever more of them would be needed for the same work, and all too late.
        """
        aws_s = sum(
            max(0.0, within_s - ready)
            for index, ready in enumerate(self.ready[:workers])
            if within_s >= self.pays_off_s(index)
        )
        return self.jetson_px_per_s * within_s + self.aws_px_per_s * aws_s

    def drain_s(self, work_px: float, *, workers: int) -> float | None:
        """Return when so much work is made, in seconds from now; None where nobody works.

        The sum of the slots' lines has a kink where a worker begins, and is
        inverted from kink to kink.
        """
        if work_px <= 0:
            return 0.0
        begins = [*self.ready[:workers], float("inf")]
        rate, at_s, left_px = self.jetson_px_per_s, 0.0, work_px
        for next_s in begins:
            if rate > 0 and left_px <= rate * (next_s - at_s):
                return at_s + left_px / rate
            if next_s == float("inf"):
                return None
            left_px -= rate * (next_s - at_s)
            rate, at_s = rate + self.aws_px_per_s, next_s
        return None


def capacity(facts: ScalingFacts, policy: ScalingPolicy) -> Capacity:
    """Return the slots that the facts tell of."""
    jetson = facts.paces[WorkerClass.JETSON].px_per_s * sum(
        worker.slots
        for worker in facts.workers
        if worker.worker_class is WorkerClass.JETSON and worker.is_able
    )
    able = sorted(
        (worker for worker in facts.workers if worker.worker_class is WorkerClass.AWS and worker.is_able),
        key=lambda worker: worker.name,
    )
    busy = tuple(worker for worker in able if worker.busy)
    idle = tuple(worker for worker in able if not worker.busy)
    starting = max(0, min(facts.fleet.desired, policy.max_workers) - len(able))
    return Capacity(
        jetson_px_per_s=jetson,
        aws_px_per_s=facts.paces[WorkerClass.AWS].px_per_s * policy.aws_slots,
        busy=busy,
        idle=idle,
        starting=starting,
        least_use_s=policy.least_use_s,
        # A unit has one slot: more slots than units find nothing to do.
        ready=_ready(facts, policy, living=len(able), starting=starting)[
            : sum(job.units_left for job in facts.jobs)
        ],
    )


def _ready(facts: ScalingFacts, policy: ScalingPolicy, *, living: int, starting: int) -> tuple[float, ...]:
    """Return when each of the AWS workers that there may be could begin."""
    left_s = max(0.0, facts.fleet.ordered_at + policy.cold_start_s - facts.now)
    ready: Sequence[float] = [0.0] * living + [left_s] * starting
    others = max(0, policy.max_workers - len(ready))
    return (*ready, *[policy.cold_start_s] * others)
