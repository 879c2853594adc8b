"""Application Auto Scaling as it is documented: target tracking, step scaling, and their cooldowns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rugbytx.sim.aws.cloudwatch import Datapoint, Metrics

#: Target tracking makes these two alarms by itself: 3 and 15 datapoints of a minute (aws/containers-roadmap 1208).
HIGH_POINTS = 3
LOW_POINTS = 15
#: It scales in where the metric is more than a tenth below the target (docs AWS).
LOW_SHARE = 0.9


class ScalableTarget(Protocol):
    """What a scaling policy moves."""

    desired: int

    @property
    def running(self) -> int:
        """Return how many tasks run."""

    @property
    def is_deploying(self) -> bool:
        """Return whether a deployment is under way; scale-in pauses then (docs AWS)."""

    def order(self, desired: int) -> None:
        """Set the desired count."""


@dataclass(frozen=True, kw_only=True)
class Cooldowns:
    """Seconds after an activity in which another of its kind waits.

    The scale-in cooldown is counted from a scale-in that has completed: it delays the
    second one, never the first (docs AWS: target tracking).
    """

    out_s: float
    in_s: float


@dataclass(eq=False)
class Activity:
    """Scaling activities with their cooldowns."""

    service: ScalableTarget
    cooldowns: Cooldowns
    most: int
    out_at: float = -math.inf
    in_at: float = -math.inf
    _cooling_to: int = 0

    def scale_out(self, wanted: int, now: float) -> None:
        """Raise the desired count; within the cooldown only a larger raise than the last one counts."""
        wanted = min(self.most, wanted)
        if wanted <= self.service.desired:
            return
        if now - self.out_at < self.cooldowns.out_s and wanted <= self._cooling_to:
            return
        self.out_at, self._cooling_to = now, wanted
        self.service.order(wanted)

    def scale_in(self, wanted: int, now: float) -> None:
        """Lower the desired count."""
        if wanted >= self.service.desired or self.service.is_deploying:
            return
        if now - self.in_at < self.cooldowns.in_s:
            return
        self.in_at = now
        self.service.order(max(0, wanted))


@dataclass(eq=False)
class TargetTracking:
    """Target tracking on the queue's metric; ``counts_in_flight`` makes it messages for each running task."""

    metrics: Metrics
    activity: Activity
    target: float = 1.0
    counts_in_flight: bool = False

    def evaluate(self, now: float) -> None:
        """Look at both alarms, as CloudWatch does each minute; an action repeats while its alarm stays."""
        high = [self._value(point) for point in self.metrics.latest(HIGH_POINTS, now)]
        if high and min(high) > self.target:
            self.activity.scale_out(self._wanted(high[-1]), now)
            return
        low = [self._value(point) for point in self.metrics.latest(LOW_POINTS, now)]
        if low and max(low) < self.target * LOW_SHARE:
            self.activity.scale_in(self._wanted(low[-1]), now)

    def _value(self, point: Datapoint) -> float:
        if not self.counts_in_flight:
            return float(point.visible)
        # Metric math IF(running > 0, all / running, all): a bare ratio has no datapoint at zero.
        return (point.visible + point.in_flight) / max(1, point.running)

    def _wanted(self, value: float) -> int:
        """Return the count for the metric's value.

        From zero it goes "by the minimum possible amount" (docs AWS), to one; from
        there in proportion to the tasks that run, though the metric does not have
        them in it.
        """
        running = self.activity.service.running
        if running == 0:
            return 1 if value > self.target else 0
        return math.ceil(running * value / self.target - 1e-9)


@dataclass(eq=False)
class StepScaling:
    """The note's steps: as many tasks as messages are visible, on one datapoint, and none at none."""

    metrics: Metrics
    activity: Activity
    steps: Sequence[tuple[int, int]] = field(default=((1, 1), (2, 2), (3, 3)))

    def evaluate(self, now: float) -> None:
        """Look at both alarms: the actions of Auto Scaling repeat each minute (docs AWS: alarm actions)."""
        points = self.metrics.latest(1, now)
        if not points:
            return
        wanted = max((count for least, count in self.steps if points[-1].visible >= least), default=0)
        if wanted:
            self.activity.scale_out(wanted, now)
        else:
            self.activity.scale_in(0, now)
