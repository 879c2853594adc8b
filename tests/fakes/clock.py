"""Time that passes only when a test says so."""

from dataclasses import dataclass


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
