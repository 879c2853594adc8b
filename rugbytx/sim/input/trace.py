"""A day as it was: how long each unit took and who began when, in place of the luck that the figures describe."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rugbytx.core.fleet.worker_class import WorkerClass

#: A turn may come so much later than it did.
LATE_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Stay:
    """One unit at one worker."""

    #: The time from its claim to its commit, which is what speeds are taken from.
    work_s: float
    #: And from there to the worker's next claim.
    pause_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What was measured.  What it does not know is as the figures say."""

    #: Stays by the upload's number, the unit's key, and the class of the worker.
    stays: Mapping[tuple[int, str, str], Stay] = field(default_factory=dict)
    #: The average of a class's units, for a unit that was done by the other class.
    usual: Mapping[tuple[str, str], Stay] = field(default_factory=dict)
    #: The cold starts of AWS hosts, in the order of their launch.
    cold_s: tuple[float, ...] = ()
    #: The time from an AWS worker's first report to its first receive, and from there to its first claim, in the same
    #: order.
    attach_s: tuple[tuple[float, float], ...] = ()
    #: The tasks that ECS stopped: the place of each among those that it could have stopped, the longest unprotected
    #: first.
    victims: tuple[int, ...] = ()
    #: The time from the Jetson's first report to its first claim: until then it is at work for what was before the
    #: day.
    jetson_attach_s: float = 0.0
    #: When the autoscaler looked; after the last of these as often as the policy says.
    ticks: tuple[float, ...] = ()
    #: The time from such a tick until others read the decision.
    tick_took_s: float = 0.0
    #: When a worker turned to which upload: SQS promises no order, so what it gave first is luck.
    turns: tuple[tuple[float, int], ...] = ()
    #: The speeds that the Jetson had measured before, in px/s, the latest last.
    jetson_speeds: tuple[float, ...] = ()

    def stay(self, number: int, key: str, worker_class: WorkerClass) -> Stay | None:
        """Return how long a unit took, or takes as a rule; None where nothing like it was measured."""
        kind = key.partition("#")[0]
        return self.stays.get((number, key, worker_class)) or self.usual.get((kind, worker_class))

    def tick(self, now: float) -> float | None:
        """Return when the autoscaler looked next; None where that is not known."""
        place = bisect_right(self.ticks, now)
        return self.ticks[place] if place < len(self.ticks) else None

    def turn(self, now: float, numbers: Sequence[int]) -> int:
        """Return the place of the upload that somebody turned to next among these; 0 where that is not known."""
        soon = (number for at, number in self.turns if at >= now - LATE_S)
        return next((numbers.index(number) for number in soon if number in numbers), 0)

    def cold(self, number: int) -> float | None:
        """Return how long the start of the host with this number took; None where there was none."""
        return self.cold_s[number] if number < len(self.cold_s) else None

    def attach(self, number: int) -> tuple[float, float]:
        """Return how long after its first word the worker with this number receives, and how long after that it claims."""
        return self.attach_s[number] if number < len(self.attach_s) else (0.0, 0.0)

    def victim(self, number: int) -> int:
        """Return the place of the task that was stopped as the one with this number; 0 where that is not known."""
        return self.victims[number] if number < len(self.victims) else 0


#: The trace of a day that nobody recorded.
UNKNOWN = Trace()
