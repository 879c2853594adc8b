"""What a worker says of itself: production's presence, said every few seconds and so up to that much out of date."""

import math
from collections import deque
from dataclasses import dataclass, field

from rugbytx.core.presence import Worker

#: Chunk speeds that a worker tells of.
MOST_SPEEDS = 8

#: Records are copies of this one: to make one anew checks and fills each of its fields.
_BLANK = Worker(name="", worker_class="", slots=1, busy=0, seen_at=0.0, until=math.inf)


@dataclass(eq=False)
class Voice:
    """One worker's presence."""

    name: str
    worker_class: str
    maker: str
    period_s: float
    started_at: float = 0.0
    speeds: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SPEEDS))
    _states: deque[Worker] = field(default_factory=deque)

    def start(self, now: float) -> None:
        """Say for the first time that it lives."""
        self.started_at = now
        self.be(now)

    def be(self, now: float, *, job: str = "") -> None:
        """Be at a job, or idle, from here on; it will say so the next time it speaks."""
        self._states.append(
            _BLANK.model_copy(
                update={
                    "name": self.name,
                    "worker_class": self.worker_class,
                    "busy": int(bool(job)),
                    "maker": self.maker,
                    "seen_at": now,
                    "jobs": (job,) if job else (),
                    "started_at": self.started_at,
                    "idle_since": now,
                    "speeds": tuple(self.speeds),
                }
            )
        )

    def measured(self, now: float, px_per_s: float) -> None:
        """Note the speed of a chunk; it is told with the next word, as production's presence does."""
        self.speeds.append(px_per_s)
        if self._states:
            last = self._states[-1]
            self._states.append(last.model_copy(update={"seen_at": now, "speeds": tuple(self.speeds)}))

    def heard(self, now: float) -> Worker | None:
        """Return what it last said."""
        spoke_at = self.started_at + (now - self.started_at) // self.period_s * self.period_s
        while len(self._states) > 1 and self._states[1].seen_at <= spoke_at:
            self._states.popleft()
        return self._states[0] if self._states else None
