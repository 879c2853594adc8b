"""What a worker says of itself: production's presence, said every few seconds and so up to that much out of date."""

from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.pace import MOST_SAMPLES

#: Records are copies of this one: to make one anew checks and fills each of its fields.
_BLANK = Worker(name="", worker_class=WorkerClass.JETSON, slots=1, busy=0, seen_at=0.0, until=inf)

#: How often a worker looks whether it should speak before its period is over; as in ``worker.presence``.
SAMPLE_S = 1.0


@dataclass(eq=False)
class Voice:
    """One worker's presence: a word every period, and one at the next look after its load has changed."""

    name: str
    worker_class: WorkerClass
    maker: str
    period_s: float
    started_at: float = 0.0
    speeds: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    #: Its reports and when it makes them, the earliest first; the first has been made.
    _words: deque[tuple[float, Worker]] = field(default_factory=deque)

    def start(self, now: float) -> None:
        """Say for the first time that it lives."""
        self.started_at = now
        self.be(now)

    def be(self, now: float, *, job: str = "") -> None:
        """Be at a job, or idle, from here on; it says so when it looks the next time."""
        word = _BLANK.model_copy(
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
        self._say(word, at=self._next(now, min(SAMPLE_S, self.period_s)))

    def add_speed(self, now: float, px_per_s: float) -> None:
        """Record the speed of a chunk; the next announcement has it."""
        self.speeds.append(px_per_s)
        if self._words:
            at = self._next(now, self.period_s)
            self._say(self._words[-1][1].model_copy(update={"speeds": tuple(self.speeds)}), at=at)

    def heard(self, now: float) -> Worker | None:
        """Return what it last said."""
        words = self._words
        while len(words) > 1 and words[1][0] <= now:
            words.popleft()
        return words[0][1] if words else None

    def _say(self, word: Worker, *, at: float) -> None:
        """Say it then, and what would be said later not at all: the word holds all of it."""
        while len(self._words) > 1 and self._words[-1][0] >= at:
            self._words.pop()
        self._words.append((at, word))

    def _next(self, now: float, period_s: float) -> float:
        """Return when the first such period is over that ends at ``now`` or later."""
        return self.started_at + ceil((now - self.started_at) / period_s) * period_s
