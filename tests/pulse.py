"""A pulse that a test drives: it remembers what it was told, and stops the work when the test says so."""

from dataclasses import dataclass, field


@dataclass
class FakePulse:
    """``ports.Pulse`` without a heartbeat; ``check`` raises ``stop`` from when it is set."""

    stop: BaseException | None = None
    steps: list[str] = field(default_factory=list)
    #: (frames, count) of each advance, in order.
    advances: list[tuple[int, int]] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Begin a step."""
        self.steps.append(name)

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Remember the counters."""
        assert fps >= 0
        self.advances.append((frames, count))

    def check(self) -> None:
        """Raise what the test wants raised."""
        if self.stop is not None:
            raise self.stop
