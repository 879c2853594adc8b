"""A long stream is simulated in parts, and comes to what its parts come to."""

from dataclasses import replace
from pathlib import Path

import pytest

from rugbytx.sim import batch, partition
from rugbytx.sim.input.scenario import DAY_S
from rugbytx.sim.report.outcome import quantile
from rugbytx.sim.simulation import Case
from tests.sim.day import case, written


@pytest.fixture
def season(tmp_path: Path) -> Case:
    """Return 61 days with a few clips each."""
    text = 'title = "A season"\n[stream]\ndays = 61\nper_day = { clip = 3 }\n'
    return case(written(tmp_path, text), "deadline")


def test_a_season_is_the_sum_of_its_months(season: Case) -> None:
    """Each upload is in one of them; how long they took is told of all together."""
    months = [batch.run_one(part) for part in partition.split(season)]
    assert [part.scenario.stream and part.scenario.stream.days for part in partition.split(season)] == [
        30,
        30,
        1,
    ]
    [found] = batch.run_all([season])
    assert found.uploads == sum(month.uploads for month in months)
    assert found.usd == pytest.approx(sum(month.usd for month in months))
    turnarounds = sorted(each for month in months for each in month.turnarounds_s)
    assert (found.p50_s, found.p95_s) == (quantile(turnarounds, 0.5), quantile(turnarounds, 0.95))
    assert found.makespan_s
    assert 60 * DAY_S < found.first_s + found.makespan_s < 61.1 * DAY_S


def test_no_two_months_are_alike(season: Case) -> None:
    """Nor are those of another run."""
    drawn = [
        tuple(upload.at_s for upload in part.scenario.draw(part.seed))
        for run in (season, replace(season, seed=2))
        for part in partition.split(run)
    ]
    assert len(set(drawn)) == 6


def test_a_month_that_never_ends_makes_a_season_that_does_not(season: Case) -> None:
    """Whoever was not served in time is not hidden by the months in which everybody was."""
    months = [batch.run_one(part) for part in partition.split(season)]
    months[1] = replace(months[1], never_finished=1, is_drained=False, makespan_s=None)
    found = partition.join(months)
    assert (found.makespan_s, found.is_drained, found.never_finished) == (None, False, 1)


@pytest.mark.parametrize("name", ["three", "month", "jetson-dies"])
def test_what_is_short_stays_whole(name: str) -> None:
    """A fault, or an upload at a fixed time, happens once."""
    whole = case(name, "deadline")
    assert partition.split(whole) == [whole]
