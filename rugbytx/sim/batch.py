"""Many runs on all cores, each in a process of its own kind: same cases, same outcomes, in their order."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from rugbytx.core.cost.price_list import Prices
from rugbytx.errors import SettingsError
from rugbytx.sim import partition
from rugbytx.sim.input.assumptions import Figures, altered
from rugbytx.sim.input.policy import FleetPolicy, tuned
from rugbytx.sim.input.scenario import Scenario
from rugbytx.sim.report.outcome import Mean, Outcome, outcome
from rugbytx.sim.simulation import Case, run

#: To start processes takes longer than a few short days.
WORTH_A_POOL = 8


def case_of(
    scenario: Scenario, policy: FleetPolicy, prices: Prices, changes: dict[str, str], *, seed: int = 1
) -> Case:
    """Return a case: the scenario's own figures first, then what the user sets.

    Raises SettingsError for a name that is a figure of neither the world nor a policy.
    """
    own = {name: str(value) for name, value in scenario.figures.items()}
    figures, left = altered(Figures(), {**own, **changes})
    policy, left = tuned(*altered(policy, left))
    if left:
        raise SettingsError(f"there is no setting {min(left)!r} of the simulator")
    return Case(scenario=scenario, policy=policy, figures=figures, prices=prices, seed=seed)


def run_one(case: Case) -> Outcome:
    """Run a case without its timeline."""
    return outcome(run(replace(case, is_kept=False)))


def run_all(
    cases: Sequence[Case], *, on_part: Callable[[int, int], None] = lambda _, __: None
) -> Iterator[Outcome]:
    """Yield what each case comes to, in order; ``on_part`` hears how many parts of all are done, and how many there are."""
    split = [partition.split(case) for case in cases]
    drawn = [part for each in split for part in each]
    workers = os.cpu_count() or 1
    counts = [len(each) for each in split]

    def said(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for done, result in enumerate(outcomes, start=1):
            on_part(done, len(drawn))
            yield result

    if (len(drawn) < WORTH_A_POOL and len(drawn) == len(cases)) or workers <= 1:
        yield from partition.joined(said(map(run_one, drawn)), counts)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        chunk = max(1, min(8, len(drawn) // (4 * workers)))
        yield from partition.joined(said(pool.map(run_one, drawn, chunksize=chunk)), counts)


def seeds(case: Case, runs: int) -> list[Case]:
    """Return the case under so many seeds, beginning with its own."""
    return [replace(case, seed=case.seed + index) for index in range(runs)]


def means(outcomes: Sequence[Outcome], runs: int) -> list[Mean]:
    """Return one mean for each ``runs`` outcomes that follow each other."""
    return [
        Mean(policy=outcomes[index].policy, runs=tuple(outcomes[index : index + runs]))
        for index in range(0, len(outcomes), runs)
    ]
