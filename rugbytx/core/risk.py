"""Which jobs will probably be late, whatever was decided for them."""

from collections.abc import Iterator
from dataclasses import dataclass

from rugbytx.core.capacity import capacity
from rugbytx.core.scaling_facts import JETSON, Decision, Facts, Policy


@dataclass(frozen=True, kw_only=True)
class Risk:
    """A job whose deadline is at risk.  ``finish_at`` is store time."""

    job_id: str
    generation: int
    finish_at: float
    reason: str


def of(facts: Facts, policy: Policy, decision: Decision) -> Iterator[Risk]:
    """Yield the jobs that will end after their deadline, if work is done by deadline and all goes on as decided.

    While no worker is there a job is at risk once one Jetson slot could not do it in
    time any more: a worker that starts anew is silent for a minute, and nobody
    wants to be told of that.
    """
    found = capacity(facts, policy)
    workers = max(decision.wanted, decision.busy)
    ahead_px = 0.0
    for job in sorted(facts.jobs, key=lambda job: (job.deadline_at, job.job_id)):
        ahead_px += job.left_px
        drain_s = found.drain_s(ahead_px, workers=workers)
        left_s = facts.paces[JETSON].service_s(ahead_px) if drain_s is None else drain_s
        finish_at = facts.now + left_s
        if finish_at > job.deadline_at:
            reason = "nobody-works" if drain_s is None else "too-much-work"
            yield Risk(job_id=job.job_id, generation=job.generation, finish_at=finish_at, reason=reason)
