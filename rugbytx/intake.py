"""Accept a job: the record first, the pointer second.

The record in the store is the acceptance; the pointer in the queue only makes
it start soon.  A crash or a cut between the two loses nothing: the job's
``wake_at`` is written with the record, and the sweep sends a pointer for every
open job that nobody picked up.  So a failed send is a remark to the submitter and
not an error, for an error would make them submit again what was accepted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice

from rugbytx import concurrency, profiles
from rugbytx.audit import record_entry, record_retry
from rugbytx.core.job.acceptance import AcceptanceAction, AcceptanceDecision, decide
from rugbytx.core.job.audit_trail import JOINED
from rugbytx.core.job.job import Job, Pointer, Source, Status, identify
from rugbytx.core.schedule.resend import FIRST_RESEND_S
from rugbytx.errors import JobRejected, RugbytxError, Unreachable
from rugbytx.ports import Queue, Store
from rugbytx.source import OnUpload, is_local, resolve
from rugbytx.system import Connection
from rugbytx.urls import targets

__all__ = [
    "AcceptanceAction",
    "AcceptanceDecision",
    "Accepted",
    "Refused",
    "Request",
    "accept",
    "accept_all",
    "check",
    "decide",
]

#: SQS takes ten messages in one request (SendMessageBatch).
BATCH = 10
#: How many records are written at once: each is two calls, which take longer to be answered than to be made.
AT_ONCE = 16
#: How often a decision is made again because somebody else changed the job meanwhile.
DECISIONS = 6
#: One GOP of two seconds is the least that can be cut; what a unit made has to fit into a record of 400 KB.
CHUNK_RANGE_S = (2.0, 600.0)
MAX_DEADLINE_S = 30 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks for."""

    #: ``s3://bucket/key`` or the path of a local file.
    source: str
    profile: str = "match"
    #: Seconds from the moment of acceptance; None for the settings' default.
    deadline_s: float | None = None
    #: Seconds of video in a chunk; None for the planner's default.
    chunk_s: float | None = None
    #: Do an ended job once more, as its next generation.
    force: bool = False
    #: URLs that are told how the job ends; those of the settings are told as well.
    notify: tuple[str, ...] = ()
    #: The caller, as ``name@host``, for the job's trail.
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A job as it stands after a request, and what happened to get it there."""

    job: Job
    action: AcceptanceAction
    reason: str
    #: What the submitter should know, a sentence each.
    remarks: tuple[str, ...] = ()

    @property
    def is_to_send(self) -> bool:
        """Return whether the job needs a pointer: whoever joins an open one needs none."""
        return self.action in {AcceptanceAction.CREATE, AcceptanceAction.REOPEN}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A request that came to nothing, and why."""

    request: Request
    error: RugbytxError


def accept(request: Request, system: Connection, *, on_upload: OnUpload | None = None) -> Accepted:
    """Accept one request; raises JobRejected, SettingsError or Unreachable where it cannot be."""
    for result in accept_all([request], system, on_upload=on_upload):
        if isinstance(result, Refused):
            raise result.error
        return result
    raise AssertionError("one request has one result")


def accept_all(
    requests: Sequence[Request], system: Connection, *, on_upload: OnUpload | None = None
) -> Iterator[Accepted | Refused]:
    """Accept requests, yielding the result of each in order, after its pointer was sent.

    Local files are taken one by one, objects many at once.  One bad request
    does not stop the others.  A service that does not answer does: the requests
    that have not begun by then have no result.
    """
    for is_file, group in groupby(requests, key=lambda request: is_local(request.source)):
        wanted = list(group)
        record = partial(_result, system=system, on_upload=on_upload)
        is_alone = is_file or len(wanted) == 1
        results = concurrency.in_order(
            wanted, record, at_once=1 if is_alone else AT_ONCE, is_last=_is_unreachable
        )
        is_over = False
        for batch in _batches(results, 1 if is_alone else BATCH):
            yield from _send(batch, system.queue)
            is_over |= any(map(_is_unreachable, batch))
        if is_over:
            return


def _result(request: Request, *, system: Connection, on_upload: OnUpload | None) -> Accepted | Refused:
    """Return what became of one request's record."""
    try:
        return _record(request, system, on_upload)
    except RugbytxError as error:
        return Refused(request=request, error=error)


def _batches(results: Iterable[Accepted | Refused], size: int) -> Iterator[list[Accepted | Refused]]:
    """Yield the results in runs of ``size``, the last one shorter."""
    rest = iter(results)
    while batch := list(islice(rest, size)):
        yield batch


def _is_unreachable(result: Accepted | Refused) -> bool:
    """Return whether a service did not answer, so that the next request need not be tried."""
    return isinstance(result, Refused) and isinstance(result.error, Unreachable)


