"""The outbox: what is told of jobs, worked off under a lease, and never by a lane."""

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rugbytx.core.job.job import Job
from rugbytx.core.notify import notification as core
from rugbytx.core.notify.notification import Due, Errand, Notification, NotificationKind
from rugbytx.core.notify.target import shown
from rugbytx.errors import NotDelivered, RugbytxError
from rugbytx.notify.body import body
from rugbytx.ports import Courier, Store
from rugbytx.urls import OutputBucket

log = logging.getLogger(__name__)

#: One round runs so many errands, so many at a time: a target that is slow to fail holds up few others.
MOST_ERRANDS = 100
THREADS = 8
#: A round begins no try after this.
ROUND_S = 30.0
#: An errand whose notifier died is run again after this; one that takes longer is run by two at worst.
GUARD_S = 60
#: The most notifications of a job in one errand: its generations' ends come one by one.
MOST_TRIES = 50


def deadline_at_risk(store: Store, job: Job, *, finish_at: float | None, reason: str) -> None:
    """Have the job's targets told, once a generation, that it will probably be late; raises Unreachable.

    ``finish_at`` is when it will be done, where that is known.  Asking again costs
    a request and tells nobody twice.
    """
    store.outbox.add_notification(
        Notification(
            job_id=job.id,
            generation=job.generation,
            kind=NotificationKind.AT_RISK,
            at=store.now(),
            reason=reason,
            finish_at=finish_at,
        )
    )


@dataclass(frozen=True, kw_only=True)
class ErrandRunner:
    """Runs the errands in a store's outbox: each carries a job's notifications to their targets."""

    store: Store
    courier: Courier
    place: OutputBucket
    #: Targets that are told of every job.
    everywhere: tuple[str, ...] = ()
    threads: int = THREADS
    monotonic: Callable[[], float] = time.monotonic

    def run_due(self) -> int:
        """Run the errands that are due; return how many.  Raises Unreachable."""
        errands = self.store.outbox.list_errands(MOST_ERRANDS, due=True)
        until = self.monotonic() + ROUND_S
        if self.threads == 1:
            for errand in errands:
                self._run_safely(errand, until)
        elif errands:
            with ThreadPoolExecutor(self.threads, thread_name_prefix="notify") as pool:
                list(pool.map(lambda errand: self._run_safely(errand, until), errands))
        return len(errands)

    def _run_safely(self, errand: Errand, until: float) -> None:
        """Run an errand; one that fails is logged, and its guard falls due."""
        if self.monotonic() > until:
            return
        try:
            self._run(errand, until)
        except RugbytxError as error:
            log.warning("errand-failed", extra={"job_id": errand.job_id, "reason": str(error)})
        except Exception:
            log.exception("errand-broke", extra={"job_id": errand.job_id})

    def _run(self, errand: Errand, until: float) -> None:
        """Run one errand under a guard.

        The errand goes before the notifications are read: whoever adds one later
        adds an errand with it, and that one stays.
        """
        store = self.store
        guard = Errand(job_id=errand.job_id, due_at=int(store.now()) + GUARD_S, is_guard=True)
        store.outbox.schedule_errand(guard)
        store.outbox.forget_errand(errand)
        job = store.jobs.read(errand.job_id)
        written = list(store.outbox.list_notifications(errand.job_id))
        notifications = [
            self._open(notification, job) if job and core.is_to_open(written, place, job) else notification
            for place, notification in enumerate(written)
        ]
        for _ in range(MOST_TRIES):
            now = store.now()
            turn = list(core.due(notifications, now=now)) if self.monotonic() <= until else []
            if not turn:
                break
            for due in turn:
                notifications[due.notification] = self._try(notifications[due.notification], due)
        again_at = core.errand_due_at(notifications, job, now=store.now())
        if again_at is not None:
            store.outbox.schedule_errand(Errand(job_id=errand.job_id, due_at=again_at))
        store.outbox.forget_errand(guard)

    def _open(self, notification: Notification, job: Job) -> Notification:
        """Return the notification with its body and dispatches."""
        targets = (*sorted(job.notify), *self.everywhere)
        opened = core.opened(
            notification, body=body(notification, job, self.place), targets=targets, now=self.store.now()
        )
        return self._replace(opened)

    def _try(self, notification: Notification, due: Due) -> Notification:
        """Carry one dispatch to its target, and record what came of it."""
        dispatch = notification.dispatches[due.dispatch]
        failure, sent_at = "", self.store.now()
        try:
            self.courier.deliver(dispatch.target, notification, sent_at=sent_at)
        except NotDelivered as error:
            failure = str(error)
        except Exception as error:
            # A failed try like any other: it must neither starve the job's other targets nor go on for ever.
            log.exception(
                "delivery-broke", extra={"job_id": notification.job_id, "target": shown(dispatch.target)}
            )
            failure = f"it could not be delivered: {type(error).__name__}"
        after = core.tried(
            dispatch,
            failure=failure,
            now=self.store.now(),
            jitter=random.random(),  # noqa: S311  no secret
        )
        log.info(
            "notification-tried",
            extra={
                "job_id": notification.job_id,
                "id": notification.id,
                "target": shown(dispatch.target),
                "state": after.state,
                "tries": after.tries,
                "reason": failure,
            },
        )
        dispatches = list(notification.dispatches)
        dispatches[due.dispatch] = after
        change = {"dispatches": tuple(dispatches), "edition": notification.edition + 1}
        return self._replace(notification.model_copy(update=change))

    def _replace(self, notification: Notification) -> Notification:
        """Write the notification down; where somebody else changed it meanwhile, leave all to the guard."""
        if not self.store.outbox.replace_notification(notification):
            raise NotDelivered(f"notification {notification.id} was changed by somebody else meanwhile")
        return notification
