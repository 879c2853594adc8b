"""Flower hears of workers what presence says, and nothing twice."""

import time
from typing import Any

import pytest
from celery.events.state import State

from rugbytx.core.fleet.presence import Worker
from rugbytx.monitor.flower.worker_events import Beats, Event, events
from tests.fakes.store import FakeStore


def worker(name: str, *, seen_at: float, busy: int = 0, lasts_s: float = 60.0) -> Worker:
    """Return what a worker said of itself."""
    return Worker(
        name=name,
        worker_class="jetson",
        slots=1,
        busy=busy,
        seen_at=seen_at,
        until=seen_at + lasts_s,
        load=(0.5, 0.25, 0.0),
    )


def kinds(found: list[Event]) -> list[tuple[str, str]]:
    """Return of each event what it says of whom."""
    return [(event["type"].removeprefix("worker-"), event["hostname"]) for event in found]


def test_each_word_is_told_once_and_a_farewell_too() -> None:
    """A worker that has not spoken since the look before is not told of again; one that is gone is, once."""
    first, second = worker("a", seen_at=10.0), worker("b", seen_at=11.0)
    before = {"a": 10.0}
    assert kinds(list(events(before, [first, second], store_now=12.0, now=0.0))) == [("heartbeat", "b")]
    assert kinds(list(events({"a": 10.0, "b": 11.0}, [second], store_now=12.0, now=0.0))) == [
        ("offline", "a")
    ]
    assert list(events({}, [], store_now=12.0, now=0.0)) == []


@pytest.mark.parametrize(
    ("ago_s", "is_alive"),
    [
        pytest.param(1.0, True, id="young"),
        pytest.param(59.0, True, id="old"),
        pytest.param(61.0, False, id="silent"),
    ],
)
def test_flower_believes_a_word_for_as_long_as_we_do(ago_s: float, is_alive: bool) -> None:
    """Whoever's clock it is: Flower's is another than the store's."""
    state: Any = State()
    [beat] = events({}, [worker("a", seen_at=500.0, busy=1)], store_now=500.0 + ago_s, now=time.time())  # noqa: TID251
    state.event(beat)
    assert state.workers["a"].alive is is_alive
    assert (state.workers["a"].active, state.workers["a"].loadavg) == (1, [0.5, 0.25, 0.0])


def test_one_that_has_gone_is_offline_at_once() -> None:
    """And one that comes back is there again."""
    store = FakeStore()
    state: Any = State()
    beats = Beats(store)

    def poll() -> bool:
        for event in beats.poll():
            state.event(event)
        return bool(state.workers["a"].alive)

    store.workers.announce(worker("a", seen_at=store.now()))
    assert poll()
    store.workers.withdraw("a")
    assert not poll()
    store.workers.announce(worker("a", seen_at=store.now()))
    assert poll()
