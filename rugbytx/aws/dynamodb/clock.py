"""The store's time, which every lease is judged by.

No two hosts agree on the time, but all of them hear DynamoDB's: each answer
carries a ``Date`` header (RFC 9110, 6.6.1), in whole seconds.  The monotonic
clock runs between answers, so a wall clock that jumps moves no lease::

    monotonic   ──────┤sent├──────────────┤received├─────►
                           the server wrote `date` somewhere in between,
    server      ──┤date├───────┤date + 1├────────────────►
                           and its own clock stood somewhere in this second

so that one answer bounds the offset between the two clocks from both sides.
"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from rugbytx.aws.dynamodb.table import Table
from rugbytx.errors import Unreachable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Where a request carries the instant at which it was sent.
_SENT_AT = "rugbytx_sent_at"


def settle(offset_s: float | None, *, date_at: float, sent_at: float, received_at: float) -> float:
    """Return the offset of the store's time from the monotonic clock, given one more answer.

    ``date_at`` is the answer's ``Date``; the other two are monotonic.  The
    first answer is taken at the middle of its bounds.  Later ones move the
    offset no further than to their nearer bound: while all answers agree that
    only ever brings it closer to the truth, and where the server's clock has
    stepped or ours has drifted it follows at once.

    >>> settle(None, date_at=1000.0, sent_at=10.0, received_at=10.5)
    990.25
    >>> settle(990.25, date_at=1001.0, sent_at=11.0, received_at=11.5)
    990.25
    >>> settle(990.25, date_at=1002.0, sent_at=11.25, received_at=11.5)
    990.5
    """
    low, high = date_at - received_at, date_at + 1 - sent_at
    if offset_s is None:
        return (low + high) / 2
    return min(max(offset_s, low), high)


class StoreTime:
    """The store's time as this process knows it: nothing until a first answer was heard."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset_s: float | None = None

    def now(self) -> float | None:
        """Return the store's time in seconds since 1970, within about a second; None while unknown."""
        offset_s = self._offset_s
        return None if offset_s is None else self._monotonic() + offset_s

    def listen_to(self, client: "DynamoDBClient") -> None:
        """Learn from every answer that ``client`` gets from here on."""
        client.meta.events.register("request-created.dynamodb", self._on_request)
        client.meta.events.register("response-received.dynamodb", self._on_response)

    def _on_request(self, request: Any, **_: Any) -> None:
        """Record when each try of a request was sent."""
        request.context[_SENT_AT] = self._monotonic()

    def _on_response(self, response_dict: Any, context: Any, **_: Any) -> None:
        """Learn from an answer's ``Date``.

        A refused condition is as good as any other answer; a 5xx may come from
        a proxy with a clock of its own.
        """
        if response_dict is None or response_dict["status_code"] >= 500:
            return
        date = response_dict["headers"].get("date")
        if date is not None:
            self._offset_s = settle(
                self._offset_s,
                date_at=parsedate_to_datetime(date).timestamp(),
                sent_at=context[_SENT_AT],
                received_at=self._monotonic(),
            )


class StoreClock:
    """The store's time as a port: it asks DynamoDB rather than not know."""

    def __init__(self, table: Table, time: StoreTime) -> None:
        self._table = table
        self._time = time

    def now(self) -> float:
        """Return the store's time, asking DynamoDB for anything at all if no answer was heard so far."""
        now = self._time.now()
        if now is None:
            self._table.get("CLOCK", "CLOCK")
            now = self._time.now()
        if now is None:
            raise Unreachable("DynamoDB answers without a Date header, so the store's time is unknown")
        return now
