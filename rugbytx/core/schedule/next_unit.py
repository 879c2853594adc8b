"""Which unit next: the one question a lane asks between units."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rugbytx.core.lease import transition
from rugbytx.core.lease.transition import Event
from rugbytx.core.lease.unit import AUDIO, MP4, PLAN, PUBLISH, Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import chunk_order
from rugbytx.core.schedule.encoder_pin import MOST_REPINS, EncoderPin, is_outdated

#: A finished attempt that failed may be repeated until a unit has this many verdicts.
MOST_VERDICTS = 4

#: Attempts that fell silent: a source that kills its worker must not kill the fleet.
MOST_DEATHS = 8

#: A lease that ran out is looked at this much later, so that its owner's last renewal has settled.
AFTER_LEASE_S = 5.0


class LaneAction(StrEnum):
    """What a lane does next."""

    CLAIM = "claim"
    #: The job takes chunks of one encoder only: from here on, of ours.
    PIN = "pin"
    #: Nothing can be claimed before ``wake_at``: leave.
    WAIT = "wait"
    #: Everything is done: end the job SUCCEEDED.
    FINISH = "finish"
    #: No worker can do a unit, or it has used up its attempts: end the job FAILED.
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class LaneDecision:
    """What to do, and why.  ``key`` and ``seen`` are set for CLAIM, ``wake_at`` for WAIT."""

    action: LaneAction
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
    yield _tracks(plan.grid.chunks, has_audio=plan.audio is not None)
    if plan.mp4:
        yield (MP4,)
    yield (PUBLISH,)


@lru_cache(maxsize=64)
def _tracks(chunks: int, *, has_audio: bool) -> tuple[UnitKey, ...]:
    """Return the stage of sound and picture; a lane asks for the same one before each of its units."""
    audio = (AUDIO,) if has_audio else ()
    return audio + tuple(UnitKey(Kind.VIDEO, index) for index in range(chunks))


def unit_count(plan: Plan) -> int:
    """Return how many units the plan holds, its own included."""
    return sum(len(stage) for stage in stages(plan))


def decide(
    plan: Plan | None, units: Mapping[UnitKey, Unit], *, now: float, maker: str, pin: EncoderPin | None = None
) -> LaneDecision:
    """Return what a lane does next for one job.

    ``units`` are those that were ever claimed, by a consistent read; ``now`` is
    store time.  ``maker`` is the fingerprint of the lane's own encoder, and
    ``pin`` is the job's, where its profile allows no splice.
    """
    # A film has hundreds of chunks, most of them are done, and a lane asks before each: they are walked through once.
    done = {
        key: unit
        for key, unit in units.items()
        if unit.state is State.DONE and (pin is None or not is_outdated(pin, unit))
    }
    taken = {key: unit for key, unit in units.items() if unit.state is not State.DONE}
    for key, unit in taken.items():
        if spent := _spent(unit):
            return LaneDecision(action=LaneAction.FAIL, reason=spent, key=key)
    for stage in stages(plan):
        pending = [key for key in stage if key not in done]
        if not pending:
            continue
        claimable = [key for key in pending if key not in taken or taken[key].is_claimable(now)]
        if not claimable:
            wake_at = min(_claimable_again_at(taken[key]) for key in pending)
            return LaneDecision(action=LaneAction.WAIT, reason="all-units-taken", wake_at=wake_at)
        key = claimable[0]
        if key.kind is Kind.VIDEO:
            if pin and pin.maker != maker:
                return _without_pin(pin, now=now)
            held = {**done, **{key: unit for key, unit in taken.items() if _is_held(unit, now)}}
            key = _chunk(claimable, held, chunks=stage[-1].index + 1, maker=maker)
        seen = units.get(key)
        reason = transition.find(Event.CLAIM, seen).reason
        return LaneDecision(action=LaneAction.CLAIM, reason=reason, key=key, seen=seen)
    return LaneDecision(action=LaneAction.FINISH, reason="all-units-done")


def _without_pin(pin: EncoderPin, *, now: float) -> LaneDecision:
    """Return what a lane does that would take a chunk of a job that is not pinned to its encoder."""
    if not pin.maker:
        return LaneDecision(action=LaneAction.PIN, reason="first-chunk")
    if pin.lives_until > now:
        return LaneDecision(
            action=LaneAction.WAIT, reason="pinned-to-another-encoder", wake_at=pin.lives_until
        )
    if pin.times >= MOST_REPINS:
        reason = f"each of the {pin.times + 1} encoders that began its chunks went away before all were done"
        return LaneDecision(action=LaneAction.FAIL, reason=reason)
    return LaneDecision(action=LaneAction.PIN, reason="no-living-worker-with-the-pinned-encoder")


def _is_held(unit: Unit, now: float) -> bool:
    """Return whether somebody is at the unit, under a lease that lasts."""
    return unit.state is State.LEASED and not unit.is_claimable(now)


def _chunk(claimable: Sequence[UnitKey], held: Mapping[UnitKey, Unit], *, chunks: int, maker: str) -> UnitKey:
    """Return which of the claimable chunks to take; ``held`` are the units that are done or in work."""
    makers = {key.index: unit.maker for key, unit in held.items() if key.kind is Kind.VIDEO}
    index = chunk_order.pick([key.index for key in claimable], makers, chunks=chunks, maker=maker)
    return UnitKey(Kind.VIDEO, index)


def _spent(unit: Unit) -> str:
    """Return why a unit may not be tried again, or an empty string.

    A source that is bad says so itself; who used up the attempts has to be named.
    """
    if unit.state is State.FAILED:
        return unit.reason
    if unit.state is State.WAITING and unit.verdicts >= MOST_VERDICTS:
        return f"{unit.key}: {unit.reason} (tried {unit.verdicts} times)"
    if unit.state is not State.DONE and unit.deaths >= MOST_DEATHS:
        return f"{unit.key}: the worker fell silent in each of {unit.deaths} attempts"
    return ""


def _claimable_again_at(unit: Unit) -> float:
    """Return when a unit that somebody has, or that waits, should be looked at again."""
    return unit.claimable_at() + (AFTER_LEASE_S if unit.state is State.LEASED else 0.0)
