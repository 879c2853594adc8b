"""What others are told of a job: how it ended, or that its deadline is at risk.

::

    end of a job                              the notifier of any one worker
    ────────────                              ──────────────────────────────
    1 notification ─► JOB#id/NOTE#g#…         due errand ─► the job's notifications, in order
    2 errand       ─► OUTBOX/due#id             is it true?  not yet: look again later
    3 the end itself, if the job is open        body and dispatches, one a target, written once
                                                a try each; what failed is tried again for a day

The first two stand before the third, so no end is without its notification;
and what was written for an end that never came is never delivered.  A dispatch that
was tried and whose answer was not written down is tried again: a target
knows a notification by its id.  A target's dispatches of one job go in order:
one that fails keeps those behind it waiting.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.record import Record, Versioned

#: The first pause after a try that failed; each further one is twice as long.
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 3600.0
#: A dispatch is given up so long after it was first due; ``rugbytx webhooks replay`` begins anew.
PATIENCE_S = 24 * 3600.0
#: An end that was announced and did not come within this time will not come by whoever announced it.
NEVER_S = 24 * 3600.0
#: The shortest time until an announcement that is not true yet is checked again; it doubles with the announcement's
#: age.
NOT_YET_S = 2.0
#: A job tells so many targets at most.
MOST_TARGETS = 8


class NotificationKind(StrEnum):
    """What is told of a job."""

    AT_RISK = "job.deadline-at-risk"
    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"


#: The kind of notification for each way to end.
OF_STATUS = {
    Status.SUCCEEDED: NotificationKind.SUCCEEDED,
    Status.FAILED: NotificationKind.FAILED,
    Status.CANCELLED: NotificationKind.CANCELLED,
}


class DispatchState(StrEnum):
    """Where a dispatch stands."""

    #: It is to be tried, or tried again.
    WAITING = "waiting"
    #: The target has taken it.
    DELIVERED = "delivered"
    #: It was tried for a day, or is of no use any more.
    GIVEN_UP = "given-up"


class Dispatch(Record):
    """One target's copy of a notification.  Instants are store time."""

    #: A URL, or ``eventbridge:<bus>``.
    target: str
    state: DispatchState = DispatchState.WAITING
    #: Tries that failed since it was last begun.
    tries: int = 0
    begun_at: float
    due_at: float
    delivered_at: float | None = None
    #: Why the last try failed; empty after one that did not.
    reason: str = ""


class Notification(Versioned):
    """One thing that is told of a job, and to whom.  Instants are store time."""

    job_id: str
    generation: int
    kind: NotificationKind
    at: float
    #: Why the job ended, or why its deadline is at risk.
    reason: str = ""
    outputs: Outputs | None = None
    #: AT_RISK: when the job will be done, as far as is known.
    finish_at: float | None = None
    #: What the targets get, the same at every try; empty until it is known to be true.
    body: str = ""
    dispatches: tuple[Dispatch, ...] = ()
    #: Grows with every change, so that of two changes at once one is refused.
    edition: int = 0

    @property
    def id(self) -> str:
        """Return what a target knows it by: the same at every try and every replay."""
        return f"{self.job_id}-g{self.generation}-{self.kind.removeprefix('job.')}"

    @property
    def order(self) -> tuple[int, int]:
        """Return its place among those of its job."""
        return self.generation, 1 if self.kind is NotificationKind.AT_RISK else 2


class Truth(StrEnum):
    """Whether what a notification says has come about."""

    TRUE = "true"
    NOT_YET = "not-yet"
    NEVER = "never"


def truth(notification: Notification, job: Job | None) -> Truth:
    """Return whether the notification is true of the job as it stands; of one that was removed nothing is."""
    if job is None or job.generation < notification.generation:
        return Truth.NEVER
    if notification.kind is NotificationKind.AT_RISK:
        return Truth.TRUE
    if job.generation == notification.generation:
        if job.is_open:
            return Truth.NOT_YET
        return Truth.TRUE if OF_STATUS[job.status] is notification.kind else Truth.NEVER
    ending = job.endings[notification.generation - 1 : notification.generation]
    # A generation that ended before endings were kept is believed.
    if not ending or not ending[0]:
        return Truth.TRUE
    return Truth.TRUE if OF_STATUS[Status(ending[0])] is notification.kind else Truth.NEVER


def is_to_open(notifications: Sequence[Notification], place: int, job: Job | None) -> bool:
    """Return whether a notification is to be told from now on: it is true, and nothing behind it is told already."""
    is_first = not any(notification.body for notification in notifications[place:])
    return is_first and truth(notifications[place], job) is Truth.TRUE


@dataclass(frozen=True, kw_only=True)
class Due:
    """A dispatch whose turn it is: its place in its notification, and that one's in the job's list."""

    notification: int
    dispatch: int


