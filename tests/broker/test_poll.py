"""The chain of receives, on an event loop whose time a test moves."""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from rugbytx.broker.poll import LONGEST_PAUSE_S, WATCH_MARGIN_S, WATCH_S, OnReceived, Poll, Restraint
from tests.fakes.clock import Clock

TIMEOUT_S = 30.0


class FakeHub:
    """An event loop that runs what is due when its time is moved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Run it when time is moved next."""
        self.call_later(0.0, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Run it when so much time has been moved."""
        heapq.heappush(self._due, (self._clock() + delay, next(self._order), lambda: callback(*args)))

    def run_for(self, seconds: float) -> None:
        """Let time pass, and run what becomes due in it."""
        until = self._clock() + seconds
        while self._due and self._due[0][0] <= until:
            at, _, callback = heapq.heappop(self._due)
            self._clock.at = max(self._clock.at, at)
            callback()
        self._clock.at = until


class Bench:
    """A poll, its loop, and the receives that it began and has no word of."""

    def __init__(self, clock: Clock) -> None:
        self.hub = FakeHub(clock)
        self.clock = clock
        self.begun: list[float] = []
        self.open: list[OnReceived] = []
        self.abandoned = 0
        self.is_allowed = True
        self.error: Exception | None = None
        self.poll = Poll(
            hub=self.hub,
            queue="transcode",
            may_receive=lambda: self.is_allowed,
            receive=self._receive,
            abandon=self._abandon,
            timeout_s=TIMEOUT_S,
            interval_s=1.0,
            monotonic=clock,
        )
        self.poll.start()
        self.hub.run_for(0)

    def answer(self, messages: int = 0, failure: str = "") -> None:
        """Answer the receive that is open."""
        self.open.pop()(messages, failure)

    def _receive(self, on_received: OnReceived) -> None:
        self.begun.append(self.clock())
        if self.error:
            raise self.error
        self.open.append(on_received)

    def _abandon(self) -> None:
        self.abandoned += 1


@pytest.fixture
def bench() -> Bench:
    """Return a poll that has begun its first receive."""
    return Bench(Clock())


def test_it_receives_again_at_once_after_messages_and_after_a_while_without(bench: Bench) -> None:
    """An empty queue is not hammered."""
    bench.answer(messages=1)
    bench.hub.run_for(0)
    assert len(bench.begun) == 2
    bench.answer()
    bench.hub.run_for(0.9)
    assert len(bench.begun) == 2
    bench.hub.run_for(0.1)
    assert len(bench.begun) == 3


def test_failures_make_pauses_that_grow_to_a_bound_and_end_with_success(bench: Bench) -> None:
    """1, 2, 4, 8, 16, 30, 30 s; and after a success 1 s again."""
    pauses = []
    for _ in range(7):
        failed_at, begun = bench.clock(), len(bench.begun)
        bench.answer(failure="HTTP 500")
        while len(bench.begun) == begun:
            bench.hub.run_for(1)
        pauses.append(bench.begun[-1] - failed_at)
    assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    bench.answer(messages=1)
    bench.hub.run_for(0)
    bench.answer(failure="HTTP 500")
    bench.hub.run_for(1)
    assert len(bench.open) == 1


def test_what_raises_while_a_receive_begins_is_a_failure_like_any_other(bench: Bench) -> None:
    """No credentials to sign with must not end the chain."""
    bench.answer()
    bench.error = RuntimeError("no credentials")
    bench.hub.run_for(1)
    bench.error = None
    bench.hub.run_for(2)
    assert len(bench.begun) == 3
    assert len(bench.open) == 1


def test_where_it_may_not_receive_it_looks_again(bench: Bench) -> None:
    """A closed gate is no failure, and no silence either: the watch keeps still."""
    bench.is_allowed = False
    bench.answer()
    bench.hub.run_for(600)
    assert len(bench.begun) == 1
    assert bench.abandoned == 0
    bench.is_allowed = True
    bench.hub.run_for(1)
    assert len(bench.begun) == 2


def test_a_chain_that_broke_is_begun_again_and_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A receive without any answer is abandoned once it is much later than it may be."""
    bench.hub.run_for(TIMEOUT_S + WATCH_MARGIN_S)
    assert bench.abandoned == 0
    bench.hub.run_for(3 * WATCH_S)
    assert bench.abandoned == 1
    assert len(bench.begun) == 2
    assert "poll-restarted" in caplog.messages


def test_a_chain_that_was_given_up_stays_given_up(bench: Bench) -> None:
    """Its late answer does not make a second chain."""
    late = bench.open.pop()
    bench.hub.run_for(TIMEOUT_S + WATCH_MARGIN_S + 3 * WATCH_S)
    late(0, "")
    bench.hub.run_for(5)
    assert len(bench.begun) == 2


def test_a_process_that_was_frozen_keeps_its_receive(bench: Bench) -> None:
    """Everything is late once after it, and the answer is only waiting to be read."""
    bench.clock.advance(600)
    bench.hub.run_for(WATCH_S - 1)
    bench.answer()
    bench.hub.run_for(TIMEOUT_S)
    assert bench.abandoned == 0


def test_after_a_stop_nothing_begins(bench: Bench) -> None:
    """Neither by the chain nor by the watch."""
    bench.poll.stop()
    bench.answer(failure="HTTP 500")
    bench.hub.run_for(600)
    assert len(bench.begun) == 1


def test_handing_back_makes_pauses_that_grow_until_something_is_acknowledged() -> None:
    """Ten receives take minutes, in which somebody may see to it; a single one costs a second."""
    clock = Clock()
    restraint = Restraint(clock)
    for expected_s in (1, 2, 4):
        restraint.handed_back()
        clock.advance(expected_s - 0.1)
        assert restraint.holds()
        clock.advance(0.1)
        assert not restraint.holds()
    restraint.reset()
    restraint.handed_back()
    clock.advance(1)
    assert not restraint.holds()
