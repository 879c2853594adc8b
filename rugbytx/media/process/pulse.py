"""What a ``ports.Pulse`` is made of: when a step last moved, and when its time is over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rugbytx.errors import RugbytxError
from rugbytx.ports.media import Pulse


@dataclass(kw_only=True)
class Movement:
    """How far a step has come, and when one of its counters last grew."""

    monotonic: Callable[[], float] = time.monotonic
    frames: int = 0
    count: int = 0
    _moved_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a step: its counters start from zero."""
        self.frames, self.count, self._moved_at = 0, 0, self.monotonic()

    def advance(self, *, frames: int, count: int) -> None:
        """Say how far the step has come; only a counter that grew counts as life."""
        grown = (max(frames, self.frames), max(count, self.count))
        if grown != (self.frames, self.count):
            self._moved_at = self.monotonic()
        self.frames, self.count = grown

    def stood_s(self) -> float:
        """Return for how long nothing has moved."""
        return self.monotonic() - self._moved_at


@dataclass(kw_only=True)
class TimeOut:
    """A pulse that ends what takes too long with ``error``, and whatever ``pulse`` would end."""

    timeout_s: float
    error: RugbytxError
    pulse: Pulse | None = None
    monotonic: Callable[[], float] = time.monotonic
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.monotonic() + self.timeout_s

    def step(self, name: str) -> None:
        """Pass it on."""
        if self.pulse:
            self.pulse.step(name)

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Pass it on."""
        if self.pulse:
            self.pulse.advance(frames=frames, fps=fps, count=count)

    def check(self) -> None:
        """Raise ``error`` when the time is over, and what the pulse raises."""
        if self.pulse:
            self.pulse.check()
        if self.monotonic() > self._until:
            raise self.error
