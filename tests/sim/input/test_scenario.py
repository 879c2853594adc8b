"""Scenarios, settings and prices are files of a user's: a mistake in one is a sentence."""

from pathlib import Path

import pytest

from rugbytx import prices, profiles
from rugbytx.core.fleet.worker_class import AWS
from rugbytx.errors import SettingsError
from rugbytx.sim.input import policy, scenario
from rugbytx.sim.input.upload_kind import SIZES, profile_of
from tests.sim.day import case


def test_every_built_in_scenario_can_be_drawn() -> None:
    """They have titles and uploads, in order."""
    for name in scenario.names():
        found = scenario.load(name)
        if name != "year":  # it takes seconds
            uploads = found.draw(1)
            assert uploads == tuple(sorted(uploads, key=lambda one: one.at_s))
            assert found.title
            assert uploads


def test_a_month_has_about_fifty_matches() -> None:
    """Drawn at random: the mean of many is what the file says, within four standard deviations."""
    drawn = [scenario.load("month").draw(seed) for seed in range(40)]
    matches = sum(one.size != "clip" for uploads in drawn for one in uploads) / 40
    assert abs(matches - 50.1) < 4 * (50.1 / 40) ** 0.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = ", "is not TOML"),
        ('title = "x"\nnonsense = 1', "nonsense"),
        ('title = "x"\n[[arrivals]]\ncount = 0', "arrivals.0.count"),
        ('title = "x"\n[[arrivals]]\nkind = "film"', "no upload of kind 'film'"),
        ('title = "x"', "has no uploads"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """It names the file and the field."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=sentence):
        scenario.load(str(path))


def test_what_nobody_knows_is_refused() -> None:
    """Scenarios, policies, settings, values."""
    with pytest.raises(SettingsError, match="no scenario 'final'"):
        scenario.load("final")
    with pytest.raises(SettingsError, match="no policy 'best'"):
        policy.of("best")
    with pytest.raises(SettingsError, match="no setting 'speed'"):
        case("one", "deadline", speed="3")
    with pytest.raises(SettingsError, match="mode is one of deadline, fastest, cheapest"):
        case("one", "deadline", mode="best")
    with pytest.raises(SettingsError, match="max_hosts is a number"):
        case("one", "deadline", max_hosts="many")


def test_the_prices_are_those_that_workers_are_forecast_by() -> None:
    """One price in two places would be two prices some day."""
    found = prices.load()
    by_name = {price.name: price.usd_per_h.value for price in AWS.prices}
    assert {"on-demand": found.on_demand_h.usd, "spot": found.spot_h.usd} == by_name


def test_a_price_list_of_ones_own(tmp_path: Path) -> None:
    """It stands in for the built-in one whole; a mistake is a sentence."""
    path = tmp_path / "prices.toml"
    path.write_text(prices.BUILT_IN.read_text().replace("usd = 0.526", "usd = 1.0"))
    assert prices.load(path).on_demand_h.usd == 1.0
    path.write_text("region = 'x'")
    with pytest.raises(SettingsError, match="as_of"):
        prices.load(path)


def test_the_sizes_follow_the_built_in_profiles() -> None:
    """The same renditions, the same MP4 and the same splices."""
    for size in SIZES.values():
        ours, built_in = profile_of(size), profiles.load(size.profile, None)
        assert [rung.height for rung in ours.rungs] == [rung.height for rung in built_in.rungs]
        assert (ours.mp4, ours.splice) == (built_in.mp4, built_in.splice)


def test_a_scenario_may_bring_its_own_kind_of_upload(tmp_path: Path) -> None:
    """With its own picture and renditions; a word in it that is not known is a mistake."""
    text = (
        'title = "x"\n[[arrivals]]\nkind = "film"\n[[sizes]]\nname = "film"\nprofile = "own"\nsize_bytes = 1e6\n'
        "video_s = 60\nplan_s = 1\npublish_s = 1\nwidth = 160\nheight = 90\nfps = 25\nheights = [90]\n"
    )
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    assert scenario.load(str(path)).size("film").px == 60 * 25 * 160 * 90
    assert scenario.load(str(path)).size("clip") == SIZES["clip"]
    path.write_text(f"{text}colour = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="colour"):
        scenario.load(str(path))
