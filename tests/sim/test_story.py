"""docs/reference/scenarios.md is what a run gives, as far as a run of seconds can tell."""

import pytest

from rugbytx.sim import batch
from tests.sim import story
from tests.sim.note import SCENARIOS


def test_each_scenario_and_its_bounds_are_told() -> None:
    """The bounds are exact, so they stand there to the digit."""
    text = story.DOCUMENT.read_text(encoding="utf-8")
    for one in SCENARIOS:
        assert f"## {one.heading}" in text
        assert story.bounds(story.cases_of(one.scenario, ["deadline"])[0]) in text


@pytest.mark.parametrize("scenario", ["clip", "one", "jetson-down"])
def test_the_notes_rows_are_what_a_run_gives(scenario: str) -> None:
    """Those that nothing of ours moves; `scripts/simulate` writes them anew."""
    text = story.DOCUMENT.read_text(encoding="utf-8")
    [case] = story.cases_of(scenario, ["note-recommended"])
    [mean] = batch.means([batch.run_one(one) for one in batch.seeds(case, story.RUNS)], story.RUNS)
    assert story.row(mean) in text
