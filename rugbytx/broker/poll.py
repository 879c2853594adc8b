"""The receives of one queue, one after the other, for as long as it is consumed."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

log = logging.getLogger(__name__)

#: The longest pause between two receives that fail.
LONGEST_PAUSE_S = 30.0
#: How often the watch looks.
WATCH_S = 5.0
#: A receive ends within its own timeout, and a pause after its time; what is so much later never comes.
WATCH_MARGIN_S = 15.0

#: Called with what became of a receive: how many messages it brought, and why it failed, if it did.
OnReceived = Callable[[int, str], None]


class Hub(Protocol):
    """What is used of kombu's event loop."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> object:
        """Call back from the loop's next round on."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        """Call back after so many seconds; what is returned can be cancelled."""


def pause_s(failures: int, *, shortest_s: float = 1.0) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, within bounds.

    >>> [pause_s(failures) for failures in (1, 2, 5, 6, 10_000)]
    [1.0, 2.0, 16.0, 30.0, 30.0]
    """
    return min(LONGEST_PAUSE_S, shortest_s * 2.0 ** min(failures - 1, 16))


@dataclass(kw_only=True)
class Poll:
    """A chain of receives that nothing but ``stop`` ends.

    ::

        start ─► may receive? ── yes ─► receive ─► received: again, at once or after interval_s
                     ▲  └ no: look again after interval_s └ failed: again after a growing pause
                     └── watch: nothing moved for too long, so the chain broke

    kombu's own chain ends without a word when anything in it raises (a hub
    timer's exception is only logged), and nobody notices: celery/celery#5072.
    A chain that the watch gave up is known by its number, so that it stays
    given up even if it moves again.
    """

    hub: Hub
    queue: str
    may_receive: Callable[[], bool]
    #: Receive, and say in any case what came of it.
    receive: Callable[[OnReceived], None]
    #: Break off a receive that is under way.
    abandon: Callable[[], None]
    #: Every receive says so within this time.
    timeout_s: float
    interval_s: float
    monotonic: Callable[[], float] = time.monotonic

    _chain: int = 0
    _failures: int = 0
    #: When the chain's next movement is due, on the monotonic clock, and how often the watch saw it late.
    _due_at: float = math.inf
    _late: int = 0
    _is_stopped: bool = False

    def start(self) -> None:
        """Receive for the first time in the loop's next round, and watch from then on."""
        self._begin_chain()
        self.hub.call_later(WATCH_S, self._watch)

    def stop(self) -> None:
        """Receive no more.  What a receive under way brings is still handed over."""
        self._is_stopped = True

    def _begin_chain(self) -> None:
        self._chain += 1
        self._later(self._chain, 0.0)

    def _step(self, chain: int) -> None:
        """Receive if that is allowed; nothing raises from here into the loop."""
        if self._is_stopped or chain != self._chain:
            return
        try:
            if self.may_receive():
                self._expect(self.timeout_s)
                self.receive(partial(self._received, chain))
            else:
                self._later(chain, self.interval_s)
        except Exception as error:  # noqa: BLE001  e.g. no credentials to sign with: as bad as no answer
            self._received(chain, 0, f"{type(error).__name__}: {error}")

    def _received(self, chain: int, messages: int, failure: str) -> None:
        if self._is_stopped or chain != self._chain:
            return
        if failure:
            self._failures += 1
            wait_s = pause_s(self._failures, shortest_s=self.interval_s)
            extra = {"queue": self.queue, "failures": self._failures, "pause_s": wait_s, "reason": failure}
            log.warning("receive-failed", extra=extra)
            self._later(chain, wait_s)
            return
        if self._failures:
            log.info("receive-recovered", extra={"queue": self.queue, "failures": self._failures})
            self._failures = 0
        self._later(chain, 0.0 if messages else self.interval_s)

    def _later(self, chain: int, wait_s: float) -> None:
        self._expect(wait_s)
        if wait_s:
            self.hub.call_later(wait_s, self._step, chain)
        else:
            self.hub.call_soon(self._step, chain)

    def _expect(self, within_s: float) -> None:
        self._due_at = self.monotonic() + within_s + WATCH_MARGIN_S
        self._late = 0

    def _watch(self) -> None:
        """Begin another chain if this one is late, twice: a process that was frozen finds everything late once."""
        if self._is_stopped:
            return
        self._late += self.monotonic() > self._due_at
        if self._late > 1:
            log.error("poll-restarted", extra={"queue": self.queue})
            self.abandon()
            self._begin_chain()
        self.hub.call_later(WATCH_S, self._watch)


class Restraint:
    """Keeps a worker from receiving again what it has just handed back.

    A message that is handed back is visible at once, and SQS moves it to the
    dead-letter queue after so many receives: without a pause, a worker that
    cannot do its work would spend them all within seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._in_a_row = 0
        self._until = 0.0

    def handed_back(self) -> None:
        """Pause, longer each time in a row."""
        self._in_a_row += 1
        self._until = self._monotonic() + pause_s(self._in_a_row)

    def reset(self) -> None:
        """Begin anew: the worker can work."""
        self._in_a_row = 0

    def holds(self) -> bool:
        """Return whether it is too early to receive."""
        return self._monotonic() < self._until
