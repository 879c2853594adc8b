"""When a message is worn out."""

import pytest

from rugbytx.core.job.message import Delivery, worn

FIRST = 10_000.0
HOUR_S = 3600.0

TABLE = [
    # receives, first received at, seconds since -> reason
    (1, FIRST, 0.0, ""),
    (4, FIRST, 60.0, ""),
    (5, FIRST, 60.0, "received-too-often"),
    (9, None, 60.0, "received-too-often"),
    (1, FIRST, 6 * HOUR_S - 1, ""),
    (1, FIRST, 6 * HOUR_S, "held-too-long"),
    (4, FIRST, 11 * HOUR_S, "held-too-long"),
    (1, None, 11 * HOUR_S, ""),  # SQS did not say: the count must do
]


@pytest.mark.parametrize(("receives", "first_received_at", "passed_s", "reason"), TABLE)
def test_table(receives: int, first_received_at: float | None, passed_s: float, reason: str) -> None:
    """Well before the tenth receive, and before the twelve hours that SQS allows."""
    delivery = Delivery(receipt="r", receives=receives, first_received_at=first_received_at)
    assert worn(delivery, now=FIRST + passed_s) == reason
