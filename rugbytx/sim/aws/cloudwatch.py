"""The metrics that SQS publishes to CloudWatch: one datapoint a minute, late, and none while the queue sleeps."""

import random
from collections import deque
from dataclasses import dataclass, field

from rugbytx.sim.aws.sqs import SimulatedQueue
from rugbytx.sim.input.assumptions import Figures

PERIOD_S = 60.0
#: The longest alarm here looks at so many datapoints.
MOST_POINTS = 30


@dataclass(frozen=True, slots=True)
class Datapoint:
    """What one minute's datapoint says, and when an alarm can first see it."""

    at: float
    seen_from: float
    visible: int
    in_flight: int
    running: int


@dataclass(eq=False)
class Metrics:
    """The queue's datapoints.  Somebody calls ``publish`` once a minute."""

    queue: SimulatedQueue
    figures: Figures
    luck: random.Random
    points: deque[Datapoint] = field(default_factory=lambda: deque(maxlen=MOST_POINTS + 5))
    _is_asleep: bool = False
    _resumes_at: float = 0.0
    _lag_s: float = -1.0

    def publish(self, now: float, *, running: int) -> None:
        """Add this minute's datapoint, unless the queue sleeps.

        A queue is active for six hours after a message or an API call.  When it is
        touched again, metrics come back up to 15 minutes later (docs AWS:
        CloudWatch metrics for Amazon SQS).  Datapoints are published each minute and
        reach an alarm one to two minutes late.
        """
        if self._lag_s < 0:
            self._lag_s = self.luck.uniform(self.figures.metric_lag_least_s, self.figures.metric_lag_most_s)
        is_active = not self.queue.is_empty or self.queue.is_polled
        if not is_active and now - self.queue.touched_at > self.figures.asleep_after_s:
            self._is_asleep = True
        elif self._is_asleep:
            self._is_asleep = False
            self._resumes_at = now + self.luck.uniform(0, self.figures.wake_most_s)
        if self._is_asleep or now < self._resumes_at:
            return
        visible, in_flight = self.queue.approximate()
        self.points.append(Datapoint(now, now + self._lag_s, visible, in_flight, running))

    def latest(self, count: int, now: float) -> list[Datapoint]:
        """Return the last ``count`` datapoints that can be seen, if they are consecutive; else nothing.

        With a datapoint missing, target tracking does nothing: it treats the alarm
        as of insufficient data (docs AWS: target tracking).
        """
        visible = [point for point in self.points if point.seen_from <= now][-count:]
        is_whole = len(visible) == count and visible[-1].at - visible[0].at <= (count - 1) * PERIOD_S + 1
        is_fresh = bool(visible) and now - visible[-1].seen_from < 2 * PERIOD_S
        return visible if is_whole and is_fresh else []
