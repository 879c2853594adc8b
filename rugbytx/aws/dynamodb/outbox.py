"""Notifications in DynamoDB, and the outbox: errands, in the order in which they are due.

A job's notifications stand beside its units, in the order in which they are to
be told.  All errands stand in one partition, which the notifier reads from its
beginning.  How a repeated write knows its own work: a change by the edition and
the dispatches that it wrote; all others are the same when done twice.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import (
    UNIT_DAYS,
    expires_at,
    fields_of,
    job_pk,
    make_item,
    require_known_schema,
)
from rugbytx.aws.dynamodb.table import EXPIRES, Item, Table
from rugbytx.core.job.job import require_id
from rugbytx.core.notify.notification import PARKED_AT, Errand, Notification, NotificationKind
from rugbytx.core.record import SCHEMA
from rugbytx.ports.store import Outbox

OUTBOX_PK = "OUTBOX"
NOTE_PREFIX = "NOTE#"


class DynamoOutbox(Outbox):
    """``ports.store.Outbox`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def add_notification(self, notification: Notification) -> None:
        # The notification first: an errand that finds none is forgotten.  A notification
        # that was looked at before needs no errand any more, unless it is an end, which
        # may have been written in vain the first time.
        refused = self._table.put(self._notification_item(notification), condition=condition.ABSENT)
        is_end = notification.kind is not NotificationKind.AT_RISK
        if refused is None or is_end or not self._notification(refused.item).body:
            self.schedule_errand(Errand(job_id=notification.job_id, due_at=int(self._now())))

    def list_notifications(self, job_id: str) -> Sequence[Notification]:
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :notes)",
            {"pk": job_pk(job_id), "notes": NOTE_PREFIX},
            ConsistentRead=True,
        )
        return [*self._table.reader.read_all(items, parse_notification)]

    def replace_notification(self, notification: Notification) -> bool:
        refused = self._table.put(
            self._notification_item(notification),
            condition=condition.IS_EDITION,
            values={**condition.WORDS, "seen_edition": notification.edition - 1},
        )
        if refused is None:
            return True
        require_known_schema(refused.item)
        return bool(refused.item) and self._notification(refused.item) == notification

    def schedule_errand(self, errand: Errand) -> None:
        noted_at = self._now() if errand.due_at == PARKED_AT else errand.due_at
        fields = {"schema": SCHEMA, EXPIRES: expires_at(noted_at, UNIT_DAYS)}
        self._table.put(make_item(OUTBOX_PK, _errand_sk(errand), fields), condition=condition.ABSENT)

    def list_errands(self, limit: int, *, due: bool) -> Sequence[Errand]:
        later = int(self._now()) + 1 if due else PARKED_AT + 1
        items = self._table.query(
            "#pk = :pk AND #sk < :later",
            {"pk": OUTBOX_PK, "later": f"{later:015d}#"},
            ConsistentRead=True,
            PaginationConfig={"PageSize": limit},
        )
        return [*islice(self._table.reader.read_all(items, parse_errand), limit)]

    def forget_errand(self, errand: Errand) -> None:
        self._table.delete([(OUTBOX_PK, _errand_sk(errand))])

    def _notification(self, item: Item) -> Notification:
        return self._table.reader.read(item, parse_notification)

    def _notification_item(self, notification: Notification) -> Item:
        fields = notification.model_dump(mode="json")
        fields[EXPIRES] = expires_at(self._now(), UNIT_DAYS)
        return make_item(job_pk(notification.job_id), _notification_sk(notification), fields)


def parse_notification(item: Item) -> Notification:
    """Return the item's notification."""
    return Notification.model_validate(fields_of(item))


def _notification_sk(notification: Notification) -> str:
    """Return a notification's sort key, by which a job's are in order.

    >>> _notification_sk(Notification(job_id="7ad4", generation=2, kind=NotificationKind.FAILED, at=0))
    'NOTE#0002#2#job.failed'
    """
    generation, place = notification.order
    return f"{NOTE_PREFIX}{generation:04d}#{place}#{notification.kind}"


def _errand_sk(errand: Errand) -> str:
    """Return an errand's sort key; a guard's is never that of an errand that somebody schedules meanwhile.

    >>> _errand_sk(Errand(job_id="7ad4", due_at=1795543200, is_guard=True))
    '000001795543200#7ad4#guard'
    """
    return f"{errand.due_at:015d}#{errand.job_id}" + "#guard" * errand.is_guard


def parse_errand(item: Item) -> Errand:
    """Return the item's errand."""
    due_at, job_id, *guard = item["sk"]["S"].split("#")
    return Errand(job_id=require_id(job_id), due_at=int(due_at), is_guard=bool(guard))
