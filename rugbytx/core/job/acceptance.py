"""What becomes of a request for a job that may be there already."""

from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.job.job import Job


class AcceptanceAction(StrEnum):
    """What becomes of a request."""

    #: A job that was not there before.
    CREATE = "create"
    #: The same job is open already; two submits are one job.
    JOIN = "join"
    #: The same job has ended, and nobody asked for it again.
    KEEP = "keep"
    #: The same job has ended and is done once more.
    REOPEN = "reopen"


@dataclass(frozen=True, kw_only=True)
class AcceptanceDecision:
    """What becomes of a request, and why."""

    action: AcceptanceAction
    reason: str
    #: CREATE and REOPEN: the record to write; JOIN and KEEP: the one that stands.
    job: Job
    #: JOIN: the tighter deadline to move an open job to, if there is one.
    deadline_at: float | None = None
    #: JOIN: the URLs to tell besides those that are told anyway.
    notify: frozenset[str] = frozenset()


def decide(existing: Job | None, wanted: Job, *, force: bool) -> AcceptanceDecision:
    """Return what becomes of ``wanted`` where the store holds ``existing`` under its id.

    Of two deadlines the tighter wins, so that the second submitter is not worse
    off for having a predecessor.  ``force`` opens the next generation of an
    ended job; an open one is simply joined, because it is being done already.
    """
    if existing is None:
        return AcceptanceDecision(action=AcceptanceAction.CREATE, reason="not-seen-before", job=wanted)
    if existing.is_open:
        tighter = wanted.deadline_at < existing.deadline_at
        return AcceptanceDecision(
            action=AcceptanceAction.JOIN,
            reason="open-so-force-joins" if force else "same-job-is-open",
            job=existing,
            deadline_at=wanted.deadline_at if tighter else None,
            notify=wanted.notify - existing.notify,
        )
    if not force:
        return AcceptanceDecision(action=AcceptanceAction.KEEP, reason="same-job-has-ended", job=existing)
    published = existing.outputs or existing.published
    following = wanted.model_copy(
        update={
            "generation": existing.generation + 1,
            "published": published,
            "notify": wanted.notify | existing.notify,
            "endings": existing.endings_with_this(),
        }
    )
    return AcceptanceDecision(action=AcceptanceAction.REOPEN, reason="forced", job=following)