def due(notifications: Sequence[Notification], *, now: float) -> Iterator[Due]:
    """Yield the dispatches to try, one a target: the first that waits, if its time has come."""
    blocked: set[str] = set()
    for number, notification in enumerate(notifications):
        for place, dispatch in enumerate(notification.dispatches):
            if dispatch.state is not DispatchState.WAITING or dispatch.target in blocked:
                continue
            blocked.add(dispatch.target)
            if dispatch.due_at <= now:
                yield Due(notification=number, dispatch=place)


def next_try_at(notifications: Iterable[Notification]) -> float | None:
    """Return when the next of the dispatches is due; None where none waits."""
    waiting: dict[str, float] = {}
    for notification in notifications:
        for dispatch in notification.dispatches:
            if dispatch.state is DispatchState.WAITING:
                waiting.setdefault(dispatch.target, dispatch.due_at)
    return min(waiting.values(), default=None)


def tried(dispatch: Dispatch, *, failure: str, now: float, jitter: float) -> Dispatch:
    """Return the dispatch after a try; an empty ``failure`` says that the target took it.

    ``jitter`` in [0, 1) spreads the pause over its upper half.

    >>> first = Dispatch(target="https://example.org/hook", begun_at=0, due_at=0)
    >>> again = tried(first, failure="it answered 503", now=1, jitter=0.5)
    >>> again.state, again.tries, again.due_at
    (<DispatchState.WAITING: 'waiting'>, 1, 4.75)
    """
    if not failure:
        change = {"state": DispatchState.DELIVERED, "delivered_at": now, "reason": ""}
        return dispatch.model_copy(update=change)
    pause_s = min(FIRST_PAUSE_S * 2.0 ** min(dispatch.tries, 20), LONGEST_PAUSE_S) * (0.5 + jitter / 2)
    # Until its first try it may have waited behind another.
    begun_at = dispatch.begun_at if dispatch.tries else now
    is_over = now + pause_s > begun_at + PATIENCE_S
    change = {
        "begun_at": begun_at,
        "state": DispatchState.GIVEN_UP if is_over else DispatchState.WAITING,
        "tries": dispatch.tries + 1,
        "due_at": now + pause_s,
        "reason": failure,
    }
    return dispatch.model_copy(update=change)


def opened(notification: Notification, *, body: str, targets: Iterable[str], now: float) -> Notification:
    """Return the notification with what is told, and a dispatch for each target."""
    dispatches = tuple(Dispatch(target=target, begun_at=now, due_at=now) for target in targets)
    return notification.model_copy(
        update={"body": body, "dispatches": dispatches, "edition": notification.edition + 1}
    )


def replayed(notification: Notification, *, every: bool, now: float) -> tuple[Notification, int]:
    """Return the notification with dispatches begun anew, and how many: those given up, or ``every`` one that ended."""
    ended = {DispatchState.GIVEN_UP, DispatchState.DELIVERED} if every else {DispatchState.GIVEN_UP}
    again = [dispatch.state in ended for dispatch in notification.dispatches]
    dispatches = tuple(
        Dispatch(target=dispatch.target, begun_at=now, due_at=now) if anew else dispatch
        for dispatch, anew in zip(notification.dispatches, again, strict=True)
    )
    change = {"dispatches": dispatches, "edition": notification.edition + 1}
    return notification.model_copy(update=change), sum(again)


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A reminder that a job has notifications to deliver, and when they are due."""

    job_id: str
    #: Store time, in whole seconds.
    due_at: int
    #: It stands in for one that is being run, and falls due if that is cut off.
    is_guard: bool = False


#: When an errand is due whose dispatches were given up: it stays to be seen and replayed.
PARKED_AT = 999_999_999_999_998


def errand_due_at(notifications: Sequence[Notification], job: Job | None, *, now: float) -> int | None:
    """Return when a job's errand is due next, in whole seconds; None where nothing is left of it.

    ``notifications`` are the job's, each that is true with its dispatches.
    """
    looks: list[float] = []
    if (dispatch_at := next_try_at(notifications)) is not None:
        looks.append(max(dispatch_at, now))
    for notification in notifications:
        age_s = max(now - notification.at, 0.0)
        if not notification.body and truth(notification, job) is Truth.NOT_YET and age_s < NEVER_S:
            looks.append(now + min(max(age_s, NOT_YET_S), LONGEST_PAUSE_S))
    if looks:
        return int(-(-min(looks) // 1))
    is_parked = any(
        dispatch.state is DispatchState.GIVEN_UP
        for notification in notifications
        for dispatch in notification.dispatches
    )
    return PARKED_AT if is_parked else None