def _record(request: Request, system: Connection, on_upload: OnUpload | None) -> Accepted:
    """Write the record of one request."""
    check(request)
    profile = profiles.load(request.profile, system.settings.profiles)
    system.store.now()  # an upload of gigabytes should not come before "the store does not answer"
    source = resolve(request.source, system.storage, system.settings.source_buckets, on_upload=on_upload)
    now = system.store.now()
    wanted = Job(
        id=identify(source, profile),
        source=source,
        profile=profile,
        chunk_s=request.chunk_s,
        submitted_at=now,
        deadline_at=now + (request.deadline_s or system.settings.deadline_s),
        wake_at=now + FIRST_RESEND_S,
        submitted_by=request.by,
        notify=targets(
            (*system.settings.notify_urls, *request.notify), is_private_allowed=system.settings.notify_private
        ),
    )
    decision, job = _write(wanted, system.store, force=request.force)
    return Accepted(
        job=job, action=decision.action, reason=decision.reason, remarks=_remarks(decision, wanted, source)
    )


def _write(wanted: Job, store: Store, *, force: bool) -> tuple[AcceptanceDecision, Job]:
    """Decide and write; whoever was faster is taken into account by deciding again.

    Most requests are for what nobody asked for before, so writing comes first:
    it shows what stands there, if anything does.
    """
    existing: Job | None = None
    for _ in range(DECISIONS):
        if existing and existing.removed_at is not None:
            raise Unreachable(f"job {wanted.id} is being removed; submit it again once it is gone")
        decision = decide(existing, wanted, force=force)
        match decision.action:
            case AcceptanceAction.CREATE:
                existing = store.jobs.create(wanted)
                if existing == wanted:
                    return decision, existing
            case AcceptanceAction.REOPEN:
                if existing and store.jobs.reopen(decision.job):
                    record_retry(
                        store, existing, decision.job, by=wanted.submitted_by, reason=decision.reason
                    )
                    return decision, decision.job
                existing = store.jobs.read(wanted.id)
            case AcceptanceAction.JOIN:
                if joined := _join(decision, wanted, store):
                    return decision, joined
                existing = store.jobs.read(wanted.id)
            case AcceptanceAction.KEEP:
                return decision, decision.job
    raise Unreachable(f"job {wanted.id} keeps changing under our hands; submit it again")


def _join(decision: AcceptanceDecision, wanted: Job, store: Store) -> Job | None:
    """Bring what is wanted to the open job; None where that has ended just now, so that nobody would be told."""
    job = decision.job
    if decision.notify and not store.jobs.add_targets(job.id, job.generation, decision.notify):
        return None
    if decision.deadline_at is not None:
        store.jobs.tighten_deadline(job.id, job.generation, deadline_at=decision.deadline_at)
    record_entry(store, job.id, JOINED, by=wanted.submitted_by, generation=job.generation)
    change = {
        "deadline_at": decision.deadline_at or job.deadline_at,
        "notify": job.notify | decision.notify,
    }
    return job.model_copy(update=change)


def _send(results: Sequence[Accepted | Refused], queue: Queue) -> list[Accepted | Refused]:
    """Send the pointers of what was recorded; where that fails the sweep will, and a remark says so."""
    pointers = [
        Pointer(job_id=result.job.id, generation=result.job.generation)
        for result in results
        if isinstance(result, Accepted) and result.is_to_send
    ]
    try:
        if pointers:
            queue.send(pointers)
    except Unreachable as error:
        late = f"the job starts within {FIRST_RESEND_S / 60:g} minutes or so, because no message could be sent: {error}"
        return [
            replace(result, remarks=(*result.remarks, late))
            if isinstance(result, Accepted) and result.is_to_send
            else result
            for result in results
        ]
    return list(results)


def _remarks(decision: AcceptanceDecision, wanted: Job, source: Source) -> tuple[str, ...]:
    """Return what the submitter should know."""
    job, remarks = decision.job, []
    match decision.action:
        case AcceptanceAction.JOIN:
            remarks.append(f"{source.url} is job {job.id} already, which is {job.status}")
            if decision.reason == "open-so-force-joins":
                remarks.append("it is not done yet, so there was nothing to force")
            if decision.notify:
                remarks.append("whoever is to be told of its end is told as well")
            if decision.deadline_at is not None:
                remarks.append("its deadline is the tighter one asked for here")
            if wanted.chunk_s is not None and wanted.chunk_s != job.chunk_s:
                remarks.append("its chunk length was fixed when it was first submitted")
        case AcceptanceAction.KEEP:
            why = f" ({job.reason})" if job.reason and job.status is not Status.SUCCEEDED else ""
            remarks.append(f"{source.url} is job {job.id}, which {job.status}{why}; --force does it again")
            if wanted.notify:
                remarks.append("it has ended, so nobody is told of it again")
        case AcceptanceAction.REOPEN:
            remarks.append(f"job {job.id} is done again, as generation {job.generation}")
        case AcceptanceAction.CREATE:
            pass
    return tuple(remarks)


def check(request: Request) -> None:
    """Raise JobRejected where a chunk's length or the deadline is out of bounds."""
    low, high = CHUNK_RANGE_S
    if request.chunk_s is not None and not low <= request.chunk_s <= high:
        raise JobRejected(f"a chunk is between {low:g} and {high:g} seconds long, not {request.chunk_s:g}")
    if request.deadline_s is not None and not 0 < request.deadline_s <= MAX_DEADLINE_S:
        raise JobRejected(
            f"a deadline is at most {MAX_DEADLINE_S / 86_400:g} days ahead, not {request.deadline_s:g} seconds"
        )
