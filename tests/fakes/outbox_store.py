"""Trails, halts, notifications and errands in memory, with the real store's rules."""

from collections.abc import Callable, Sequence

from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.job.audit_trail import Entry
from rugbytx.core.notify.notification import Errand, Kind, Notification
from rugbytx.core.record import SCHEMA
from tests.fakes.unit_store import FakeUnitStore, sent


class FakeOutboxStore(FakeUnitStore):
    """What happened, who is to receive nothing, and what others are told."""

    def __init__(self, *, now: Callable[[], float] | None = None) -> None:
        super().__init__(now=now)
        self._trails: dict[str, dict[object, Entry]] = {}
        self._halts: dict[tuple[Scope, str], Halt] = {}
        self._notes: dict[str, dict[object, Notification]] = {}
        self._errands: set[Errand] = set()

    @sent
    def write_trail(self, job_id: str, entry: Entry) -> None:
        """Add an entry to a trail; the same one twice is one."""
        key = (int(entry.at * 1000), entry.what, entry.unit, entry.fence)
        self._trails.setdefault(job_id, {})[key] = entry

    @sent
    def read_trail(self, job_id: str, *, limit: int) -> Sequence[Entry]:
        """Return the last ``limit`` entries, the first of them first."""
        entries = sorted(self._trails.get(job_id, {}).values(), key=lambda entry: entry.at)
        return [entry for entry in entries if entry.schema_number <= SCHEMA][-limit:]

    @sent
    def halt(self, halt: Halt) -> None:
        """Let a halt stand; the first of its kind stays."""
        self._halts.setdefault((halt.scope, halt.name), halt)

    @sent
    def lift(self, scope: Scope, name: str) -> None:
        """Take a halt back."""
        self._halts.pop((scope, name), None)

    @sent
    def halts(self) -> Sequence[Halt]:
        """Return the halts that stand."""
        return [halt for halt in self._halts.values() if halt.schema_number <= SCHEMA]

    @sent
    def tell(self, notification: Notification) -> None:
        """Note what is to be told of a job, once, and an errand for it."""
        self._tell(notification)

    def _tell(self, notification: Notification) -> None:
        notes = self._notes.setdefault(notification.job_id, {})
        stands = notes.setdefault((notification.order, notification.kind), notification)
        if notification.kind is not Kind.AT_RISK or not stands.body:
            self._errands.add(Errand(job_id=notification.job_id, due_at=int(self._now())))

    @sent
    def notifications(self, job_id: str) -> Sequence[Notification]:
        """Return what is told of a job, in order."""
        notes = self._notes.get(job_id, {}).values()
        return sorted(
            (note for note in notes if note.schema_number <= SCHEMA),
            key=lambda note: (*note.order, str(note.kind)),
        )

    @sent
    def change_notification(self, notification: Notification) -> bool:
        """Replace the notification of the edition before; False where it has changed meanwhile, or is gone."""
        notes = self._notes.get(notification.job_id, {})
        key = (notification.order, notification.kind)
        stands = notes.get(key)
        if stands is not None and stands.edition == notification.edition - 1:
            notes[key] = notification
        return notes.get(key) == notification

    @sent
    def run_errand_at(self, errand: Errand) -> None:
        """Note an errand; noting it twice is noting it once."""
        self._errands.add(errand)

    @sent
    def errands(self, limit: int, *, due: bool) -> Sequence[Errand]:
        """Return errands, the longest overdue first: the ``due`` ones or all."""
        chosen = [errand for errand in self._errands if not due or errand.due_at <= self._now()]
        return sorted(chosen, key=lambda errand: (errand.due_at, errand.job_id))[:limit]

    @sent
    def errand_done(self, errand: Errand) -> None:
        """Forget an errand that was run, or is noted for another time."""
        self._errands.discard(errand)
