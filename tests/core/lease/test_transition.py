"""The table of a unit's life: it is whole, and its entries do not contradict one another."""

from itertools import product

import pytest

from rugbytx.core.lease import transition
from rugbytx.core.lease.transition import TRANSITIONS, UNDER_A_LEASE, Event, When
from rugbytx.core.lease.unit import PLAN, State, Unit

NOW = 1000.0
ENTRIES = list(product(Event, (None, *State)))


def test_every_event_has_an_entry_for_every_state() -> None:
    """Nothing is left to whoever reads the table."""
    assert {(event, state) for event, states in TRANSITIONS.items() for state in states} == set(ENTRIES)


@pytest.mark.parametrize(("event", "state"), ENTRIES, ids=str)
def test_an_entry_agrees_with_itself(event: Event, state: State | None) -> None:
    """What is never taken leads nowhere, a repetition stays where it is, and a lease acts under its own claim."""
    entry = TRANSITIONS[event][state]
    assert entry.reason
    assert (entry.to is None) == (entry.when is When.NEVER)
    assert not entry.is_repeated or entry.to is state
    if event in UNDER_A_LEASE and entry.to:
        assert entry.when is When.OWN_CLAIM


def test_only_a_lease_is_renewed_committed_given_back_or_failed() -> None:
    """The store tests no other state under a fence."""
    assert {transition.sources(event) for event in UNDER_A_LEASE} == {(State.LEASED,)}


def test_a_lease_ends_in_a_state_of_its_own() -> None:
    """So a write that finds its state under its own claim knows that it was there before."""
    endings = [transition.target(event) for event in UNDER_A_LEASE if event is not Event.RENEW]
    assert sorted(endings) == sorted(set(State) - {State.LEASED})


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("is_outdated", [False, True])
@pytest.mark.parametrize("is_over", [False, True])
def test_a_claim_may_be_tried_where_its_entry_allows_it(
    state: State, *, is_outdated: bool, is_over: bool
) -> None:
    """A lease must have run out, a retry be due, and a finished chunk be of another encoder."""
    until = NOW - 1 if is_over else NOW + 1
    unit = Unit(key=PLAN, generation=1, state=state, fence=1, lease_until=until, retry_at=until)
    holds = {
        When.LEASE_RAN_OUT: is_over,
        When.RETRY_IS_DUE: is_over,
        When.IS_OUTDATED: is_outdated,
        When.NEVER: False,
    }
    expected = holds[TRANSITIONS[Event.CLAIM][state].when]
    assert transition.may_claim(unit, now=NOW, is_outdated=is_outdated) == expected
    assert transition.may_claim(None, now=NOW, is_outdated=is_outdated)
