"""Who is asked to receive nothing: the whole queue, a worker class, or one worker.

A halt stands in the store until somebody takes it back, so it outlives the
workers that obey it.  They finish the unit in work, hand their message back and
receive nothing; what they have finished stays finished.
"""

from collections.abc import Iterable
from enum import StrEnum

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.record import Versioned

QUEUE_PAUSED = "queue-paused"
CLASS_PAUSED = "class-paused"
WORKER_DRAINED = "worker-drained"


class Scope(StrEnum):
    """Whom a halt is about."""

    #: Every worker; the halt's name is empty.
    QUEUE = "queue"
    #: The workers of the class that the halt names.
    CLASS = "class"
    #: The worker that the halt names.
    WORKER = "worker"


class Halt(Versioned):
    """One standing request to receive nothing.  ``at`` is store time."""

    scope: Scope
    name: str = ""
    at: float
    #: The person who asked, as ``name@host``.
    by: str = ""


def reason(halts: Iterable[Halt], *, worker: str, worker_class: WorkerClass | None) -> str:
    """Return why this worker may not receive, the narrowest first; empty where it may.

    >>> halts = [Halt(scope=Scope.CLASS, name="aws", at=0), Halt(scope=Scope.WORKER, name="celery@a", at=0)]
    >>> [reason(halts, worker=f"celery@{host}", worker_class=of) for host, of in (("a", "aws"), ("b", "aws"), ("c", "jetson"))]
    ['worker-drained', 'class-paused', '']
    """
    standing = {(halt.scope, halt.name) for halt in halts}
    if (Scope.WORKER, worker) in standing:
        return WORKER_DRAINED
    if (Scope.CLASS, worker_class) in standing:
        return CLASS_PAUSED
    return QUEUE_PAUSED if (Scope.QUEUE, "") in standing else ""
