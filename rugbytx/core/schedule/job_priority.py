"""Which job a lane serves with its next unit: its own, unless another cannot wait.

Jobs are not handed round: the lane only does a unit of the other job, under the
same rules as any lane, and comes back.  That job's own pointer finds the rest, or
nothing, later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rugbytx.core.scaling.facts import JobFact, ScalingPolicy

OWN = "own-job"
BUMPED = "bumped"
DANGER = "deadline-in-danger"
SHORT = "short-behind-long"

#: A job that takes less than this share of what is left of ours goes before it.
SHORT_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class JobChoice:
    """Which job, and why it."""

    job_id: str
    reason: str


@dataclass
class Memory:
    """What a lane remembers from one choice to the next."""

    #: The other job that its last unit was of, or an empty string.
    serving: str = ""
    #: Other jobs of which nothing could be claimed, until the next unit, whoever's it is.
    passed: set[str] = field(default_factory=set)

    def remember(self, job_id: str, *, own_id: str, has_more: bool) -> None:
        """Remember what came of a turn: ``has_more`` says whether there was anything to do for the lane.

        >>> memory = Memory(passed={"a"})
        >>> memory.remember("b", own_id="c", has_more=False)
        >>> sorted(memory.passed)
        ['a', 'b']
        >>> memory.remember("d", own_id="c", has_more=True)
        >>> memory
        Memory(serving='d', passed=set())
        """
        if job_id != own_id and not has_more:
            self.passed.add(job_id)
            return
        self.serving = job_id if job_id != own_id else ""
        self.passed.clear()


def decide(
    own: JobFact,
    others: Sequence[JobFact],
    *,
    now: float,
    px_per_s: float,
    policy: ScalingPolicy,
    serving: str = "",
) -> JobChoice:
    """Return which job's unit a lane does next.

    ``others`` are open jobs that this lane may work on; ``px_per_s`` is what a slot
    makes at best; ``serving`` is the job that it did its last unit of.
    """
    # However short they are: where they come faster than they are done, ours would wait for ever.
    can_wait = not is_in_danger(own, now=now, px_per_s=px_per_s, policy=policy)
    urgent = [
        (job, reason)
        for job in others
        if (reason := _reason(job, own, now, px_per_s, policy, serving)) and (can_wait or reason != SHORT)
    ]
    first = min(urgent, key=lambda pair: _order(*pair), default=None)
    if first is None or own.is_bumped:
        return JobChoice(job_id=own.job_id, reason=OWN)
    job, reason = first
    return JobChoice(job_id=job.job_id, reason=reason)


def _reason(
    job: JobFact, own: JobFact, now: float, px_per_s: float, policy: ScalingPolicy, serving: str
) -> str:
    """Return why a job cannot wait until ours is done, or an empty string.

    A job in danger goes first only where its deadline is the earlier one: serving
    deadlines in their order is all that can be done, and lanes that are too few
    for all must not tear each other's jobs apart.
    """
    if job.is_bumped:
        return BUMPED
    if job.deadline_at < own.deadline_at and is_in_danger(job, now=now, px_per_s=px_per_s, policy=policy):
        return DANGER
    is_short = job.left_px < SHORT_SHARE * own.left_px
    return SHORT if is_short and (job.is_queued or job.job_id == serving) else ""


def is_in_danger(job: JobFact, *, now: float, px_per_s: float, policy: ScalingPolicy) -> bool:
    """Return whether a job misses its deadline unless more lanes work on it from here on."""
    left_s = job.deadline_at - policy.margin_s - now
    return job.left_px * (1 + policy.margin_share) / (px_per_s * max(1, job.lanes)) > left_s


def _order(job: JobFact, reason: str) -> tuple[int, float, str]:
    return ((BUMPED, DANGER, SHORT).index(reason), job.deadline_at, job.job_id)
