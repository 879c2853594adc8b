"""The simulator's events beside an empty SimPy loop of as many, by processor time: both are one thread."""

import itertools
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import simpy

from rugbytx import prices
from rugbytx.sim import batch, simulation
from rugbytx.sim.input import policy, scenario
from rugbytx.sim.simulation import Case
from tests.bench import turn
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale


def measure(folder: Path, scale: Scale) -> Result:
    """Simulate a month, or one match, and turn an empty loop as often."""
    del folder
    name = "month" if scale is Scale.FULL else "one"
    case = batch.case_of(scenario.load(name), policy.of("deadline"), prices.load(), {})
    counted = events_of(case)
    pairs = turn.in_turn(
        lambda: counted / _cpu_s(lambda: batch.run_one(case)),
        lambda: counted / _cpu_s(lambda: _empty(counted)),
        rounds=scale.of(5, 1),
    )
    return Result(
        name="sim",
        ours=f"the simulator, scenario `{name}`",
        reference="an empty SimPy loop of as many events",
        figures=(
            Figure(
                name="events a second",
                ratios=tuple(mine / empty for mine, empty in pairs),
                goal=0.25,
                bound=Bound.AT_LEAST,
            ),
        ),
        details={"events": counted, "events a second": [round(mine) for mine, _ in pairs]},
    )


def events_of(case: Case) -> int:
    """Return how many events a run has: SimPy numbers them."""
    made: list[simpy.Environment] = []
    with _noting(made):
        batch.run_one(case)
    (environment,) = made
    return int(next(environment._eid))


@contextmanager
def _noting(made: list[simpy.Environment]) -> Generator[None, None, None]:
    """Note each environment that the simulator makes."""

    class Noted(simpy.Environment):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    before = vars(simulation)["Environment"]
    vars(simulation)["Environment"] = Noted
    try:
        yield
    finally:
        vars(simulation)["Environment"] = before


def _cpu_s(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _empty(events: int) -> None:
    environment = simpy.Environment()

    def turning() -> Generator[Any, Any, None]:
        for _ in itertools.repeat(None, events):
            yield environment.timeout(1.0)

    environment.process(turning())
    environment.run()
