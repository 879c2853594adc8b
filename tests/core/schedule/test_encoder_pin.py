"""A job whose profile allows no splice: who may take its chunks, and what a new pin throws away."""

from collections.abc import Mapping

import pytest

from rugbytx.core.fleet import presence
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Repinned
from rugbytx.core.lease.unit import AUDIO, MP4, PLAN, Kind, State, Unit, UnitKey
from rugbytx.core.schedule import encoder_pin, next_unit
from rugbytx.core.schedule.encoder_pin import MOST_REPINS, EncoderPin
from rugbytx.core.schedule.next_unit import LaneAction
from tests.plans import PROFILE, SOURCE, small_plan

NOW = 1000.0
V0, V1, V2 = (UnitKey(Kind.VIDEO, index) for index in range(3))
PLAN3 = small_plan(chunks=3, mp4=True)


def unit(key: UnitKey, state: State = State.DONE, *, maker: str = "a", lease_until: float = 0.0) -> Unit:
    """Return a unit's record."""
    return Unit(key=key, generation=1, state=state, fence=1, maker=maker, lease_until=lease_until)


def units(*records: Unit) -> Mapping[UnitKey, Unit]:
    """Return these after plan and audio, which are done."""
    return {one.key: one for one in (unit(PLAN), unit(AUDIO), *records)}


def pinned_to(maker: str, *, lives_until: float = 0.0, times: int = 0) -> EncoderPin:
    """Return a job's pin."""
    return EncoderPin(maker=maker, lives_until=lives_until, times=times)


LIVING = pinned_to("a", lives_until=1050.0)
GONE = pinned_to("a", lives_until=999.0)

CASES = [
    # units, the pin, who asks -> action, key, wake_at
    (units(), pinned_to(""), "b", LaneAction.PIN, PLAN, 0.0),
    (units(), LIVING, "a", LaneAction.CLAIM, V0, 0.0),
    (units(), LIVING, "b", LaneAction.WAIT, PLAN, 1050.0),
    (units(unit(V0)), GONE, "b", LaneAction.PIN, PLAN, 0.0),
    (units(unit(V0)), pinned_to("a", times=MOST_REPINS), "b", LaneAction.FAIL, PLAN, 0.0),
    # chunks of the former encoder are made anew
    (units(unit(V0), unit(V1)), pinned_to("b"), "b", LaneAction.CLAIM, V0, 0.0),
    (units(unit(V0, maker="b"), unit(V1)), pinned_to("b"), "b", LaneAction.CLAIM, V1, 0.0),
    # one under the lease of a former owner is left alone until that ends
    (
        units(unit(V0, State.LEASED, lease_until=1100.0), unit(V1, maker="b"), unit(V2, maker="b")),
        pinned_to("b"),
        "b",
        LaneAction.WAIT,
        PLAN,
        1105.0,
    ),
    # what is no chunk anybody makes
    ({PLAN: unit(PLAN)}, LIVING, "b", LaneAction.CLAIM, AUDIO, 0.0),
    (units(unit(V0), unit(V1), unit(V2)), LIVING, "b", LaneAction.CLAIM, MP4, 0.0),
    (units(unit(V0), unit(V1), unit(V2)), GONE, "b", LaneAction.CLAIM, MP4, 0.0),
]


@pytest.mark.parametrize(("records", "held", "maker", "action", "key", "wake_at"), CASES)
def test_who_may_take_a_chunk(
    records: Mapping[UnitKey, Unit],
    held: EncoderPin,
    maker: str,
    action: LaneAction,
    key: UnitKey,
    wake_at: float,
) -> None:
    """Only the pinned encoder's lanes, until none of its workers lives."""
    decision = next_unit.decide(PLAN3, records, now=NOW, maker=maker, pin=held)
    assert (decision.action, decision.key, decision.wake_at) == (action, key, wake_at)
    assert decision.reason


def job(**fields: object) -> Job:
    """Return a job whose profile allows no splice."""
    return Job(
        id="7ad4",
        source=SOURCE,
        profile=PROFILE.model_copy(update={"splice": False}),
        submitted_at=NOW,
        deadline_at=NOW,
        wake_at=NOW,
    ).model_copy(update=fields)


def test_the_first_pin_costs_nothing() -> None:
    """It is no re-pinning."""
    changed = encoder_pin.pinned(job(), PLAN3, units(), maker="a", reason="first-chunk", now=NOW)
    assert (changed.pin, changed.repinned, changed.done) == ("a", (), frozenset({"PLAN", "AUDIO"}))


def test_a_new_pin_says_what_it_throws_away() -> None:
    """Two chunks of six seconds at ten frames a second; what is under a lease was not finished."""
    records = units(unit(V0), unit(V1), unit(V2, State.LEASED, lease_until=1100.0))
    changed = encoder_pin.pinned(job(pin="a"), PLAN3, records, maker="b", reason="gone", now=NOW)
    assert changed.repinned == (Repinned(at=NOW, former="a", frames=120, reason="gone"),)
    assert (changed.pin, changed.done) == ("b", frozenset({"PLAN", "AUDIO"}))


def test_where_splices_are_allowed_there_is_no_pin() -> None:
    """Every encoder's chunks count."""
    spliced = job(profile=PROFILE, pin="a")
    assert encoder_pin.of(spliced) is None
    assert not encoder_pin.is_foreign(spliced, "b")
    assert not encoder_pin.is_outdated(encoder_pin.of(spliced), unit(V0, maker="b"))


def test_an_encoder_lives_as_long_as_one_worker_that_has_it() -> None:
    """The last one to be believed counts, and a worker of another encoder does not."""

    def worker(name: str, maker: str, until: float) -> Worker:
        return Worker(
            name=name, worker_class="aws", slots=1, busy=0, maker=maker, seen_at=until - 60, until=until
        )

    workers = [worker("one", "a", 1010.0), worker("two", "a", 1030.0), worker("three", "b", 1060.0)]
    assert presence.lives_until(workers, "a") == 1030.0
    assert presence.lives_until(workers, "c") == 0.0
