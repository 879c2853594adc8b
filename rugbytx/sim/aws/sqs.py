"""A standard queue of SQS: visibility, receipt handles that go stale, at-least-once delivery, redrive, late counts."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import cast

from simpy import Environment, Event

from rugbytx.sim.input.assumptions import Figures
from rugbytx.sim.input.trace import UNKNOWN, Trace

#: The longest time after a receive that an extension reaches; docs AWS: visibility timeout.
MOST_IN_FLIGHT_S = 12 * 3600.0
LONG_POLL_S = 20.0


@dataclass(slots=True)
class Message:
    """One message; ``body`` is the number of an upload."""

    body: int
    sent_at: float
    receives: int = 0
    #: The handle of the last receive; an older one is stale.
    receipt: int = 0
    received_at: float = 0.0
    #: When it is shown again; meaningful while it is in flight.
    shown_at: float = 0.0
    in_flight: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """What a receive gives: the message and the handle of this receive."""

    message: Message
    receipt: int


@dataclass(eq=False)
class SimulatedQueue:
    """A standard queue and its dead letters."""

    env: Environment
    figures: Figures
    luck: random.Random
    visibility_s: float
    #: Receives before a message is a dead letter; 0 for never.
    most_receives: int
    #: Called after each change, for whoever draws or wakes up.
    changed: Callable[[], None] = lambda: None
    trace: Trace = UNKNOWN
    waiting: deque[Message] = field(default_factory=deque)
    in_flight: int = 0
    dead: list[Message] = field(default_factory=list)
    requests: float = 0.0
    deliveries: int = 0
    #: When anybody last sent or asked; metrics sleep six hours after it.
    touched_at: float = 0.0
    _pollers: list[Event] = field(default_factory=list)
    _history: deque[tuple[float, int, int]] = field(default_factory=lambda: deque([(0.0, 0, 0)]))

    @property
    def visible(self) -> int:
        """Return how many messages can be received."""
        return len(self.waiting)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is in it, in flight or not."""
        return not self.waiting and not self.in_flight

    def send(self, body: int) -> None:
        """Put a message in."""
        self.requests += 1
        self._show(Message(body=body, sent_at=self.env.now))

    def receive(self) -> Event:
        """Return an event that a delivery ends; a poll that waits is repeated by itself, and counted so."""
        self.touched_at = self.env.now
        poll = self.env.event()
        self._pollers.append(poll)
        if self.waiting:
            self._deliver()
        else:
            self.requests += 1
        return poll

    def stop(self, poll: Event, *, since: float) -> None:
        """End a poll that began at ``since``; a delivery that has come already is shown again."""
        self.requests += ceil((self.env.now - since) / LONG_POLL_S)
        self.touched_at = self.env.now
        if poll in self._pollers:
            self._pollers.remove(poll)
        elif poll.triggered:
            self.change_visibility(cast("ReceivedMessage", poll.value), 0.0)

    @property
    def is_polled(self) -> bool:
        """Return whether somebody polls: each poll is an access, so the queue's metrics stay awake."""
        return bool(self._pollers)

    def delete(self, delivery: ReceivedMessage) -> bool:
        """Delete a message.  With a stale handle the request succeeds and nothing happens (docs AWS)."""
        self.requests += 1
        message = delivery.message
        if message.is_deleted or message.receipt != delivery.receipt:
            return False
        message.is_deleted = True
        if message.in_flight:
            message.in_flight = False
            self.in_flight -= 1
        else:
            self.waiting.remove(message)
        self._remember_counts()
        return True

    def change_visibility(self, delivery: ReceivedMessage, timeout_s: float) -> bool:
        """Show a message ``timeout_s`` from now; False for a stale handle or one that is not in flight."""
        self.requests += 1
        message = delivery.message
        if message.is_deleted or not message.in_flight or message.receipt != delivery.receipt:
            return False
        message.shown_at = min(self.env.now + timeout_s, message.received_at + MOST_IN_FLIGHT_S)
        if message.shown_at <= self.env.now:
            self._expire(message, message.receipt)
        else:
            self._expire_later(message, message.receipt)
        return True

    def approximate(self, *, age_s: float | None = None) -> tuple[int, int]:
        """Return visible and in flight as SQS tells them: as they were up to a minute ago (docs AWS)."""
        age_s = self.luck.uniform(0, self.figures.stale_s) if age_s is None else age_s
        seen_at = self.env.now - age_s
        counts = self._history[0]
        for entry in reversed(self._history):
            counts = entry
            if entry[0] <= seen_at:
                break
        return counts[1], counts[2]

    def _show(self, message: Message) -> None:
        self.touched_at = self.env.now
        self.waiting.append(message)
        self._deliver()
        self._remember_counts()

    def _deliver(self) -> None:
        """Give what waits to those who poll; who gets it is chance, for SQS promises no order."""
        while self.waiting and self._pollers:
            poll = self._pollers.pop(self.luck.randrange(len(self._pollers)))
            message = self._next()
            message.receives += 1
            self.deliveries += 1
            if self.most_receives and message.receives > self.most_receives:
                self.dead.append(message)
                self._pollers.append(poll)
                continue
            message.receipt += 1
            message.in_flight = True
            message.received_at = self.env.now
            message.shown_at = self.env.now + self.visibility_s
            self.in_flight += 1
            self.requests += 1
            self._expire_later(message, message.receipt)
            poll.succeed(ReceivedMessage(message, message.receipt))
            if self.luck.random() < self.figures.duplicate_p:
                self._show(Message(body=message.body, sent_at=message.sent_at))
        self._remember_counts()

    def _next(self) -> Message:
        """Take the message that waits longest, or the one that was given first on a day that is known."""
        place = self.trace.turn(self.env.now, [message.body for message in self.waiting])
        message = self.waiting[place]
        del self.waiting[place]
        return message

    def _expire_later(self, message: Message, receipt: int) -> None:
        """Look at the message when its time-out is over; an extension meanwhile only moves that look."""

        def expire(_: Event) -> None:
            if message.in_flight and message.receipt == receipt and not message.is_deleted:
                self._expire(message, receipt)

        self.env.timeout(message.shown_at - self.env.now).callbacks.append(expire)

    def _expire(self, message: Message, receipt: int) -> None:
        if message.receipt != receipt or message.shown_at > self.env.now + 1e-9:
            return
        message.in_flight = False
        self.in_flight -= 1
        self._show(message)

    def _remember_counts(self) -> None:
        """Remember the counts for as long as an approximate answer may be old."""
        entry = (self.env.now, len(self.waiting), self.in_flight)
        history = self._history
        if history[-1][0] == self.env.now:
            history[-1] = entry
        else:
            history.append(entry)
        while len(history) > 2 and history[1][0] <= self.env.now - self.figures.stale_s:
            history.popleft()
        self.changed()
