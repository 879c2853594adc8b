"""Which unit next: a table of situations, and the laws over all of them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.lease.unit import AUDIO, MP4, PLAN, PUBLISH, Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import next_unit
from rugbytx.core.schedule.next_unit import LaneAction
from tests.plans import small_plan

NOW = 1000.0
V0, V1, V2 = (UnitKey(Kind.VIDEO, index) for index in range(3))


def unit(
    key: UnitKey,
    state: State,
    *,
    lease_until: float = 0.0,
    retry_at: float = 0.0,
    verdicts: int = 0,
    deaths: int = 0,
    maker: str = "",
) -> Unit:
    """Return a unit's record."""
    return Unit(
        key=key,
        generation=1,
        state=state,
        fence=1,
        lease_until=lease_until,
        retry_at=retry_at,
        verdicts=verdicts,
        deaths=deaths,
        maker=maker,
        reason="it broke",
    )


def done(*keys: UnitKey) -> dict[UnitKey, Unit]:
    """Return finished units."""
    return {key: unit(key, State.DONE) for key in keys}


PLAN3 = small_plan(chunks=3)
SILENT = small_plan(chunks=1, audio=False)
WITH_MP4 = small_plan(chunks=1, mp4=True)

TAKEN = unit(V0, State.LEASED, lease_until=1100.0)
DEAD = unit(V0, State.LEASED, lease_until=999.0)
LATER = unit(V1, State.WAITING, retry_at=1050.0)
DUE = unit(V1, State.WAITING, retry_at=1000.0)

CASES = [
    # plan, units -> action, key, wake_at
    (None, {}, LaneAction.CLAIM, PLAN, 0.0),
    (None, {PLAN: unit(PLAN, State.LEASED, lease_until=1100.0)}, LaneAction.WAIT, PLAN, 1105.0),
    (PLAN3, done(PLAN), LaneAction.CLAIM, AUDIO, 0.0),
    (PLAN3, done(PLAN, AUDIO), LaneAction.CLAIM, V0, 0.0),
    (PLAN3, done(PLAN, AUDIO) | {V0: TAKEN}, LaneAction.CLAIM, V1, 0.0),
    (PLAN3, done(PLAN, AUDIO) | {V0: DEAD}, LaneAction.CLAIM, V0, 0.0),
    (PLAN3, done(PLAN, AUDIO, V2) | {V0: TAKEN, V1: LATER}, LaneAction.WAIT, PLAN, 1050.0),
    (PLAN3, done(PLAN, AUDIO, V2) | {V0: TAKEN, V1: DUE}, LaneAction.CLAIM, V1, 0.0),
    (PLAN3, done(PLAN, AUDIO, V0, V1, V2), LaneAction.CLAIM, PUBLISH, 0.0),
    (PLAN3, done(PLAN, AUDIO, V0, V1, V2, PUBLISH), LaneAction.FINISH, PLAN, 0.0),
    (SILENT, done(PLAN), LaneAction.CLAIM, V0, 0.0),
    (SILENT, done(PLAN, V0), LaneAction.CLAIM, PUBLISH, 0.0),
    (WITH_MP4, done(PLAN, AUDIO, V0), LaneAction.CLAIM, MP4, 0.0),
    (WITH_MP4, done(PLAN, AUDIO, V0, MP4), LaneAction.CLAIM, PUBLISH, 0.0),
    # the last allowed attempt may still be running
    (
        PLAN3,
        done(PLAN) | {AUDIO: unit(AUDIO, State.LEASED, lease_until=1100.0, verdicts=3)},
        LaneAction.CLAIM,
        V0,
        0.0,
    ),
    (PLAN3, done(PLAN) | {AUDIO: unit(AUDIO, State.WAITING, verdicts=4)}, LaneAction.FAIL, AUDIO, 0.0),
    (
        PLAN3,
        done(PLAN) | {AUDIO: unit(AUDIO, State.LEASED, lease_until=1100.0, deaths=8)},
        LaneAction.FAIL,
        AUDIO,
        0.0,
    ),
    # found once that nobody can do it: nobody tries, whatever else is to be had
    (None, {PLAN: unit(PLAN, State.FAILED, verdicts=1)}, LaneAction.FAIL, PLAN, 0.0),
    (PLAN3, done(PLAN, AUDIO) | {V1: unit(V1, State.FAILED, verdicts=1)}, LaneAction.FAIL, V1, 0.0),
]


@pytest.mark.parametrize(("plan", "units", "action", "key", "wake_at"), CASES)
def test_next_unit(
    plan: Plan | None, units: Mapping[UnitKey, Unit], action: LaneAction, key: UnitKey, wake_at: float
) -> None:
    """Audio first, then chunks in order, then MP4 and publishing; wait for what others hold."""
    decision = next_unit.decide(plan, units, now=NOW, maker="")
    assert (decision.action, decision.key, decision.wake_at) == (action, key, wake_at)
    assert decision.reason


def test_a_spent_unit_says_why() -> None:
    """The job's reason names the unit, its last error and how often it was tried."""
    decision = next_unit.decide(PLAN3, {V1: unit(V1, State.WAITING, verdicts=4)}, now=NOW, maker="")
    assert decision.reason == "VIDEO#00001: it broke (tried 4 times)"


def test_a_bad_source_says_so_itself() -> None:
    """The sentence that was found is the job's reason as it stands."""
    decision = next_unit.decide(None, {PLAN: unit(PLAN, State.FAILED)}, now=NOW, maker="")
    assert decision.reason == "it broke"


states = st.builds(
    unit,
    st.just(V0),
    st.sampled_from([State.LEASED, State.WAITING, State.DONE]),
    lease_until=st.floats(min_value=900, max_value=1100),
    retry_at=st.floats(min_value=900, max_value=1100),
    verdicts=st.integers(min_value=0, max_value=3),
    deaths=st.integers(min_value=0, max_value=7),
)


@given(st.dictionaries(st.sampled_from([AUDIO, V0, V1, V2, PUBLISH]), states))
def test_laws(units: dict[UnitKey, Unit]) -> None:
    """A claim is claimable, a wait lies ahead, and publishing waits for everything else."""
    units = units | done(PLAN)
    decision = next_unit.decide(PLAN3, units, now=NOW, maker="")
    finished = {key for key, held in units.items() if held.state is State.DONE}
    match decision.action:
        case LaneAction.CLAIM:
            assert decision.seen == units.get(decision.key)
            assert decision.seen is None or decision.seen.is_claimable(NOW)
            assert decision.key is not PUBLISH or finished >= {AUDIO, V0, V1, V2}
        case LaneAction.WAIT:
            assert decision.wake_at > NOW
        case LaneAction.FINISH:
            assert finished == {PLAN, AUDIO, V0, V1, V2, PUBLISH}
        case LaneAction.FAIL:
            pytest.fail("no unit here has used up its attempts")


def test_unit_count_counts_every_stage() -> None:
    """Plan, audio, three chunks, publish."""
    assert next_unit.unit_count(PLAN3) == 6
