"""What happened to a job, an entry each: who did what, and when.

The trail is for people, and nothing is decided by it.  So an entry that could
not be written is only logged, and one that is written twice stands once.  Its
order is that of the store's time, which hosts know to within a second.
"""

from collections.abc import Iterable, Sequence

from rugbytx.core.job.job import Job
from rugbytx.core.record import Versioned

#: The words of a trail, so that entries can be counted.
SUBMITTED = "submitted"
JOINED = "joined"
TAKEN_OVER = "taken-over"
UNIT_DONE = "unit-done"
ATTEMPT_ENDED = "attempt-ended"
ENDED = "ended"
RETRIED = "retried"
BUMPED = "bumped"
UNBUMPED = "unbumped"
PAUSED = "paused"
RESUMED = "resumed"
DRAINED = "drained"
UNDRAINED = "undrained"
REPLAYED = "replayed"

#: The name of the trail that is no job's: of what was asked of the queue, a class or a worker.
SYSTEM = ""


class AuditEntry(Versioned):
    """One thing that happened.  ``at`` is store time."""

    at: float
    #: One of the words above.
    what: str
    #: The worker that did it, or the person who asked, as ``name@host``.
    by: str = ""
    generation: int = 0
    #: The unit that it is about, by name.
    unit: str = ""
    fence: int = 0
    #: Why, or of what: a reason, a status, the worker or class that is meant.
    reason: str = ""
    frames: int = 0
    elapsed_s: float = 0.0


def submitted(job: Job) -> AuditEntry | None:
    """Return the entry of a job's first submission, which its record tells; None once it was done again."""
    if job.generation > 1:
        return None
    return AuditEntry(
        at=job.submitted_at, what=SUBMITTED, by=job.submitted_by, generation=1, reason=job.source.url
    )


def merged(
    own: Iterable[AuditEntry], system: Iterable[AuditEntry], *, since: float, until: float
) -> Sequence[AuditEntry]:
    """Return a job's entries and, in their places, those of the system while the job was there.

    >>> told = merged([AuditEntry(at=5, what=SUBMITTED)], [AuditEntry(at=n, what=PAUSED) for n in (4, 6, 9)], since=5, until=8)
    >>> [(entry.at, entry.what) for entry in told]
    [(5.0, 'submitted'), (6.0, 'paused')]
    """
    meanwhile = (entry for entry in system if since <= entry.at <= until)
    return sorted([*own, *meanwhile], key=lambda entry: entry.at)
