"""The note's policies reproduce what ``docs/facts/autoscaling.md`` says of them."""

import pytest

from rugbytx.sim.input.policy import NOTES
from tests.sim.day import PLAIN, day, figures

SCENARIOS = ("three", "six", "twelve")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_cooldown_changes_nothing(scenario: str) -> None:
    """With 300 s and with 1500 s the same tasks are killed at the same times: the first scale-in waits for neither."""
    current = day(scenario, "note-current", **PLAIN)
    recommended = day(scenario, "note-recommended", **PLAIN)
    assert current.book.kills["scale-in"] > 0
    assert current.book.kills == recommended.book.kills
    assert current.book.spans == recommended.book.spans


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_a_heartbeat_the_queue_never_drains(scenario: str) -> None:
    """Twenty minutes are less than any match takes, so each finisher holds a stale handle (scenario 3 and on)."""
    found = figures(scenario, "note-recommended", **PLAIN)
    assert not found.is_drained
    assert found.duplicates > 10
    assert found.wasted_s > 3600


def test_a_heartbeat_alone_drains_it_and_kills_at_work() -> None:
    """Messages in flight look like an empty queue, so busy tasks are scaled in."""
    found = figures("three", "note-heartbeat", **PLAIN)
    assert (found.is_drained, found.duplicates) == (True, 0)
    assert found.kills["scale-in"] > 0


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("policy", ["note-protected", "tracking-in-flight"])
def test_protection_ends_the_kills(scenario: str, policy: str) -> None:
    """And costs idle hosts: more of that with messages in flight in the metric."""
    found = figures(scenario, policy, **PLAIN)
    assert (found.is_drained, found.duplicates, found.kills) == (True, 0, {})
    assert found.usd_idle > found.usd_cold


@pytest.mark.parametrize("policy", [name for name in NOTES if name != "note-steps"])
def test_one_upload_without_the_jetson_is_never_served(policy: str) -> None:
    """The alarm is "greater than 1", and one message waits."""
    found = figures("jetson-down", policy, **PLAIN)
    assert (found.never_finished, found.hosts, found.is_drained) == (1, 0, False)


def test_steps_serve_it_and_kill_it_again_and_again() -> None:
    """At depth 0 it wants 0: as soon as the task has the message, its own count is zero."""
    found = figures("jetson-down", "note-steps", **PLAIN)
    assert found.never_finished == 1
    assert found.kills["scale-in"] > 10


def test_a_clip_and_one_match_are_the_jetsons() -> None:
    """The note's scenario 2 is no double work: nobody else polls when the message is shown again."""
    for scenario in ("clip", "one"):
        found = figures(scenario, "note-recommended", **PLAIN)
        assert (found.usd_hosts, found.duplicates, found.is_drained) == (0, 0, True)


def test_no_worker_before_three_datapoints_and_a_start() -> None:
    """The note has two workers at 3:00; they come after 6 minutes at the earliest, and one by one."""
    run = day("three", "note-recommended", **PLAIN)
    first = sorted(span.start / 60 for span in run.book.spans if span.worker != "jetson" and span.job >= 0)
    assert first[0] > 6
    assert first[1] - first[0] > 1
