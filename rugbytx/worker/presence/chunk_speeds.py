"""How fast this worker's last chunks were done: its children record it, and its presence publishes it."""

import logging
from contextlib import suppress
from pathlib import Path

from rugbytx.core.cost.forecast import frame_px
from rugbytx.core.lease.unit import Kind, Measured, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.scaling.pace import MOST_SAMPLES
from rugbytx.media.process import shared_log

log = logging.getLogger(__name__)


class Speeds:
    """The speeds of the last chunks, in a file of one line each, or in this process alone where there is none."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._own: tuple[float, ...] = ()

    def record(self, plan: Plan | None, key: UnitKey, measured: Measured) -> None:
        """Record a finished unit, if it is a chunk: pixels of all renditions by seconds, everything included."""
        if plan is None or key.kind is not Kind.VIDEO or measured.elapsed_s <= 0:
            return
        px_per_s = measured.frames * frame_px(plan) / measured.elapsed_s
        self._own = (*self._own, px_per_s)[-MOST_SAMPLES:]
        if self._path:
            try:
                shared_log.append(self._path, f"{px_per_s:.0f}".encode())
            except OSError as error:
                log.warning("speed-not-noted", extra={"reason": str(error)})

    def last(self) -> tuple[float, ...]:
        """Return the last speeds in px/s, the latest last."""
        if self._path is None:
            return self._own
        speeds = []
        for line in shared_log.lines(self._path)[-MOST_SAMPLES:]:
            with suppress(ValueError):  # a line that was cut, or is none of ours
                speeds.append(float(line))
        return tuple(speeds)

    def clear(self) -> None:
        """Forget all of them."""
        self._own = ()
        if self._path:
            self._path.unlink(missing_ok=True)
