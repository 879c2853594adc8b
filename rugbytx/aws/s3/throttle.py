"""Keeps all transfers of a process in one direction within a rate."""

import threading
import time
from collections.abc import Callable

from rugbytx.core.rate_limit import Line

#: How often a thread that waits for its turn checks whether its transfer is over.
SLICE_S = 0.1


class Throttle:
    """A line that threads share: each waits until what it moved has had its time.

    s3transfer has a limit of its own, for one transfer manager and so for one
    upload, and it sleeps to the end whatever has happened meanwhile; this one
    holds for uploads beside each other, and ends soon.
    """

    def __init__(
        self,
        rate_bps: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``rate_bps`` of 0 means no limit."""
        self._line = Line(rate_bps=rate_bps) if rate_bps else None
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self, size_bytes: int, *, is_over: Callable[[], bool]) -> None:
        """Return once so many more bytes may have moved, or soon after ``is_over``."""
        if self._line is None:
            return
        with self._lock:
            self._line = self._line.carrying(size_bytes, now=self._monotonic())
            free_at = self._line.free_at
        while (left_s := free_at - self._monotonic()) > 0 and not is_over():
            self._sleep(min(left_s, SLICE_S))


def unlimited() -> Throttle:
    """Return a throttle that never waits."""
    return Throttle(0.0)
