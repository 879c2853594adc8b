"""What workers cost, and what their time was spent on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.cost import usage
from rugbytx.core.cost.usage import End, Span
from rugbytx.core.fleet.worker_class import WorkerClass

#: 2026-11-25, at midnight UTC.
MIDNIGHT = 1_795_564_800.0
NOON = MIDNIGHT + 43_200
DAY = "2026-11-25"


def made(worker: str = "aws-1", *, at: float = NOON, lasts_s: float = 3600, **changed: Any) -> Span:
    """Return the ended span of a worker that was able at once."""
    fields: dict[str, Any] = {
        "worker": worker,
        "worker_class": worker.partition("-")[0],
        "started_at": at,
        "ready_at": at,
        "seen_at": at + lasts_s,
        "until": at + lasts_s,
        "idle_since": at,
        "usd_per_h": 0.5,
        "ending": str(End.LEFT),
    }
    return Span(**{**fields, **changed})


def test_all_time_is_cold_busy_or_idle() -> None:
    """And an AWS worker is paid for all of it."""
    total = usage.total([made(ready_at=NOON + 600, busy_s=2400)], now=NOON + 9999)
    assert (total.paid_s, total.cold_s, total.busy_s, total.idle_s) == (3600, 600, 2400, 600)
    assert total.usd == pytest.approx(0.5)


def test_a_host_of_ours_costs_its_power_while_it_works() -> None:
    """It stands there anyway."""
    jetson = made("jetson-1", busy_s=1800, usd_per_h=0.0044)
    assert usage.total([jetson], now=NOON + 9999).usd == pytest.approx(0.0022)
    assert usage.spent_usd([jetson, made()], now=NOON + 9999) == pytest.approx(0.5)


def test_a_worker_that_never_could_work_was_cold_all_the_time() -> None:
    """That is paid for too."""
    total = usage.total([made(ready_at=0.0)], now=NOON + 9999)
    assert (total.cold_s, total.idle_s) == (3600, 0)


def test_a_living_worker_counts_until_this_moment() -> None:
    """Its last word is believed for longer."""
    living = made(seen_at=NOON + 60, until=NOON + 120, ending="")
    assert living.ending is None
    assert living.model_dump(mode="json")["ending"] == ""
    assert usage.total([living], now=NOON + 90).paid_s == 90
    assert not usage.is_silent(living, now=NOON + 90)


def test_a_silent_worker_counts_until_its_word_has_run_out() -> None:
    """Nobody knows how long its instance lived on."""
    silent = made(seen_at=NOON + 60, until=NOON + 120, ending="")
    assert usage.total([silent], now=NOON + 9999).paid_s == 120
    assert usage.is_silent(silent, now=NOON + 9999)
    assert not usage.is_silent(made(), now=NOON + 9999)


def test_a_worker_that_came_back_is_paid_once() -> None:
    """The word of its former life has not run out when the next one begins."""
    former = made(seen_at=NOON + 60, until=NOON + 120, ending="")
    again = made(at=NOON + 70, lasts_s=30)
    other = made("aws-2", at=NOON + 70, lasts_s=30)
    assert usage.total([again, former, other], now=NOON + 9999).paid_s == 70 + 30 + 30


def test_a_word_that_waits_for_midnight_is_no_silence() -> None:
    """The worker records the ended day a moment later."""
    last = made(at=MIDNIGHT + 86_000, lasts_s=390, until=MIDNIGHT + 86_400, ending="")
    assert not usage.is_silent(last, now=MIDNIGHT + 86_401)


@pytest.mark.parametrize(
    ("idle_min", "again_min", "expected"),
    [
        ((20,), (), (0, 0)),
        ((31,), (), (1, 31)),
        ((31,), (45,), (2, 76)),
        ((10, 10, 10, 10), (), (1, 40)),
        ((30,), (), (0, 0)),
    ],
)
def test_idle_stretches_over_half_an_hour_count_whole(
    idle_min: tuple[int, ...], again_min: tuple[int, ...], expected: tuple[int, int]
) -> None:
    """However many words a stretch had; work between two makes them two."""
    now = NOON
    seen = usage.begun("aws-1", WorkerClass.AWS, now=now, usd_per_h=0.5)
    for minutes, is_busy in (*((m, False) for m in idle_min), (1, True), *((m, False) for m in again_min)):
        now += 60 * minutes
        seen = seen.advanced(now=now, is_busy=is_busy, is_able=True, lasts_s=60)
    assert (seen.long_idles, seen.long_idle_s / 60) == expected


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    """Store time may be set right."""
    seen = usage.begun("aws-1", WorkerClass.AWS, now=NOON, usd_per_h=0.5)
    seen = seen.advanced(now=NOON + 60, is_busy=True, is_able=True, lasts_s=60)
    back = seen.advanced(now=NOON + 30, is_busy=True, is_able=True, lasts_s=60)
    assert (back.seen_at, back.busy_s) == (NOON + 60, 60)


@given(
    steps=st.lists(st.tuples(st.floats(0.1, 200_000), st.booleans(), st.booleans()), min_size=1, max_size=12)
)
def test_days_add_up_to_the_whole(steps: list[tuple[float, bool, bool]]) -> None:
    """Whatever midnights lie between two words: no second is lost, none is counted twice, each on its own day."""
    now, busy_s = NOON, 0.0
    seen, ended = usage.begun("aws-1", WorkerClass.AWS, now=now, usd_per_h=0.5), []
    for step_s, is_busy, is_able in steps:
        now += step_s
        busy_s += step_s * is_busy
        *days, seen = usage.followed(seen, now=now, is_busy=is_busy, is_able=is_able, lasts_s=60)
        ended += days
    spans = [*ended, seen.ended(End.LEFT)]
    total = usage.total(spans, now=now)
    assert total.paid_s == pytest.approx(now - NOON)
    assert total.busy_s == pytest.approx(busy_s)
    assert total.cold_s + total.busy_s + total.idle_s == pytest.approx(total.paid_s)
    for one, end in usage.ends(spans, now=now):
        assert usage.day_of(one.started_at) == usage.day_of(max(one.started_at, end - 0.001))
    assert [one.ending for one in ended] == [End.MIDNIGHT] * len(ended)


def test_days_are_those_of_utc() -> None:
    """From one midnight to the next."""
    assert usage.day_of(MIDNIGHT) == usage.day_of(MIDNIGHT + 86_399.9) == DAY
    assert usage.day_of(MIDNIGHT - 0.1) == "2026-11-24"
    assert usage.day_after(NOON) == MIDNIGHT + 86_400
    assert usage.days(NOON, NOON + 2 * 86_400) == [DAY, "2026-11-26", "2026-11-27"]
