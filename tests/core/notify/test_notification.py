"""What others are told, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.job.job import Job, Status
from rugbytx.core.notify.notification import (
    PARKED_AT,
    PATIENCE_S,
    Dispatch,
    DispatchState,
    Due,
    Notification,
    NotificationKind,
    Truth,
    due,
    errand_due_at,
    is_to_open,
    next_try_at,
    opened,
    replayed,
    tried,
    truth,
)
from tests.connection import make_job

A, B = "https://a.example/", "https://b.example/"


def note(
    kind: NotificationKind = NotificationKind.SUCCEEDED, generation: int = 1, **fields: object
) -> Notification:
    """Return a notification."""
    made = Notification(job_id="7ad4", generation=generation, kind=kind, at=0.0)
    return made.model_copy(update=fields)


def sent(*states: DispatchState, target: str = A, due_at: float = 0.0) -> tuple[Dispatch, ...]:
    """Return dispatches to a target."""
    return tuple(Dispatch(target=target, state=state, begun_at=0.0, due_at=due_at) for state in states)


@pytest.mark.parametrize(
    ("kind", "job", "expected"),
    [
        (NotificationKind.SUCCEEDED, None, Truth.NEVER),
        (NotificationKind.SUCCEEDED, make_job(status=Status.RUNNING), Truth.NOT_YET),
        (NotificationKind.SUCCEEDED, make_job(status=Status.SUCCEEDED), Truth.TRUE),
        (NotificationKind.SUCCEEDED, make_job(status=Status.CANCELLED), Truth.NEVER),
        (NotificationKind.AT_RISK, make_job(status=Status.RUNNING), Truth.TRUE),
        (NotificationKind.AT_RISK, make_job(status=Status.FAILED), Truth.TRUE),
        (NotificationKind.AT_RISK, None, Truth.NEVER),
        # The next generation is open: how the first ended stands on its record.
        (NotificationKind.FAILED, make_job(generation=2, endings=("FAILED",)), Truth.TRUE),
        (NotificationKind.FAILED, make_job(generation=2, endings=("CANCELLED",)), Truth.NEVER),
        (NotificationKind.FAILED, make_job(generation=3, endings=("", "CANCELLED")), Truth.TRUE),
        (NotificationKind.FAILED, make_job(generation=2), Truth.TRUE),
    ],
)
def test_only_what_is_true_is_told(kind: NotificationKind, job: Job | None, expected: Truth) -> None:
    """What was noted before an end is told after it, and only if it was that one."""
    assert truth(note(kind), job) is expected


def test_nothing_is_told_behind_what_came_later() -> None:
    """A risk that was noted after its job's end was told would come too late."""
    job = make_job(status=Status.FAILED)
    risk, end = note(NotificationKind.AT_RISK), note(NotificationKind.FAILED)
    assert [is_to_open([risk, end], place, job) for place in (0, 1)] == [True, True]
    told = end.model_copy(update={"body": "{}"})
    assert [is_to_open([risk, told], place, job) for place in (0, 1)] == [False, False]


def test_endings_keep_their_places() -> None:
    """A generation from before they were kept leaves a gap."""
    job = make_job(status=Status.FAILED, generation=3, endings=("CANCELLED",))
    assert job.endings_with_this() == ("CANCELLED", "", "FAILED")


def test_a_target_is_told_in_order() -> None:
    """One that fails keeps those behind it waiting, and no other target."""
    both = sent(DispatchState.WAITING, target=A, due_at=9.0) + sent(DispatchState.WAITING, target=B)
    notes = [note(NotificationKind.AT_RISK, dispatches=both), note(dispatches=sent(DispatchState.WAITING))]
    assert list(due(notes, now=5.0)) == [Due(notification=0, dispatch=1)]
    assert next_try_at(notes) == 0.0
    told = note(NotificationKind.AT_RISK, dispatches=sent(DispatchState.DELIVERED))
    assert list(due([told, notes[1]], now=5.0)) == [Due(notification=1, dispatch=0)]


