"""The sweep: who needs another pointer."""

import pytest

from rugbytx.core.job.job import Job, Status
from rugbytx.core.schedule import resend
from tests.plans import PROFILE, SOURCE

NOW = 10_000.0


def job(status: Status, *, wake_at: float, resends: int = 0) -> Job:
    """Return a job in that state."""
    return Job(
        id="j",
        status=status,
        source=SOURCE,
        profile=PROFILE,
        submitted_at=0.0,
        deadline_at=3600.0,
        wake_at=wake_at,
        resends=resends,
    )


TABLE = [
    # job, messages that SQS shows, jobs waiting -> send, reason, wake_at, resends
    (job(Status.SUCCEEDED, wake_at=0), 0, 0, False, "job-ended", 0.0, 0),
    (job(Status.RUNNING, wake_at=NOW + 1), 0, 0, False, "not-due", 0.0, 0),
    (job(Status.RUNNING, wake_at=NOW), 5, 0, True, "lane-silent", NOW + 30, 1),
    (job(Status.RUNNING, wake_at=NOW, resends=3), 0, 0, True, "lane-silent", NOW + 240, 4),
    (job(Status.QUEUED, wake_at=NOW), 0, 1, True, "queued-too-long", NOW + 600, 1),
    (job(Status.QUEUED, wake_at=NOW, resends=1), 4, 5, True, "queued-too-long", NOW + 1200, 2),
    (job(Status.QUEUED, wake_at=NOW), 5, 5, False, "pointer-still-queued", NOW + 600, 0),
    (job(Status.QUEUED, wake_at=NOW, resends=50), 0, 1, True, "queued-too-long", NOW + 6 * 3600, 51),
]


@pytest.mark.parametrize(("seen", "visible", "waiting", "send", "reason", "wake_at", "resends"), TABLE)
def test_table(
    seen: Job, visible: int, waiting: int, send: bool, reason: str, wake_at: float, resends: int
) -> None:
    """RUNNING jobs past their time are sent; QUEUED ones only while SQS is short of messages."""
    decision = resend.decide(seen, now=NOW, visible=visible, waiting=waiting)
    assert (decision.send, decision.reason, decision.wake_at, decision.resends) == (
        send,
        reason,
        wake_at,
        resends,
    )
