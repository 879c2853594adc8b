"""How long what moves over a line has to wait, so that the line carries no more than it may."""

from dataclasses import dataclass, replace
from typing import Self

#: The lowest limit, in bits a second: pieces still come often enough that neither S3 nor the heartbeat takes a
#: throttled transfer for a dead one.
LEAST_BPS = 1_000_000


def checked(rate_bps: float) -> float:
    """Return the limit, where 0 means none; raises ValueError with a sentence where it is too small to work."""
    if 0 < rate_bps < LEAST_BPS:
        raise ValueError(f"{rate_bps:g} is less than {LEAST_BPS} bits a second; 0 is for no limit")
    return rate_bps


def share(rate_bps: float, *, slots: int) -> float:
    """Return one slot's part of a worker's limit: an even one, and never less than works; 0 means none.

    >>> share(40e6, slots=2), share(1e6, slots=4), share(0.0, slots=4)
    (20000000.0, 1000000, 0.0)
    """
    return max(rate_bps / slots, LEAST_BPS) if rate_bps else 0.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line with a limit.  What it carries it carries in turn; time in which it was idle is not made up for."""

    rate_bps: float
    #: When it will have carried all that was given to it, in the caller's time.
    free_at: float = 0.0

    def carrying(self, size_bytes: int, *, now: float) -> Self:
        """Return the line with so much more given to it; whoever gave it waits until it is free.

        >>> line = Line(rate_bps=8_000_000).carrying(500_000, now=10.0)
        >>> line.free_at
        10.5
        >>> line.carrying(500_000, now=10.1).free_at, line.carrying(500_000, now=99.0).free_at
        (11.0, 99.5)
        """
        return replace(self, free_at=max(now, self.free_at) + 8 * size_bytes / self.rate_bps)
