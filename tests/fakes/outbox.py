"""Audit trails and the outbox in memory, with the real store's rules."""

from collections.abc import Sequence

from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.notify.notification import Errand, Notification, NotificationKind
from rugbytx.core.record import SCHEMA
from rugbytx.ports.store import AuditTrails, Outbox
from tests.fakes.table import FakePort, FakeTable, sent


class FakeAuditTrails(FakePort, AuditTrails):
    """``ports.store.AuditTrails`` in memory."""

    @sent
    def add(self, job_id: str, entry: AuditEntry) -> None:
        key = (int(entry.at * 1000), entry.what, entry.unit, entry.fence)
        self.table.trails.setdefault(job_id, {})[key] = entry

    @sent
    def read(self, job_id: str, *, limit: int) -> Sequence[AuditEntry]:
        entries = sorted(self.table.trails.get(job_id, {}).values(), key=lambda entry: entry.at)
        return [entry for entry in entries if entry.schema_number <= SCHEMA][-limit:]


class FakeOutbox(FakePort, Outbox):
    """``ports.store.Outbox`` in memory."""

    @sent
    def add_notification(self, notification: Notification) -> None:
        add_notification(self.table, notification)

    @sent
    def list_notifications(self, job_id: str) -> Sequence[Notification]:
        notes = self.table.notifications.get(job_id, {}).values()
        return sorted(
            (note for note in notes if note.schema_number <= SCHEMA),
            key=lambda note: (*note.order, str(note.kind)),
        )

    @sent
    def replace_notification(self, notification: Notification) -> bool:
        notes = self.table.notifications.get(notification.job_id, {})
        key = (notification.order, notification.kind)
        stands = notes.get(key)
        if stands is not None and stands.edition == notification.edition - 1:
            notes[key] = notification
        return notes.get(key) == notification

    @sent
    def schedule_errand(self, errand: Errand) -> None:
        self.table.errands.add(errand)

    @sent
    def list_errands(self, limit: int, *, due: bool) -> Sequence[Errand]:
        chosen = [errand for errand in self.table.errands if not due or errand.due_at <= self.table.clock()]
        return sorted(chosen, key=lambda errand: (errand.due_at, errand.job_id))[:limit]

    @sent
    def forget_errand(self, errand: Errand) -> None:
        self.table.errands.discard(errand)


def add_notification(table: FakeTable, notification: Notification) -> None:
    """Write a notification down, once, and an errand for it."""
    notes = table.notifications.setdefault(notification.job_id, {})
    stands = notes.setdefault((notification.order, notification.kind), notification)
    if notification.kind is not NotificationKind.AT_RISK or not stands.body:
        table.errands.add(Errand(job_id=notification.job_id, due_at=int(table.clock())))
