"""The Jetson: always on, but for outages and power cuts."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from simpy import Environment, Process

POWER = "power"

Life = Callable[[], Generator[Any, Any, None]]


@dataclass(eq=False)
class Jetson:
    """The host on the premises; ``life`` is a worker's, from its start to an interruption."""

    env: Environment
    boot_s: float
    life: Life
    process: Process | None = None
    _off: int = field(default=0)

    @property
    def is_up(self) -> bool:
        """Return whether its worker runs."""
        return self.process is not None

    def start(self) -> None:
        """Start the worker, unless the power is off."""
        if self.process is None and not self._off:
            self.process = self.env.process(self.life())

    def cut(self, for_s: float) -> None:
        """Take the power away for a while; the worker has no time to say anything."""
        self._off += 1
        if self.process is not None and self.process.is_alive:
            self.process.interrupt(POWER)
        self.process = None
        self.env.timeout(for_s + self.boot_s).callbacks.append(lambda _: self._back())

    def _back(self) -> None:
        self._off -= 1
        self.start()
