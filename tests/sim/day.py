"""Simulated days for tests: built-in scenarios and the built-in prices, with luck off where a test says so."""

from pathlib import Path
from typing import Any

from rugbytx import prices
from rugbytx.sim import batch
from rugbytx.sim.input import policy, scenario
from rugbytx.sim.report.outcome import Outcome, outcome
from rugbytx.sim.simulation import Case, Run, run

#: Service times are as predicted, and nothing is delivered twice without a reason.
PLAIN: dict[str, Any] = {"service_cv": "0", "chunk_cv": "0", "duplicate_p": "0"}


def case(scenario_name: str, policy_name: str, *, seed: int = 1, **changes: str) -> Case:
    """Return a case of a built-in scenario."""
    return batch.case_of(
        scenario.load(scenario_name), policy.of(policy_name), prices.load(), changes, seed=seed
    )


def day(scenario_name: str, policy_name: str, *, seed: int = 1, **changes: str) -> Run:
    """Return what becomes of it."""
    return run(case(scenario_name, policy_name, seed=seed, **changes))


def figures(scenario_name: str, policy_name: str, *, seed: int = 1, **changes: str) -> Outcome:
    """Return what it comes to."""
    return outcome(day(scenario_name, policy_name, seed=seed, **changes))


def written(folder: Path, text: str) -> str:
    """Return the path of a scenario with this text."""
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)
