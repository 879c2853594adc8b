"""Scenarios, settings and prices are files of a user's: a mistake in one is a sentence."""

import ast
from dataclasses import asdict
from pathlib import Path

import pytest

from rugbytx import prices, profiles, sim
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings
from rugbytx.sim.input import policy, scenario
from rugbytx.sim.input.policy import OURS
from rugbytx.sim.input.upload_kind import SIZES, profile_of
from rugbytx.sim.simulation import scaling_policy
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
    with pytest.raises(
        SettingsError, match="RUGBYTX_MODE: input should be 'deadline', 'fastest' or 'cheapest'"
    ):
        case("one", "deadline", mode="best")
    with pytest.raises(SettingsError, match="max_hosts is a number"):
        case("one", "deadline", max_hosts="many")
    with pytest.raises(SettingsError, match="no setting 'leave'"):
        case("one", "deadline", leave="chunk")
    with pytest.raises(SettingsError, match=r"RUGBYTX_HEARTBEAT_S .* must be at most a third"):
        case("one", "deadline", heartbeat_s="60")


@pytest.mark.parametrize("name", OURS)
def test_a_simulated_fleet_is_run_by_productions_settings(name: str) -> None:
    """Autoscaler and gates go by the policy that they would have, but for what is of the world."""
    simulated = case("one", name)
    settings = simulated.policy.settings
    assert settings == Settings(mode=settings.mode)
    world_has = ("max_workers", "cold_start_s", "aws_usd_per_h")
    ours, theirs = asdict(scaling_policy(simulated)), asdict(settings.policy)
    assert {one: ours[one] for one in ours if one not in world_has} == {
        one: theirs[one] for one in theirs if one not in world_has
    }


def test_each_setting_that_can_be_set_is_heeded() -> None:
    """It is production's, what is set arrives there, and every other setting that the simulator reads is among them."""
    for one in policy.HEEDED:
        text = {"mode": "fastest", "heartbeat_s": "20.0"}.get(one, "90.0")
        tuned, _ = policy.tuned(policy.of("cheapest"), {one: text})
        assert str(getattr(tuned.settings, one)) == text
    read = {
        node.attr
        for path in Path(sim.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name)
        if (node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id) == "settings"
    }
    assert {"lease_s", "tick_s", "protection_s"} <= read & set(Settings.model_fields) <= policy.HEEDED


def test_a_price_list_of_ones_own(tmp_path: Path) -> None:
    """It stands in for the built-in one whole; a mistake is a sentence."""
    path = tmp_path / "prices.toml"
    path.write_text(prices.BUILT_IN.read_text().replace("usd = 0.526", "usd = 1.0"))
    assert prices.load(path).on_demand_h.usd == 1.0 != prices.built_in().on_demand_h.usd
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
