"""What the fake store's ports share, as DynamoDB's adapters share a table: the records, the clock, the line."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from rugbytx.core.cost.usage import Span
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import Unit, UnitKey
from rugbytx.core.notify.notification import Errand, Notification
from rugbytx.core.output.retention import Cleaning
from rugbytx.core.record import SCHEMA, Versioned
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.errors import Unreachable, WrittenByNewer
from tests.fakes.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Versioned)
S = TypeVar("S", bound="FakePort")


@dataclass(kw_only=True)
class FakeTable:
    """All records in memory.

    Three things go wrong on request: ``down`` makes every call raise
    Unreachable; ``stale`` makes lists answer from before the last write to a
    job; ``losing_answers`` loses the first answer to each request, so that it is
    sent twice, as the SDK does.
    """

    clock: Clock = field(default_factory=Clock)
    down: bool = False
    stale: bool = False
    losing_answers: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    #: Requests so far; a request that is sent twice is one.
    requests: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    #: The jobs as they were before the last write.
    former_jobs: dict[str, Job] = field(default_factory=dict)
    #: What opened each job's generation.
    openings: dict[str, Job] = field(default_factory=dict)
    units: dict[tuple[str, int], dict[UnitKey, Unit]] = field(default_factory=dict)
    #: Who has each named lease, and until when.
    leases: dict[str, tuple[str, float]] = field(default_factory=dict)
    cleanups: set[Cleaning] = field(default_factory=set)
    workers: dict[str, Worker] = field(default_factory=dict)
    spans: dict[tuple[str, str, float], Span] = field(default_factory=dict)
    halts: dict[tuple[Scope, str], Halt] = field(default_factory=dict)
    told: WorkerTarget | None = None
    decision: str = ""
    trails: dict[str, dict[object, AuditEntry]] = field(default_factory=dict)
    notifications: dict[str, dict[object, Notification]] = field(default_factory=dict)
    errands: set[Errand] = field(default_factory=set)

    def known_job(self, job_id: str) -> Job | None:
        """Return the job; raises WrittenByNewer for a newer schema."""
        job = self.jobs.get(job_id)
        return job and known(job, f"job {job_id}")

    def open_job(self, job_id: str, generation: int) -> Job | None:
        """Return the job if it is open in this generation."""
        job = self.known_job(job_id)
        return job if job and job.is_open and job.generation == generation else None

    def put_job(self, job: Job) -> None:
        """Write a job's record, whatever stands there."""
        self.former_jobs = dict(self.jobs)
        self.jobs[job.id] = job

    def change_job(self, job: Job, **fields: object) -> None:
        """Write a job's record with other fields."""
        self.put_job(job.model_copy(update=fields))


class FakePort:
    """One port of the fake store, round the table that all of them share."""

    def __init__(self, table: FakeTable) -> None:
        self.table = table


def sent(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Run a method as the store serves a request: whole, and again where the first answer was lost."""

    @wraps(method)
    def send(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        table = self.table
        with table.lock:
            if table.down:
                raise Unreachable("the fake store does not answer: it is down")
            table.requests += 1
            if table.losing_answers:
                method(self, *args, **kwargs)
            return method(self, *args, **kwargs)

    return send


def known(record: R, name: str) -> R:
    """Return the record; raises WrittenByNewer for a newer schema."""
    if record.schema_number > SCHEMA:
        raise WrittenByNewer(f"{name} was written by a newer rugbytx (schema {record.schema_number})")
    return record
