"""What people ask of jobs and workers under way: to go first, to rest, to go on.

All of it stands in the store, so it needs no remote control and outlives whoever
obeys it.  Asking twice is asking once, and only what changed something is in the
trail, with who asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rugbytx.audit import record_entry
from rugbytx.control.job import read
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job import audit_trail
from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.job.job import Job
from rugbytx.errors import JobRejected, NotFound
from rugbytx.ports.store import Halts, Store

#: A trail is read up to so many entries.
MOST_ENTRIES = 10_000

_WORDS = {
    Scope.QUEUE: (audit_trail.PAUSED, audit_trail.RESUMED),
    Scope.CLASS: (audit_trail.PAUSED, audit_trail.RESUMED),
    Scope.WORKER: (audit_trail.DRAINED, audit_trail.UNDRAINED),
}


@dataclass(frozen=True, kw_only=True)
class SteerResult:
    """What became of a request."""

    #: Whether anything is otherwise than before.
    has_changed: bool
    #: The request as the trail has it, e.g. ``paused``.
    what: str
    #: The job, class or worker; ``queue`` for the whole queue.
    name: str


def bump(job_id: str, store: Store, *, by: str) -> SteerResult:
    """Put an open job before all others; raises NotFound, and JobRejected for a job that has ended.

    Workers take it at their next unit, whatever they are at.
    """
    job = _open(job_id, store)
    if job.bumped_at is not None:
        return SteerResult(has_changed=False, what=audit_trail.BUMPED, name=job.id)
    return _bump(job, store, bumped_at=store.now(), what=audit_trail.BUMPED, by=by)


def unbump(job_id: str, store: Store, *, by: str) -> SteerResult:
    """Put an open job back among the others; raises as ``bump`` does."""
    job = _open(job_id, store)
    if job.bumped_at is None:
        return SteerResult(has_changed=False, what=audit_trail.UNBUMPED, name=job.id)
    return _bump(job, store, bumped_at=None, what=audit_trail.UNBUMPED, by=by)


def pause(worker_class: str | None, store: Store, *, by: str) -> SteerResult:
    """Have a class, or with None every worker, receive nothing more after the units in work."""
    return _halt(_scope(worker_class), _class(worker_class), store, by=by)


def resume(worker_class: str | None, store: Store, *, by: str) -> SteerResult:
    """Take a pause back.  The queue's and a class's are apart: both have to be taken back."""
    return _lift(_scope(worker_class), _class(worker_class), store, by=by)


def drain(worker: str, store: Store, *, by: str) -> SteerResult:
    """Have a worker receive nothing more after the unit in work, whenever it is started; raises NotFound."""
    living = [present.name for present in store.workers.list()]
    if worker not in living and (Scope.WORKER, worker) not in _standing(store.halts):
        names = f"; there are {', '.join(sorted(living))}" if living else "; no worker is there at all"
        raise NotFound(f"there is no worker {worker}{names}")
    return _halt(Scope.WORKER, worker, store, by=by)


def undrain(worker: str, store: Store, *, by: str) -> SteerResult:
    """Let a drained worker receive again."""
    return _lift(Scope.WORKER, worker, store, by=by)


def list_entries(job_id: str, store: Store, *, limit: int = MOST_ENTRIES) -> Sequence[AuditEntry]:
    """Return what happened to a job, and to the system meanwhile, in order; raises NotFound."""
    job = read(job_id, store.jobs)
    own = [*store.audit.read(job_id, limit=limit)]
    if first := audit_trail.submitted(job):
        own.insert(0, first)
    since = min([job.submitted_at, *(entry.at for entry in own[:1])])
    until = store.now() if job.is_open or job.ended_at is None else job.ended_at
    system = store.audit.read(audit_trail.SYSTEM, limit=MOST_ENTRIES)
    return audit_trail.merged(own, system, since=since, until=until)[-limit:]


def _open(job_id: str, store: Store) -> Job:
    job = read(job_id, store.jobs)
    if not job.is_open:
        raise JobRejected(f"job {job.id} is {job.status}: only an open one can go first")
    return job


def _bump(job: Job, store: Store, *, bumped_at: float | None, what: str, by: str) -> SteerResult:
    if not store.jobs.bump(job.id, job.generation, bumped_at=bumped_at):
        raise JobRejected(f"job {job.id} has ended just now")
    record_entry(store, job.id, what, by=by, generation=job.generation)
    return SteerResult(has_changed=True, what=what, name=job.id)


def _scope(worker_class: str | None) -> Scope:
    return Scope.QUEUE if worker_class is None else Scope.CLASS


def _class(worker_class: str | None) -> str:
    """Return a halt's name for a class; raises JobRejected for one that is none."""
    if worker_class is not None and worker_class not in set(WorkerClass):
        raise JobRejected(f"there is no worker class {worker_class}: it is {' or '.join(WorkerClass)}")
    return worker_class or ""


def _standing(halts: Halts) -> set[tuple[Scope, str]]:
    return {(halt.scope, halt.name) for halt in halts.list()}


def _halt(scope: Scope, name: str, store: Store, *, by: str) -> SteerResult:
    what, _ = _WORDS[scope]
    is_new = (scope, name) not in _standing(store.halts)
    if is_new:
        store.halts.add(Halt(scope=scope, name=name, at=store.now(), by=by))
        record_entry(store, audit_trail.SYSTEM, what, by=by, reason=name or str(scope))
    return SteerResult(has_changed=is_new, what=what, name=name or str(scope))


def _lift(scope: Scope, name: str, store: Store, *, by: str) -> SteerResult:
    _, what = _WORDS[scope]
    is_there = (scope, name) in _standing(store.halts)
    if is_there:
        store.halts.lift(scope, name)
        record_entry(store, audit_trail.SYSTEM, what, by=by, reason=name or str(scope))
    return SteerResult(has_changed=is_there, what=what, name=name or str(scope))
