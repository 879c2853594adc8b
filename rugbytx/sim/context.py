"""What all parts of one run share."""

import random
from dataclasses import dataclass
from math import exp, log, sqrt

from simpy import Environment

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.settings import Settings
from rugbytx.sim.aws.sqs import SimulatedQueue
from rugbytx.sim.input.assumptions import Figures
from rugbytx.sim.input.policy import FleetPolicy
from rugbytx.sim.input.trace import UNKNOWN, Trace
from rugbytx.sim.recorder import Book, Ticket


@dataclass(eq=False)
class Site:
    """The run's clock, luck, queue and book."""

    env: Environment
    figures: Figures
    policy: FleetPolicy
    book: Book
    queue: SimulatedQueue
    seed: int
    #: The record of the day, where it is one that was.
    trace: Trace = UNKNOWN

    @property
    def settings(self) -> Settings:
        """Return what production's workers and autoscaler go by."""
        return self.policy.settings

    def luck(self, of: str) -> random.Random:
        """Return a source of luck for one part."""
        return luck_of(self.seed, of)

    def ticket(self, number: int) -> Ticket:
        """Return an upload's ticket."""
        return self.book.tickets[number]

    def px_per_s(self, worker_class: WorkerClass) -> float:
        """Return how fast a class encodes, on average."""
        return (
            self.figures.jetson_px_per_s if worker_class is WorkerClass.JETSON else self.figures.aws_px_per_s
        )


def luck_of(seed: int, part: str) -> random.Random:
    """Return a source of luck for one part: what one part draws moves no other's."""
    return random.Random(f"{seed}/{part}")  # noqa: S311  luck, not a secret


def spread(cv: float, luck: random.Random) -> float:
    """Return a factor of mean 1 and this coefficient of variation, lognormal; 1 for no variation."""
    if cv <= 0:
        return 1.0
    sigma = sqrt(log(1 + cv * cv))
    return exp(luck.gauss(-sigma * sigma / 2, sigma))
