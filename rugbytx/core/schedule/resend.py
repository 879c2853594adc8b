"""Which open jobs need another pointer: liveness lives in the store, not in SQS."""

from dataclasses import dataclass

from rugbytx.core.job.job import Job, Status

#: A QUEUED job is sent again after this long, then after twice as long, and so on.
FIRST_RESEND_S = 600.0

#: A RUNNING job that nobody keeps awake: its next pointer, if this one is lost too.
RUNNING_RESEND_S = 30.0

LONGEST_RESEND_S = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class ResendDecision:
    """Whether to send a pointer, when to look again, and why."""

    send: bool
    reason: str
    wake_at: float = 0.0
    resends: int = 0


def decide(job: Job, *, now: float, visible: int, waiting: int) -> ResendDecision:
    """Return what the sweep does for one open job.

    ``visible`` is how many messages SQS shows, ``waiting`` the number of QUEUED
    jobs.  Each of them should have one visible message, so a QUEUED job's
    pointer is sent again only while SQS shows fewer: a long backlog must not
    breed duplicates.  Messages in flight belong to jobs that are RUNNING and say
    nothing.  Each resend doubles the interval; a lane that wakes the job sets it
    back.
    """
    if not job.is_open:
        return ResendDecision(send=False, reason="job-ended")
    if now < job.wake_at:
        return ResendDecision(send=False, reason="not-due")
    first_s = FIRST_RESEND_S if job.status is Status.QUEUED else RUNNING_RESEND_S
    wake_at = now + min(first_s * 2.0 ** min(job.resends, 20), LONGEST_RESEND_S)
    if job.status is Status.QUEUED and visible >= waiting:
        return ResendDecision(send=False, reason="pointer-still-queued", wake_at=wake_at, resends=job.resends)
    reason = "queued-too-long" if job.status is Status.QUEUED else "lane-silent"
    return ResendDecision(send=True, reason=reason, wake_at=wake_at, resends=job.resends + 1)
