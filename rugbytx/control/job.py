"""What people ask of jobs that exist: to end, to be tried again, to go.

Each is a conditional write on the job's record, and what follows from it.  A
command that was cut off, or given twice, can be given again.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice

from rugbytx import audit
from rugbytx.core.job.audit_trail import ENDED
from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.core.lease.unit import PLAN, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import plan_of
from rugbytx.core.schedule import carry_over
from rugbytx.core.schedule.next_unit import stages
from rugbytx.core.schedule.resend import FIRST_RESEND_S
from rugbytx.errors import JobRejected, NotFound, Unreachable
from rugbytx.ports.store import Jobs
from rugbytx.system import Connection

#: S3 removes at most so many objects in one request (DeleteObjects).
BATCH = 1000
#: How often a decision is made again because somebody else changed the job meanwhile.
DECISIONS = 5
#: Why a cancelled job ended.
CANCEL_REASON = "cancelled by request"


class ControlAction(StrEnum):
    """What became of a request."""

    #: The job has ended CANCELLED by it.
    CANCEL = "cancel"
    #: The job's next generation is open by it.
    RETRY = "retry"
    #: The job was cancelled, or is being tried again, already.
    KEEP = "keep"
    #: The job had ended otherwise before it could be cancelled.
    TOO_LATE = "too-late"


@dataclass(frozen=True, kw_only=True)
class ControlResult:
    """A job as it stands after a request, and what became of the request."""

    job: Job
    action: ControlAction
    #: What the caller should know, a sentence each.
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What removing a job took away."""

    job_id: str
    objects: int
    size_bytes: int


def cancel(job_id: str, system: Connection, *, by: str = "") -> ControlResult:
    """End a job CANCELLED, at once; raises NotFound.

    A worker that has one of its units learns it at its next heartbeat, and
    kills its encoder.  What is finished stays for a retry until the clean-up.
    """
    for _ in range(DECISIONS):
        job = read(job_id, system.store.jobs)
        if job.status is Status.CANCELLED:
            return ControlResult(
                job=job, action=ControlAction.KEEP, remarks=(f"job {job.id} was cancelled before",)
            )
        if not job.is_open:
            remark = f"job {job.id} cannot be cancelled: it {job.status} before"
            return ControlResult(job=job, action=ControlAction.TOO_LATE, remarks=(remark,))
        if system.store.jobs.end(job.id, job.generation, Status.CANCELLED, reason=CANCEL_REASON):
            audit.record_entry(
                system.store, job.id, ENDED, by=by, generation=job.generation, reason=Status.CANCELLED
            )
            return ControlResult(job=read(job_id, system.store.jobs), action=ControlAction.CANCEL)
    raise _restless(job_id)


def retry(job_id: str, system: Connection, *, redo: UnitKey | None = None, by: str = "") -> ControlResult:
    """Open the next generation of an ended job: the record first, the pointer second.

    It takes over what is finished and still in the bucket, but for ``redo`` and
    what is made from that.  Of two retries at once one opens the generation and
    the other finds it open.  Raises NotFound, and JobRejected for a unit that
    cannot be redone.
    """
    for _ in range(DECISIONS):
        job = read(job_id, system.store.jobs)
        if job.removed_at is not None:
            raise JobRejected(f"job {job.id} is being removed")
        if job.is_open and redo:
            raise JobRejected(f"job {job.id} is {job.status}; a unit can be redone once it has ended")
        if job.is_open:
            return ControlResult(
                job=job, action=ControlAction.KEEP, remarks=(f"job {job.id} is {job.status} already",)
            )
        following = _following(job, system, redo)
        if system.store.jobs.reopen(following):
            audit.record_retry(system.store, job, following, by=by, reason=str(redo or ""))
            return ControlResult(
                job=following, action=ControlAction.RETRY, remarks=_begin(job, following, system)
            )
    raise _restless(job_id)


def remove(job_id: str, system: Connection) -> Removed:
    """Remove an ended job: first its outputs, all generations, then its records.  The source stays.

    The job is marked before, so that nobody opens it again meanwhile; a removal
    that was cut off can simply be repeated.  Raises NotFound, or JobRejected for
    a job that is open: its worker would write on into what is gone.
    """
    job = read(job_id, system.store.jobs)
    if job.is_open:
        raise JobRejected(f"job {job.id} is {job.status}; it can be removed once it has ended")
    if not system.store.jobs.begin_removal(job.id, job.generation):
        raise JobRejected(f"job {job.id} was opened again just now; it can be removed once it has ended")
    objects, size_bytes = 0, 0
    bucket = system.settings.output_bucket
    stored_ones = iter(system.storage.list(bucket, object_keys.job_prefix(job.id)))
    while batch := list(islice(stored_ones, BATCH)):
        system.storage.delete(bucket, [stored.key for stored in batch])
        objects += len(batch)
        size_bytes += sum(stored.size_bytes for stored in batch)
    system.store.jobs.delete(job.id)
    return Removed(job_id=job.id, objects=objects, size_bytes=size_bytes)


def read(job_id: str, jobs: Jobs) -> Job:
    """Return the job; raises NotFound."""
    job = jobs.read(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job


def _following(job: Job, system: Connection, redo: UnitKey | None) -> Job:
    """Return the record of the ended job's next generation, with what it takes over."""
    units = system.store.units.read(job.id, job.generation)
    plan = plan_of(units)
    if redo not in {None, PLAN, *chain.from_iterable(stages(plan))}:
        what = f"{plan.grid.chunks} chunks, from VIDEO#0" if plan else "no plan yet, so only PLAN"
        raise JobRejected(f"job {job.id} has no unit {redo} to redo: it has {what}")
    listed = system.storage.list(system.settings.output_bucket, object_keys.job_prefix(job.id))
    sizes = {stored.key: stored.size_bytes for stored in listed}
    now = system.store.now()
    return carry_over.reopened(job, carry_over.decide(job, units, sizes, redo=redo, now=now), now=now)


def _begin(job: Job, following: Job, system: Connection) -> tuple[str, ...]:
    """Send the pointer of a generation that was opened; return what who asked should know."""
    remarks = [f"job {job.id} is tried again, as generation {following.generation}"]
    if following.units:
        remarks.append(f"{len(following.adopted)} of its {following.units} units are taken over")
    elif job.done:
        remarks.append("nothing of it is taken over, so it is done from the beginning")
    try:
        system.queue.send([Pointer(job_id=job.id, generation=following.generation)])
    except Unreachable as error:
        remarks.append(
            f"it starts within {FIRST_RESEND_S / 60:g} minutes or so, for no message was sent: {error}"
        )
    return tuple(remarks)


def _restless(job_id: str) -> Unreachable:
    return Unreachable(f"job {job_id} keeps changing under our hands; try again")
