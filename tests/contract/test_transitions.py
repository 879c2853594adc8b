"""``core.lease.transition``'s table, entry by entry, in DynamoDB's adapter and in the fake.

Each case puts a unit into a state by the store's own writes, lets one event
happen, and looks at the record: it is what the table says, or it is untouched
and the event was refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import pytest

from rugbytx.core.job.job import Job
from rugbytx.core.lease import transition
from rugbytx.core.lease.transition import TRANSITIONS, UNDER_A_LEASE, Claim, Event, When
from rugbytx.core.lease.unit import Charge, Lease, State, Unit, to_json
from rugbytx.errors import LeaseLost
from tests.store_bench import CHUNK, LEASE_S, MADE, NO_PROGRESS, NOTHING, OTHER, PROFILE, Bench

STATES = (None, *State)
RETRY_S = 30.0
#: The lease of somebody who has none.
NEVER_GIVEN = Lease(job_id="a", generation=1, key=CHUNK, owner="x", fence=1, token="none", until=0.0)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A unit in a state: its job, its record, and the lease of the claim that brought it there."""

    bench: Bench
    job: Job
    lease: Lease = NEVER_GIVEN

    @property
    def unit(self) -> Unit | None:
        """Return the record as it stands."""
        return self.bench.unit(self.job)


def bring(bench: Bench, state: State | None) -> Scene:
    """Return a scene with a chunk in this state, by an encoder to which its job is pinned."""
    job = bench.created(profile=PROFILE.model_copy(update={"splice": False}), pin="a")
    if state is None:
        return Scene(bench=bench, job=job)
    lease = bench.store.units.claim(job, CHUNK, None, owner="jetson", lease_s=LEASE_S, maker="a")
    assert lease
    scene = Scene(bench=bench, job=job, lease=lease)
    for event in UNDER_A_LEASE:
        if state is not State.LEASED and transition.target(event) is state:
            happen(scene, event)
    return scene


def happen(scene: Scene, event: Event, *, seen: Unit | None = None, lease: Lease | None = None) -> bool:
    """Let the event happen, and say whether the store took it; a claim is one of ``seen``."""
    units, own = scene.bench.store.units, lease or scene.lease
    retry_at = scene.bench.store.now() + RETRY_S
    writes: dict[Event, Callable[[], object]] = {
        Event.RENEW: lambda: units.renew(own, lease_s=LEASE_S, progress=NO_PROGRESS),
        Event.COMMIT: lambda: units.commit(own, result=MADE, measured=NOTHING),
        Event.GIVE_BACK: lambda: units.give_back(
            own, retry_at=retry_at, reason="cut off", charge=Charge.VERDICT, measured=NOTHING
        ),
        Event.FAIL: lambda: units.fail(own, reason="no film", measured=NOTHING),
    }
    match event:
        case Event.CLAIM:
            return units.claim(scene.job, CHUNK, seen, owner="aws", lease_s=LEASE_S, maker="b") is not None
        case Event.CARRY_OVER:
            units.carry_over(scene.job, former())
            stands = scene.unit
            return stands is not None and stands.result == OTHER
        case _:
            try:
                writes[event]()
            except LeaseLost:
                return False
            return True


def former() -> Unit:
    """Return the chunk as the generation before finished it."""
    claim = Claim(owner="jetson", maker="a", token="t", at=1.0, lease_s=LEASE_S)
    leased = transition.claimed(None, CHUNK, 1, claim)
    return leased.model_copy(update={"state": State.DONE, "result_json": to_json(OTHER, CHUNK)})


def fulfil(scene: Scene, when: When) -> Scene:
    """Return the scene once what the table asks for besides the state holds."""
    match when:
        case When.LEASE_RAN_OUT:
            scene.bench.advance(LEASE_S + 1)
        case When.RETRY_IS_DUE:
            scene.bench.advance(RETRY_S + 1)
        case When.IS_OUTDATED:
            return replace(scene, job=scene.job.model_copy(update={"pin": "b"}))
        case When.ALWAYS | When.OWN_CLAIM | When.NEVER:
            pass
    return scene


def entries(*asked: When) -> list[tuple[Event, State | None]]:
    """Return the events and states of the entries that ask for one of these."""
    return [
        (event, state) for event, state in product(Event, STATES) if TRANSITIONS[event][state].when in asked
    ]


def defeats() -> list[tuple[State | None, Event]]:
    """Return the states from which a claim leads on, each with the events that change the record first."""
    return [
        (state, event)
        for event, state in entries(*set(When) - {When.NEVER})
        if TRANSITIONS[Event.CLAIM][state].to and not TRANSITIONS[event][state].is_repeated
    ]


@pytest.mark.parametrize(("event", "state"), entries(*When), ids=str)
def test_an_entry_of_the_table(shaky: Bench, event: Event, state: State | None) -> None:
    """Where what it asks for holds, the unit ends where the table says; a refusal changes nothing."""
    entry = TRANSITIONS[event][state]
    scene = fulfil(bring(shaky, state), entry.when)
    before = scene.unit
    assert (before and before.state) == state
    taken = happen(scene, event, seen=before)
    after = scene.unit
    assert taken == (entry.to is not None)
    if entry.to is None or entry.is_repeated:
        assert after == before
        return
    assert after is not None
    assert after.state is entry.to
    if event is Event.CLAIM:
        assert after.fence == (before.fence if before else 0) + 1
    elif before:
        assert (after.fence, after.token) == (before.fence, before.token)


@pytest.mark.parametrize(
    ("event", "state"), entries(When.LEASE_RAN_OUT, When.RETRY_IS_DUE, When.IS_OUTDATED), ids=str
)
def test_a_claim_that_comes_too_early(shaky: Bench, event: Event, state: State | None) -> None:
    """Where what an entry asks for does not hold, the claim is refused and changes nothing."""
    scene = bring(shaky, state)
    before = scene.unit
    assert not happen(scene, event, seen=before)
    assert scene.unit == before


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda lease: replace(lease, fence=lease.fence - 1), id="lower-fence"),
        pytest.param(lambda lease: replace(lease, fence=lease.fence + 1), id="higher-fence"),
        pytest.param(lambda lease: replace(lease, token="another"), id="other-token"),
    ],
)
@pytest.mark.parametrize(("event", "state"), entries(When.OWN_CLAIM), ids=str)
def test_the_event_of_another_claim(
    shaky: Bench, event: Event, state: State | None, forge: Callable[[Lease], Lease]
) -> None:
    """What does not carry the fence and the token of the last claim is refused and changes nothing."""
    scene = bring(shaky, state)
    before = scene.unit
    assert not happen(scene, event, lease=forge(scene.lease))
    assert scene.unit == before


@pytest.mark.parametrize(("state", "event"), defeats(), ids=str)
def test_whatever_changes_a_unit_defeats_the_claim_of_what_was_seen(
    shaky: Bench, state: State | None, event: Event
) -> None:
    """A claimer is beaten by every event that came between its look and its claim."""
    scene = fulfil(bring(shaky, state), TRANSITIONS[Event.CLAIM][state].when)
    seen = scene.unit
    assert happen(scene, event, seen=seen)
    between = scene.unit
    assert between != seen
    assert not happen(scene, Event.CLAIM, seen=seen)
    assert scene.unit == between
