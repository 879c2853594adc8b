"""The queues that control messages take: one for each start of a worker, and one for each question.

::

    asker ─► rugbytx-transcode-control-<worker's digest>-<start>    one a start of a worker
      ▲                        │
      └─ rugbytx-transcode-replies-<question> ◄─┘                   one a question, for seconds

Their names say whose they are, so that who asks needs no list of workers and who
sweeps sees what was left behind.  No name is used twice: SQS refuses one for a
minute after its queue was deleted (CreateQueue, QueueDeletedRecently).
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

#: A question is answered within seconds, or never.
QUESTION_S = 600.0
#: A worker's mailbox is there before its presence is.
START_S = 180.0

ASKER_GONE = "asker-gone"
WORKER_GONE = "worker-gone"
WORKER_RESTARTED = "worker-restarted"


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """A queue for control messages, and since when it is there."""

    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A queue that nobody reads any more, and why that is so."""

    name: str
    reason: str


def control_prefix(queue: str) -> str:
    """Return how the names of all workers' mailboxes begin.

    >>> control_prefix("rugbytx-transcode")
    'rugbytx-transcode-control-'
    """
    return f"{queue}-control-"


def replies_prefix(queue: str) -> str:
    """Return how the names of all queues for answers begin.

    >>> replies_prefix("rugbytx-transcode")
    'rugbytx-transcode-replies-'
    """
    return f"{queue}-replies-"


def worker_prefix(queue: str, worker: str) -> str:
    """Return how the names of a worker's mailboxes begin: its name's digest, as SQS takes no ``@`` and no dot.

    >>> worker_prefix("q", "jetson-1@pitch")
    'q-control-8bdaf4fa5006-'
    """
    return f"{control_prefix(queue)}{hashlib.sha256(worker.encode()).hexdigest()[:12]}-"


def addressed(names: Sequence[str], *, queue: str, workers: Collection[str] | None) -> Sequence[str]:
    """Return the mailboxes of these workers, of all with None.

    >>> addressed([worker_prefix("q", "a") + "1", worker_prefix("q", "b") + "1"], queue="q", workers=["b"])
    ['q-control-3e23e8160039-1']
    """
    begins = (
        (control_prefix(queue),)
        if workers is None
        else tuple(worker_prefix(queue, worker) for worker in workers)
    )
    return [name for name in names if name.startswith(begins)]


def leftovers(
    mailboxes: Sequence[Mailbox], *, queue: str, living: Collection[str], now: float
) -> Sequence[Leftover]:
    """Return the mailboxes to be deleted: of workers that are not there, and of askers that must have gone.

    Of a living worker's the youngest is in use.  One that is taken from a worker
    whose presence had not come through is made again by it.
    """
    found = [
        Leftover(name=box.name, reason=ASKER_GONE)
        for box in mailboxes
        if box.name.startswith(replies_prefix(queue)) and now - box.created_at > QUESTION_S
    ]
    lived_in = {worker_prefix(queue, worker) for worker in living}
    youngest: dict[str, float] = {}
    of_workers = [box for box in mailboxes if box.name.startswith(control_prefix(queue))]
    for box in of_workers:
        owner = _owner(box)
        youngest[owner] = max(youngest.get(owner, box.created_at), box.created_at)
    for box in of_workers:
        if now - box.created_at <= START_S:
            continue
        if _owner(box) not in lived_in:
            found.append(Leftover(name=box.name, reason=WORKER_GONE))
        elif box.created_at < youngest[_owner(box)]:
            found.append(Leftover(name=box.name, reason=WORKER_RESTARTED))
    return found


def _owner(box: Mailbox) -> str:
    """Return the part of a name that says whose mailbox it is."""
    return box.name.rpartition("-")[0] + "-"
