"""Ours on every scenario: what must never happen, how fast, how dear."""

from math import inf
from pathlib import Path
from typing import Any

import pytest

from rugbytx.sim import batch
from rugbytx.sim.input.policy import OURS
from rugbytx.sim.report.outcome import Outcome, bound
from tests.sim.day import PLAIN, case, day, figures, written

SCENARIOS = (
    "clip",
    "one",
    "three",
    "six",
    "twelve",
    "match-day",
    "jetson-down",
    "jetson-dies",
    "deploy",
    "spot-storm",
)
LONG_DAYS = ("six", "twelve", "match-day", "deploy", "spot-storm")
#: What a Spot notice or a loss of power may cost: one unit a slot.  Nothing else may cost any.
EXCUSED = {"spot", "power"}


def check(found: Outcome) -> None:
    """Assert what holds under every mode, on every day."""
    told = f"{found.scenario}, {found.policy}, seed {found.seed}"
    assert found.is_drained, told
    assert found.never_finished == 0, told
    assert found.duplicates == 0, told
    assert set(found.kills) <= EXCUSED, told
    assert found.most_units_lost_at_once <= 1, told
    assert found.dead_letters == 0, told


@pytest.mark.parametrize(
    ("scenario", "mode"),
    # The longest days are slow in the mode that is slow: they are among the twenty below.
    [(name, mode) for mode in OURS for name in SCENARIOS if mode != "cheapest" or name not in LONG_DAYS],
)
def test_nothing_is_lost_or_killed(scenario: str, mode: str) -> None:
    """No scale-in and no deployment ever kills at work, nothing is done twice, and every queue drains."""
    check(figures(scenario, mode))


@pytest.mark.long
@pytest.mark.parametrize("mode", OURS)
def test_twenty_days_of_each(mode: str) -> None:
    """The same under twenty seeds."""
    cases = [one for name in SCENARIOS for one in batch.seeds(case(name, mode), 20)]
    for found in batch.run_all(cases):
        check(found)


@pytest.mark.long
@pytest.mark.parametrize(("luck", "share"), [(PLAIN, 0.0), ({}, 0.01)])
def test_deadlines_are_met_on_twenty_days_of_each(luck: dict[str, Any], share: float) -> None:
    """None is missed where service times are as predicted, and one in a hundred at most where they are not."""
    for name in (*SCENARIOS, "month"):
        cases = batch.seeds(case(name, "deadline", **luck), 20)
        found = list(batch.run_all(cases))
        assert sum(one.missed for one in found) <= share * sum(one.uploads for one in found), name


@pytest.mark.parametrize(
    ("scenario", "bound_min"), [("one", 10.8), ("three", 24.2), ("six", 44.4), ("twelve", 84.8)]
)
def test_fastest_is_near_the_bound(scenario: str, bound_min: float) -> None:
    """Within a tenth of the chunked bound with two minutes to notice (facts, section 5)."""
    found = figures(scenario, "fastest", **PLAIN)
    assert found.makespan_s is not None
    assert found.makespan_s / 60 <= 1.1 * bound_min


@pytest.mark.parametrize("scenario", ["clip", "one", "three", "six", "match-day", "jetson-down"])
def test_deadlines_are_met(scenario: str) -> None:
    """Where service times are as predicted and the bound has slack, none is missed."""
    assert figures(scenario, "deadline", **PLAIN).missed == 0


def test_a_day_of_a_thousand_uploads_misses_none(tmp_path: Path) -> None:
    """However many clips come, a match is not kept waiting for them; nor a clip for a host that left."""
    busy = written(
        tmp_path,
        'title = "A busy day"\nchunk_s = 300\nfigures = { max_hosts = 6, margin_s = 120 }\n'
        "[stream]\ndays = 1\nper_day = { match = 15, clip = 985 }\n",
    )
    found = figures(busy, "deadline", **PLAIN)
    assert (found.uploads > 900, found.missed) == (True, 0)
    check(found)


@pytest.mark.parametrize("scenario", ["three", "six", "twelve"])
def test_deadlines_are_met_cheaply(scenario: str) -> None:
    """Cheaper than any whole-job policy that knows the future; within 15 % of what no chunked one can undercut."""
    best = bound(case(scenario, "deadline", **PLAIN))
    found = figures(scenario, "deadline", **PLAIN)
    whole_jobs_usd = min((point.usd for point in best.frontier if point.makespan_s <= 3600), default=inf)
    assert found.usd_hosts < whole_jobs_usd
    assert best.usd <= best.usd_chunks <= found.usd_hosts <= 1.15 * best.usd_chunks


def test_the_jetson_works_first() -> None:
    """One match within its hour starts no AWS worker, and a clip never does."""
    for scenario in ("one", "clip"):
        assert figures(scenario, "deadline").hosts == 0


def test_without_a_jetson_somebody_comes_in_every_mode() -> None:
    """What was accepted is done."""
    for mode in OURS:
        found = figures("jetson-down", mode, **PLAIN)
        assert (found.never_finished, found.hosts >= 1) == (0, True)


def test_a_dead_jetson_costs_one_chunk() -> None:
    """Seconds of work, which others do again; the message comes back with its lease, not after twenty minutes."""
    run = day("jetson-dies", "fastest", **PLAIN)
    [lost] = [span for span in run.book.spans if span.is_wasted]
    assert run.book.kills == {"power": 1}
    assert lost.end - lost.start < 30


def test_the_same_seed_is_the_same_day() -> None:
    """And another seed is another one."""
    first, again, other = (figures("three", "deadline", seed=seed).as_json() for seed in (5, 5, 6))
    for one in (first, again, other):
        del one["cpu_s"]
    assert first == again
    assert first["makespan_s"] != other["makespan_s"]


def test_messages_that_come_twice_do_no_harm() -> None:
    """Every second message is delivered twice: lanes find nothing left to claim, and nothing is done twice."""
    check(figures("six", "fastest", duplicate_p="0.5"))


def test_a_host_that_dies_without_a_word_costs_one_chunk(tmp_path: Path) -> None:
    """Its lease runs out, another host takes its task's place, and nothing else is lost."""
    lost = written(
        tmp_path,
        'title = "A host dies"\n[[arrivals]]\ncount = 3\n[[faults]]\nkind = "host-lost"\nat_s = 900\n',
    )
    found = figures(lost, "fastest", **PLAIN)
    check(found)
    assert (found.kills, found.hosts) == ({"power": 1}, 4)


def test_a_tick_that_does_not_fit_into_binary_is_a_tick() -> None:
    """What is left of it is never so short that time stands still."""
    check(figures("clip", "deadline", tick_s="1.0785333333333333"))


def test_tasks_that_somebody_tells_to_stop_finish_their_work(tmp_path: Path) -> None:
    """The desired count is set to none while all are at work: none is killed, and the next tick orders them again."""
    stop = written(
        tmp_path,
        'title = "Told to stop"\n[[arrivals]]\ncount = 6\n[[faults]]\nkind = "told-to-stop"\nat_s = 905\n',
    )
    found = figures(stop, "fastest", **PLAIN)
    check(found)
    assert (found.kills, found.missed) == ({}, 0)
