"""The truth, as one small port for each thing that is kept.

Every conditional write survives its own repetition.  Lists leave out what a
newer version wrote, and what nobody can read.  These docstrings are the only ones: an adapter documents
only what is its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rugbytx.core.cost.usage import Span
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.job.cursor import Mark
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.result import Result
from rugbytx.core.lease.unit import Charge, Lease, Measured, Unit, UnitKey, UnitProgress
from rugbytx.core.notify.notification import Errand, Notification
from rugbytx.core.output.retention import Cleaning
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.errors import RecordUnreadable, WrittenByNewer


class Jobs(Protocol):
    """The jobs' records."""

    def create(self, job: Job) -> Job:
        """Write ``job`` unless its id exists; return the record that stands."""

    def read(self, job_id: str) -> Job | None:
        """Return the job as it is, by a consistent read.

        Raises WrittenByNewer where a newer version wrote it, and RecordUnreadable where nobody can read it.
        """

    def list(
        self, *, status: Status | None = None, limit: int = 100, before: Mark | None = None
    ) -> Sequence[Job]:
        """Return jobs, the last submitted first, from behind a mark on; may lag behind writes.

        Reads little more than it returns, for each status that is asked for.
        """

    def list_open(self, limit: int) -> Sequence[Job]:
        """Return open jobs: the RUNNING ones, then the QUEUED ones, at most ``limit`` of each, the oldest first.

        May lag behind writes: the sweep only sends pointers, so a stale answer
        costs a message.
        """

    def tighten_deadline(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        """Move the deadline of an open job forward; a later deadline changes nothing."""

    def bump(self, job_id: str, generation: int, *, bumped_at: float | None) -> bool:
        """Put the open job before others, or back among them; False where it is not open in this generation."""

    def add_targets(self, job_id: str, generation: int, urls: Iterable[str]) -> bool:
        """Add to whom the open job's end is announced; False where it is not open in this generation."""

    def reopen(self, job: Job) -> bool:
        """Replace an ended job of generation ``job.generation - 1`` by ``job``; say whether it did.

        A job that is being removed is not replaced.
        """

    def start(self, job_id: str, generation: int) -> None:
        """Turn QUEUED into RUNNING; any other job stays as it is."""

    def record_plan(self, job_id: str, generation: int, *, units: int, frames: int, work_px: float) -> None:
        """Write on the open job's record how large its plan is."""

    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        """Set ``wake_at``; False where the job is not open in this generation."""

    def repin(self, job: Job, *, seen: Job) -> None:
        """Write pin, re-pinnings and finished units of ``job``, if it is open and pinned as in ``seen``.

        The next read of the job shows whether it was written.
        """

    def add_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        """Add units to the job's set of finished ones; adding twice is adding once."""

    def end(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        """End an open job; False where it had ended otherwise or moved on.  Repeating it is True.

        A clean-up and a notification are written before the end, so that no end is without them.
        """

    def begin_removal(self, job_id: str, generation: int) -> bool:
        """Mark an ended job as being removed: it opens no more.  False where it is open or moved on.

        A clean-up is written before the mark, as before an end.
        """

    def delete(self, job_id: str) -> None:
        """Remove the job, if it is marked, and its units; a job that is not marked is another one by now."""


class Units(Protocol):
    """The units of jobs, and the leases on them."""

    def read(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed, by a consistent read.

        Raises WrittenByNewer where a newer version wrote one, and RecordUnreadable where nobody can read one:
        what decides must not take such a unit for one that nobody claimed.
        """

    def show(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return the units for a page or a report: none of a job of which ``read`` raises."""
        try:
            return self.read(job_id, generation)
        except (RecordUnreadable, WrittenByNewer):
            return {}

    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if another was faster, or it is not to be had yet.

        A finished chunk is claimed anew where the job is pinned to an encoder that is not its ``maker``.
        """

    def carry_over(self, job: Job, unit: Unit) -> None:
        """Make a finished unit of another generation DONE in this one, unless it has a record here.

        It has no fence, for nobody ever claims it in this generation.
        """

    def renew(self, lease: Lease, *, lease_s: float, progress: UnitProgress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` past its end; raises LeaseLost.

        A job that was ended or cancelled meanwhile makes the lease worthless,
        which is LeaseLost too.  Only a CHECK belongs to a job that has ended,
        which nobody has to wake.
        """

    def commit(self, lease: Lease, *, result: Result, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost.  Only the fence is tested, not the clock."""

    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        """Make the unit WAITING, and count what it is charged with.  Raises LeaseLost.

        Then the job wakes at ``retry_at``, or at once where that is past, unless
        it would wake before that anyway: other units may be waiting for the
        earlier instant, so giving back only ever brings it nearer.
        """

    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        """Make the unit FAILED, which ends its job, and wake the job at once.  Raises LeaseLost."""


class Leases(Protocol):
    """Leases by name (``ports.lease_name``), of which each makes one process out of many do something."""

    def acquire(self, name: str, *, owner: str, lease_s: float) -> bool:
        """Take the named lease, or keep it; False while another owner has it."""

    def release(self, name: str, *, owner: str) -> None:
        """Let go of the named lease; another owner's stays as it is."""


class Cleanups(Protocol):
    """Clean-ups of jobs' outputs, in the order in which they are due."""

    def schedule(self, cleaning: Cleaning) -> None:
        """Write down a clean-up; writing it twice is writing it once."""

    def list_due(self, limit: int) -> Sequence[Cleaning]:
        """Return clean-ups that are due, the longest overdue first."""

    def forget(self, cleaning: Cleaning) -> None:
        """Remove a clean-up that was done, or is scheduled for later."""


class Workers(Protocol):
    """What workers say of themselves, and when they were there.  The last word of each stands."""

    def announce(self, worker: Worker) -> None:
        """Write down what a worker says of itself."""

    def withdraw(self, name: str) -> None:
        """Remove a worker that leaves."""

    def list(self) -> Sequence[Worker]:
        """Return the workers that are believed to live, by a consistent read."""

    def record_span(self, span: Span) -> None:
        """Write down how a worker's span stands."""

    def list_spans(self, day: str) -> Sequence[Span]:
        """Return the spans of a UTC day, e.g. ``2026-11-25``, by a consistent read."""


class Halts(Protocol):
    """Who is asked to receive nothing."""

    def add(self, halt: Halt) -> None:
        """Let a halt stand; the first of its kind stays."""

    def lift(self, scope: Scope, name: str) -> None:
        """Take a halt back; taking back what does not stand is no error."""

    def list(self) -> Sequence[Halt]:
        """Return the halts that stand, by a consistent read."""


class ScalingDecisions(Protocol):
    """The autoscaler's latest decision."""

    def record(self, target: WorkerTarget, *, decision: str) -> None:
        """Write a decision down: whole, as JSON, and what gates read of it."""

    def read_desired(self) -> WorkerTarget | None:
        """Return how many AWS workers the autoscaler wants, and since when; None where it never decided."""

    def read(self) -> str:
        """Return the decision as it was recorded, or an empty string."""


class AuditTrails(Protocol):
    """What happened to each job, and to the system."""

    def add(self, job_id: str, entry: AuditEntry) -> None:
        """Add an entry to the job's trail, or to the system's; the same one twice is one."""

    def read(self, job_id: str, *, limit: int) -> Sequence[AuditEntry]:
        """Return the last ``limit`` entries, the first of them first, by a consistent read."""


class Outbox(Protocol):
    """Notifications about jobs, and errands to deliver them."""

    def add_notification(self, notification: Notification) -> None:
        """Write a notification down, once, and an errand for it."""

    def list_notifications(self, job_id: str) -> Sequence[Notification]:
        """Return a job's notifications, in order, by a consistent read."""

    def replace_notification(self, notification: Notification) -> bool:
        """Replace the notification of the edition before; False where it has changed meanwhile, or is gone."""

    def schedule_errand(self, errand: Errand) -> None:
        """Write down an errand; writing it twice is writing it once."""

    def list_errands(self, limit: int, *, due: bool) -> Sequence[Errand]:
        """Return errands, the longest overdue first: the ``due`` ones or all, by a consistent read."""

    def forget_errand(self, errand: Errand) -> None:
        """Remove an errand that was run, or is scheduled for another time."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """All that one system keeps, port by port.  Threads may share it; a forked child makes its own."""

    #: Returns the store's time, by which leases are judged; raises Unreachable while it is unknown.
    now: Callable[[], float]
    jobs: Jobs
    units: Units
    leases: Leases
    cleanups: Cleanups
    workers: Workers
    halts: Halts
    scaling: ScalingDecisions
    audit: AuditTrails
    outbox: Outbox
    #: Returns how many records could not be read of late, and were set aside.
    unreadable: Callable[[], int]
