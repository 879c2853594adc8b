"""A scaling decision with all that it was made from, so that it can be made again: ``rugbytx replay``."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields

from pydantic import TypeAdapter

from rugbytx.core.scaling import desired_count
from rugbytx.core.scaling.facts import FleetFact, ScalingDecision, ScalingFacts, ScalingPolicy


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One pointer that was sent as an assist."""

    job_id: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One decision, its facts and its policy; and what the next one has to remember of it."""

    facts: ScalingFacts
    policy: ScalingPolicy
    decision: ScalingDecision
    #: When more workers than before were last ordered.
    ordered_at: float = 0.0
    #: Assists that may still be under way, the earliest first.
    sent: tuple[Sent, ...] = ()
    #: Jobs that will more likely than not be late.
    at_risk: tuple[str, ...] = ()


_ADAPTER = TypeAdapter(Recorded)


def to_json(recorded: Recorded) -> str:
    """Return it as one line."""
    return _ADAPTER.dump_json(recorded).decode()


def from_json(text: str) -> Recorded:
    """Return what ``to_json`` wrote; raises ValueError for anything else."""
    return _ADAPTER.validate_json(text)


def read(text: str) -> Recorded | None:
    """Return what a record of a decision says; None for no text, and for another version's or a stranger's."""
    try:
        return from_json(text) if text else None
    except ValueError:
        return None


def record(facts: ScalingFacts, policy: ScalingPolicy, *, before: Recorded | None) -> Recorded:
    """Decide, and return the decision with what the next one has to remember."""
    decision = desired_count.decide(facts, policy)
    has_raised = decision.desired > facts.fleet.desired
    sent = (*(before.sent if before else ()), *_sent(decision, facts.now))
    open_ids = {job.job_id for job in facts.jobs}
    finishes = desired_count.finishes(facts, policy, decision)
    return Recorded(
        facts=facts,
        policy=policy,
        decision=decision,
        ordered_at=facts.now if has_raised else facts.fleet.ordered_at,
        sent=tuple(
            pointer
            for pointer in sent
            if pointer.job_id in open_ids and facts.now - pointer.at < policy.assist_s
        ),
        at_risk=tuple(finish.job_id for finish in finishes if finish.is_late(facts.now)),
    )


def assists(before: Recorded | None, *, now: float) -> Counter[str]:
    """Return how many assists of each job were sent lately."""
    if before is None:
        return Counter()
    return Counter(sent.job_id for sent in before.sent if now - sent.at < before.policy.assist_s)


def fleet_fact(before: Recorded | None, *, desired: int, now: float) -> FleetFact:
    """Return what was ordered; who ordered before us, and when, is not known: then it is taken to be just now."""
    return FleetFact(desired=desired, ordered_at=before.ordered_at if before else now)


def differences(recorded: Recorded, policy: ScalingPolicy | None = None) -> Iterator[str]:
    """Yield what would be decided otherwise today, or by another policy: ``name: then -> now``."""
    again = desired_count.decide(recorded.facts, policy or recorded.policy)
    for field in fields(ScalingDecision):
        then, now = getattr(recorded.decision, field.name), getattr(again, field.name)
        if then != now:
            yield f"{field.name}: {then} -> {now}"


def _sent(decision: ScalingDecision, now: float) -> Iterator[Sent]:
    for assist in decision.assists:
        for _ in range(assist.count):
            yield Sent(job_id=assist.job_id, at=now)
