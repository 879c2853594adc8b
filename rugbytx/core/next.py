"""Which unit next: the one question a lane asks between units."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.plan import Plan
from rugbytx.core.unit import AUDIO, MP4, PLAN, PUBLISH, Kind, State, Unit, UnitKey

#: A finished attempt that failed may be repeated until a unit has this many verdicts.
MOST_VERDICTS = 4

#: Attempts that fell silent: a source that kills its worker must not kill the fleet.
MOST_DEATHS = 8

#: A lease that ran out is looked at this much later, so that its owner's last renewal has settled.
AFTER_LEASE_S = 5.0


class Action(StrEnum):
    """What a lane does next."""

    CLAIM = "claim"
    #: Nothing can be claimed before ``wake_at``: leave.
    WAIT = "wait"
    #: Everything is done: end the job SUCCEEDED.
    FINISH = "finish"
    #: A unit has used up its attempts: end the job FAILED.
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do, and why.  ``key`` and ``seen`` are set for CLAIM, ``wake_at`` for WAIT."""

    action: Action
    reason: str
    key: UnitKey = PLAN
    seen: Unit | None = None
    wake_at: float = 0.0


def stages(plan: Plan | None) -> Iterator[tuple[UnitKey, ...]]:
    """Yield the job's units in stages: a stage begins when the one before it is done.

    Audio comes first in its stage: it is short, and a listener of an early
    playlist needs it from the beginning.
    """
    yield (PLAN,)
    if plan is None:
        return
    audio = (AUDIO,) if plan.audio else ()
    yield audio + tuple(UnitKey(Kind.VIDEO, index) for index in range(plan.grid.chunks))
    if plan.mp4:
        yield (MP4,)
    yield (PUBLISH,)


def unit_count(plan: Plan) -> int:
    """Return how many units the plan holds, its own included."""
    return sum(len(stage) for stage in stages(plan))


def decide(plan: Plan | None, units: Mapping[UnitKey, Unit], *, now: float) -> Decision:
    """Return what a lane does next for one job.

    ``units`` are those that were ever claimed, by a consistent read; ``now`` is
    store time.
    """
    for key, unit in units.items():
        if spent := _spent(unit):
            return Decision(action=Action.FAIL, reason=f"{key}: {spent}", key=key)
    for stage in stages(plan):
        pending = [key for key in stage if key not in units or units[key].state is not State.DONE]
        if not pending:
            continue
        for key in pending:
            seen = units.get(key)
            if seen is None or seen.is_claimable(now):
                return Decision(action=Action.CLAIM, reason=_claim_reason(seen), key=key, seen=seen)
        wake_at = min(_look_again_at(units[key]) for key in pending)
        return Decision(action=Action.WAIT, reason="all-units-taken", wake_at=wake_at)
    return Decision(action=Action.FINISH, reason="all-units-done")


def _spent(unit: Unit) -> str:
    """Return why a unit may not be tried again, or an empty string."""
    if unit.state is State.WAITING and unit.verdicts >= MOST_VERDICTS:
        return f"{unit.reason} (tried {unit.verdicts} times)"
    if unit.state is not State.DONE and unit.deaths >= MOST_DEATHS:
        return f"the worker fell silent in each of {unit.deaths} attempts"
    return ""


def _claim_reason(seen: Unit | None) -> str:
    if seen is None:
        return "first-claim"
    return "lease-ran-out" if seen.state is State.LEASED else "retry-is-due"


def _look_again_at(unit: Unit) -> float:
    """Return when a unit that somebody has, or that waits, should be looked at again."""
    return unit.claimable_at() + (AFTER_LEASE_S if unit.state is State.LEASED else 0.0)