@given(st.lists(st.floats(0, 1, exclude_max=True), max_size=200))
def test_a_dispatch_is_tried_for_a_day(jitters: list[float]) -> None:
    """With growing pauses of an hour at most; then it is given up, and never before."""
    dispatch, now = Dispatch(target=A, begun_at=0.0, due_at=0.0), 0.0
    for jitter in jitters:
        if dispatch.state is not DispatchState.WAITING:
            break
        now = dispatch.due_at
        dispatch = tried(dispatch, failure="it answered 503", now=now, jitter=jitter)
        assert dispatch.due_at - now <= 3600.0 + 1e-6, "but for the rounding of sums"
    assert (dispatch.state is DispatchState.GIVEN_UP) == (dispatch.due_at > PATIENCE_S)


def test_nine_failures_take_less_than_an_hour() -> None:
    """5 s, 10 s, ... 1280 s: 2555 s in all."""
    dispatch = Dispatch(target=A, begun_at=0.0, due_at=0.0)
    for _ in range(9):
        dispatch = tried(dispatch, failure="no", now=dispatch.due_at, jitter=0.9999)
    assert (dispatch.state, dispatch.tries) == (DispatchState.WAITING, 9)
    assert dispatch.due_at == pytest.approx(2555, rel=0.01)


def test_the_day_begins_with_the_first_try() -> None:
    """One that waited behind another has its whole day."""
    late = tried(Dispatch(target=A, begun_at=0.0, due_at=0.0), failure="no", now=PATIENCE_S, jitter=0.0)
    assert (late.state, late.begun_at) == (DispatchState.WAITING, PATIENCE_S)


def test_a_replay_begins_anew_what_was_given_up() -> None:
    """With ``every`` what was delivered too; what still waits stays as it is."""
    states = (DispatchState.GIVEN_UP, DispatchState.DELIVERED, DispatchState.WAITING)
    whole = note(dispatches=sent(*states, due_at=77.0))
    again, count = replayed(whole, every=False, now=50.0)
    assert (count, [one.due_at for one in again.dispatches]) == (1, [50.0, 77.0, 77.0])
    assert (again.dispatches[0].state, again.edition) == (DispatchState.WAITING, 1)
    assert replayed(whole, every=True, now=50.0)[1] == 2


@pytest.mark.parametrize(
    ("notes", "status", "expected"),
    [
        ([note(dispatches=sent(DispatchState.WAITING, due_at=120.5), body="{}")], Status.SUCCEEDED, 121),
        ([note(dispatches=sent(DispatchState.WAITING, due_at=20.0), body="{}")], Status.SUCCEEDED, 100),
        ([note(dispatches=sent(DispatchState.DELIVERED), body="{}")], Status.SUCCEEDED, None),
        ([note(dispatches=sent(DispatchState.GIVEN_UP), body="{}")], Status.SUCCEEDED, PARKED_AT),
        # Noted 100 s ago for an end that has not come: again after as long.
        ([note()], Status.RUNNING, 200),
        ([note()], Status.CANCELLED, None),
        ([], Status.RUNNING, None),
    ],
)
def test_when_an_errand_is_run_again(notes: list[Notification], status: Status, expected: int | None) -> None:
    """Never earlier than something is due, and not at all when nothing is left."""
    assert errand_due_at(notes, make_job(status=status), now=100.0) == expected


def test_an_end_that_never_came_is_forgotten() -> None:
    """Whoever ends the job after a day has noted it anew."""
    job = make_job(status=Status.RUNNING)
    assert errand_due_at([note()], job, now=24 * 3600.0 - 1) is not None
    assert errand_due_at([note()], job, now=24 * 3600.0) is None


def test_its_id_tells_it_from_others() -> None:
    """And is the same at every try."""
    whole = opened(note(NotificationKind.FAILED, generation=2), body="{}", targets=[A, B], now=3.0)
    assert whole.id == "7ad4-g2-failed"
    assert [(one.target, one.due_at) for one in whole.dispatches] == [(A, 3.0), (B, 3.0)]
