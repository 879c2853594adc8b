"""A unit's whole life as one table: what each event does to a unit in each state, and why.

Two rules complete it.  What the table refuses changes nothing.  A claim raises
the unit's fence by one, and whatever else happens to the unit happens under
the fence and the token of its last claim::

                claim                                commit
    (nothing) ───────────────────► LEASED ──────────────────────────────► DONE
        │                           ▲  │ │           fail                  ▲ │
        │                           │  │ └──────────────────► FAILED       │ │
        │     claim, once retry_at  │  ▼ give back                         │ │
        │     has come              WAITING                                │ │
        │                                      carry over                  │ │
        └──────────────────────────────────────────────────────────────────┘ │
    LEASED, lease run out ── claim ──► LEASED; it counts a silent death      │
    LEASED ◄── claim, where the job is pinned to another encoder ────────────┘

The store's adapters take their conditions from this table, and the contract
suite holds each of them to every entry of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.lease.unit import Measured, State, Unit, UnitKey


class Event(StrEnum):
    """What may happen to a unit: each is one write of the store."""

    CLAIM = "claim"
    #: A new generation takes the finished unit of the last one over.
    CARRY_OVER = "carry-over"
    RENEW = "renew"
    COMMIT = "commit"
    GIVE_BACK = "give-back"
    FAIL = "fail"


class When(StrEnum):
    """What must hold besides the state."""

    ALWAYS = "always"
    LEASE_RAN_OUT = "lease-ran-out"
    RETRY_IS_DUE = "retry-is-due"
    #: The job is pinned to an encoder that did not make this chunk.
    IS_OUTDATED = "is-outdated"
    #: The unit's last claim is the one that the event comes from: same fence, same token.
    OWN_CLAIM = "own-claim"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Transition:
    """What one event leads to in one state."""

    #: The state afterwards; None where the event is refused whatever else holds.
    to: State | None
    when: When
    reason: str
    #: The write has happened before, and its answer was lost: the record stays as it is.
    is_repeated: bool = False


def _to(state: State, reason: str, *, when: When = When.OWN_CLAIM) -> Transition:
    return Transition(to=state, when=when, reason=reason)


def _repeated(state: State) -> Transition:
    return Transition(to=state, when=When.OWN_CLAIM, reason="said-again", is_repeated=True)


def _refused(reason: str) -> Transition:
    return Transition(to=None, when=When.NEVER, reason=reason)


#: None is the state of a unit that has no record: nobody ever claimed it, or its job was removed.
States = State | None

TRANSITIONS: Mapping[Event, Mapping[States, Transition]] = {
    Event.CLAIM: {
        None: _to(State.LEASED, "first-claim", when=When.ALWAYS),
        State.LEASED: _to(State.LEASED, "lease-ran-out", when=When.LEASE_RAN_OUT),
        State.WAITING: _to(State.LEASED, "retry-is-due", when=When.RETRY_IS_DUE),
        State.DONE: _to(State.LEASED, "made-by-another-encoder", when=When.IS_OUTDATED),
        State.FAILED: _refused("no-worker-can-do-it"),
    },
    Event.CARRY_OVER: {
        None: _to(State.DONE, "done-in-the-last-generation", when=When.ALWAYS),
        State.LEASED: _refused("somebody-works-on-it"),
        State.WAITING: _refused("somebody-worked-on-it"),
        State.DONE: _refused("done-already"),
        State.FAILED: _refused("no-worker-can-do-it"),
    },
    Event.RENEW: {
        None: _refused("job-removed"),
        State.LEASED: _to(State.LEASED, "still-at-it"),
        State.WAITING: _refused("given-back"),
        State.DONE: _refused("done-already"),
        State.FAILED: _refused("no-worker-can-do-it"),
    },
    Event.COMMIT: {
        None: _refused("job-removed"),
        State.LEASED: _to(State.DONE, "work-done"),
        State.WAITING: _refused("given-back"),
        State.DONE: _repeated(State.DONE),
        State.FAILED: _refused("no-worker-can-do-it"),
    },
    Event.GIVE_BACK: {
        None: _refused("job-removed"),
        State.LEASED: _to(State.WAITING, "attempt-failed"),
        State.WAITING: _repeated(State.WAITING),
        State.DONE: _refused("done-already"),
        State.FAILED: _refused("no-worker-can-do-it"),
    },
    Event.FAIL: {
        None: _refused("job-removed"),
        State.LEASED: _to(State.FAILED, "no-worker-can-do-it"),
        State.WAITING: _refused("given-back"),
        State.DONE: _refused("done-already"),
        State.FAILED: _repeated(State.FAILED),
    },
}

#: What an owner does with its lease.
UNDER_A_LEASE = (Event.RENEW, Event.COMMIT, Event.GIVE_BACK, Event.FAIL)


def find(event: Event, unit: Unit | None) -> Transition:
    """Return what the event leads to for a unit as it stands.

    >>> find(Event.CLAIM, None).reason
    'first-claim'
    """
    return TRANSITIONS[event][unit.state if unit else None]


def target(event: Event) -> State:
    """Return the one state that the event leads to, wherever it is not refused.

    >>> target(Event.GIVE_BACK)
    <State.WAITING: 'WAITING'>
    """
    (state,) = {transition.to for transition in TRANSITIONS[event].values() if transition.to}
    return state


def sources(event: Event) -> tuple[State, ...]:
    """Return the states whose record the event changes, if what must hold besides does hold.

    >>> sources(Event.CLAIM)
    (<State.LEASED: 'LEASED'>, <State.WAITING: 'WAITING'>, <State.DONE: 'DONE'>)
    """
    return tuple(
        state
        for state, transition in TRANSITIONS[event].items()
        if state and transition.to and not transition.is_repeated
    )


def may_create(event: Event) -> bool:
    """Return whether the event makes a record where none is."""
    return TRANSITIONS[event][None].to is not None


def is_repetition(event: Event, state: State) -> bool:
    """Return whether the event was said before by the claim that left the unit in this state."""
    return TRANSITIONS[event][state].is_repeated


def may_claim(seen: Unit | None, *, now: float, is_outdated: bool) -> bool:
    """Return whether a claim may be tried at store time ``now``; the write then tests that nothing has changed.

    ``is_outdated`` says whether the unit is another encoder's than the pinned one's.
    """
    match find(Event.CLAIM, seen).when:
        case When.ALWAYS:
            return True
        case When.IS_OUTDATED:
            return is_outdated
        case When.LEASE_RAN_OUT | When.RETRY_IS_DUE:
            return seen is not None and seen.is_claimable(now)
        case When.OWN_CLAIM | When.NEVER:
            return False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who claims a unit, when by store time, and for how long."""

    owner: str
    #: The fingerprint of the owner's encoder.
    maker: str
    token: str
    at: float
    lease_s: float


def claimed(seen: Unit | None, key: UnitKey, generation: int, claim: Claim) -> Unit:
    """Return the record that the claim of the unit as ``seen`` writes."""
    return Unit(
        key=key,
        generation=generation,
        state=target(Event.CLAIM),
        fence=seen.fence + 1 if seen else 1,
        owner=claim.owner,
        maker=claim.maker,
        token=claim.token,
        lease_until=claim.at + claim.lease_s,
        verdicts=seen.verdicts if seen else 0,
        deaths=seen.deaths + (seen.state is State.LEASED) if seen else 0,
        refusals=seen.refusals if seen else 0,
        reason=seen.reason if seen else "",
        lost=seen.lost_with_this() if seen else (),
        measured=Measured(started_at=claim.at),
    )


def carried_over(unit: Unit, generation: int) -> Unit:
    """Return the record that a generation has of a unit which it takes over; its fence is 0, for it is never claimed."""
    return Unit(
        key=unit.key,
        generation=generation,
        state=target(Event.CARRY_OVER),
        fence=0,
        maker=unit.maker,
        measured=unit.measured,
        result_json=unit.result_json,
    )
