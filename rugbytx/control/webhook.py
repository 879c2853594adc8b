"""What people ask of notifications: to be shown, and to be told again."""

from collections.abc import Iterator, Sequence

from rugbytx.audit import record_entry
from rugbytx.core.job import audit_trail
from rugbytx.core.notify.notification import PARKED_AT, Errand, Notification, replayed
from rugbytx.errors import NotFound, Unreachable
from rugbytx.ports.store import Outbox, Store

#: One look at the outbox shows the notifications of so many jobs.
MOST_JOBS = 1000
#: How often a change is tried again because the notifier made another meanwhile.
TRIES = 5


def pending(outbox: Outbox) -> Sequence[Notification]:
    """Return the notifications of all jobs that have any to tell, or that were given up."""
    jobs = dict.fromkeys(errand.job_id for errand in outbox.list_errands(MOST_JOBS, due=False))
    return [notification for job_id in jobs for notification in outbox.list_notifications(job_id)]


def of_job(job_id: str, store: Store) -> Sequence[Notification]:
    """Return a job's notifications, in order; raises NotFound."""
    if store.jobs.read(job_id) is None:
        raise NotFound(f"there is no job {job_id}")
    return store.outbox.list_notifications(job_id)


def replay(
    job_ids: Sequence[str], store: Store, *, every: bool, by: str
) -> Iterator[tuple[Notification, int]]:
    """Have what was given up told again, with ``every`` what was delivered too, of these jobs or all.

    Yields each notification with how many of its targets are told again.  They know
    it by its id, which is the same as before.
    """
    chosen = job_ids or list(dict.fromkeys(notification.job_id for notification in pending(store.outbox)))
    for job_id in chosen:
        for notification in of_job(job_id, store):
            again, count = _begun_anew(notification, store, every=every)
            if count:
                store.outbox.schedule_errand(Errand(job_id=job_id, due_at=int(store.now())))
                # It is parked again should it be given up again.
                store.outbox.forget_errand(Errand(job_id=job_id, due_at=PARKED_AT))
                record_entry(
                    store,
                    job_id,
                    audit_trail.REPLAYED,
                    by=by,
                    generation=notification.generation,
                    reason=str(notification.kind),
                )
                yield again, count


def _begun_anew(notification: Notification, store: Store, *, every: bool) -> tuple[Notification, int]:
    for _ in range(TRIES):
        again, count = replayed(notification, every=every, now=store.now())
        if not count or store.outbox.replace_notification(again):
            return again, count
        stands = {each.id: each for each in store.outbox.list_notifications(notification.job_id)}
        if notification.id not in stands:
            return notification, 0
        notification = stands[notification.id]
    raise Unreachable(f"notification {notification.id} keeps changing under our hands; try again")
