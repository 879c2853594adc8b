"""The truth: jobs and their units, and the leases on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rugbytx.core.cost.usage import Span
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.audit_trail import Entry
from rugbytx.core.job.cursor import Mark
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.unit import Charge, Lease, Measured, Progress, Unit, UnitKey
from rugbytx.core.notify.notification import Errand, Notification
from rugbytx.core.output.retention import Cleaning
from rugbytx.core.scaling.admission import Told


class JobStore(Protocol):
    """The truth.  Every conditional write survives its own repetition."""

    def now(self) -> float:
        """Return the store's time; raises Unreachable while it is unknown."""

    def create_job(self, job: Job) -> Job:
        """Write ``job`` unless its id exists; return the record that stands."""

    def read_job(self, job_id: str) -> Job | None:
        """Return the job as it is, by a consistent read."""

    def list_jobs(
        self, *, status: Status | None = None, limit: int = 100, before: Mark | None = None
    ) -> Sequence[Job]:
        """Return jobs, the last submitted first, from behind a mark on; may lag behind writes.

        Reads little more than it returns, for each status that is asked for.
        """

    def open_jobs(self, limit: int) -> Sequence[Job]:
        """Return open jobs: the RUNNING ones, then the QUEUED ones, at most ``limit`` of each, the oldest first.

        May lag behind writes: the sweep only sends pointers, so a stale answer
        costs a message.
        """

    def tighten(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        """Move the deadline of an open job forward; a later deadline changes nothing."""

    def reopen(self, job: Job) -> bool:
        """Replace an ended job of generation ``job.generation - 1`` by ``job``; say whether it did.

        A job that is being removed is not replaced.
        """

    def start_job(self, job_id: str, generation: int) -> None:
        """Turn QUEUED into RUNNING."""

    def planned(self, job_id: str, generation: int, *, units: int, frames: int, work_px: float) -> None:
        """Note on the job's record how large the plan is."""

    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        """Set ``wake_at``; False where the job is not open in this generation."""

    def end_job(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        """End an open job; False where it had ended otherwise or moved on.  Repeating it is True.

        Before that a clean-up is noted, and what others are told, so that neither is forgotten.
        """

    def begin_removal(self, job_id: str, generation: int) -> bool:
        """Mark an ended job as being removed: it opens no more.  False where it is open or moved on.

        Before that a clean-up is noted, as for an end.
        """

    def delete_job(self, job_id: str) -> None:
        """Remove the job, if it is marked, and its units; a job that is not marked is another one by now."""

    def clean_later(self, cleaning: Cleaning) -> None:
        """Note a clean-up; noting it twice is noting it once."""

    def due_cleanings(self, limit: int) -> Sequence[Cleaning]:
        """Return clean-ups that are due, the longest overdue first."""

    def cleaned(self, cleaning: Cleaning) -> None:
        """Forget a clean-up that was done, or is noted for later."""

    def read_units(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed, by a consistent read."""

    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if somebody was faster.

        A finished chunk is claimed anew where the job is pinned to an encoder that is not its ``maker``.
        """

    def adopt(self, job: Job, unit: Unit) -> None:
        """Make a finished unit of another generation DONE in this one, unless it has a record here."""

    def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` 5 s past its end; raises LeaseLost.

        A CHECK's job has ended and is not woken.
        """

    def commit(self, lease: Lease, *, result: str, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost.  Only the fence is tested, not the clock."""

    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        """Make the unit WAITING, and count what it is charged with.  Raises LeaseLost."""

    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        """Make the unit FAILED, which ends its job, and wake the job at once.  Raises LeaseLost."""

    def mark_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        """Add units to the job's set of finished ones; adding twice is adding once."""

    def repin(self, job: Job, *, seen: Job) -> None:
        """Write pin, re-pinnings and finished units of ``job``, if it is open and pinned as in ``seen``.

        Whether it was written shows the next look at the job.
        """

    def present(self, worker: Worker) -> None:
        """Note what a worker says of itself."""

    def withdraw(self, name: str) -> None:
        """Forget a worker that leaves."""

    def bump(self, job_id: str, generation: int, *, bumped_at: float | None) -> bool:
        """Put the open job before others, or back among them; False where it is not open in this generation."""

    def also_notify(self, job_id: str, generation: int, urls: Iterable[str]) -> bool:
        """Add to whom the open job tells its end; False where it is not open in this generation."""

    def write_trail(self, job_id: str, entry: Entry) -> None:
        """Add an entry to the job's trail, or to the system's; the same one twice is one."""

    def read_trail(self, job_id: str, *, limit: int) -> Sequence[Entry]:
        """Return the last ``limit`` entries, the first of them first, by a consistent read."""

    def halt(self, halt: Halt) -> None:
        """Let a halt stand; the first of its kind stays."""

    def lift(self, scope: Scope, name: str) -> None:
        """Take a halt back; taking back what does not stand is no error."""

    def halts(self) -> Sequence[Halt]:
        """Return the halts that stand, by a consistent read."""

    def tell(self, notification: Notification) -> None:
        """Note what is to be told of a job, once, and an errand for it."""

    def notifications(self, job_id: str) -> Sequence[Notification]:
        """Return what is told of a job, in order, by a consistent read."""

    def change_notification(self, notification: Notification) -> bool:
        """Replace the notification of the edition before; False where it has changed meanwhile, or is gone."""

    def run_errand_at(self, errand: Errand) -> None:
        """Note an errand; noting it twice is noting it once."""

    def errands(self, limit: int, *, due: bool) -> Sequence[Errand]:
        """Return errands, the longest overdue first: the ``due`` ones or all, by a consistent read."""

    def errand_done(self, errand: Errand) -> None:
        """Forget an errand that was run, or is noted for another time."""

    def workers(self) -> Sequence[Worker]:
        """Return the workers that are believed to live, by a consistent read."""

    def record_decision(self, told: Told, *, decision: str) -> None:
        """Note a scaling decision: whole, as JSON, and what gates read of it."""

    def told(self) -> Told | None:
        """Return what the autoscaler said last, or None where it never did."""

    def decision(self) -> str:
        """Return the latest scaling decision as it was recorded, or an empty string."""

    def record_span(self, span: Span) -> None:
        """Note how a worker's span stands; the last word stands."""

    def spans(self, day: str) -> Sequence[Span]:
        """Return the spans of a UTC day, e.g. ``2026-11-25``, by a consistent read."""

    def hold(self, name: str, *, owner: str, lease_s: float) -> bool:
        """Take or keep the named lease; False while another holds it."""
