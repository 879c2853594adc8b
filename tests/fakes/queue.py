"""A queue in memory that keeps SQS's rules, and whose time the test moves."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rugbytx.core.job import Pointer
from rugbytx.errors import Unreachable
from rugbytx.ports import Depth
from tests.fakes.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message as a receive hands it out."""

    pointer: Pointer
    #: Good until the message is received again or deleted.
    receipt: str
    #: How often the message has been received, this time included.
    receives: int


@dataclass(kw_only=True)
class _Message:
    pointer: Pointer
    visible_at: float
    #: One for each receive; only the last is any good.
    receipts: list[str] = field(default_factory=list)


class FakeQueue:
    """``ports.Queue`` in memory, with the receiving side that Celery has.

    Three things go wrong on request: ``down`` makes every call raise
    Unreachable; ``doubling`` delivers every message sent from then on twice;
    and, as on AWS, extending by a stale receipt says True and does nothing.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] | None = None,
        visibility_s: float = 120.0,
        max_receives: int = 10,
    ) -> None:
        self.clock = Clock()
        self.down = False
        self.doubling = False
        #: Every pointer that was ever sent, in order.
        self.sent: list[Pointer] = []
        #: What was received too often.
        self.dead: list[Pointer] = []
        self._now = now or self.clock
        self._visibility_s = visibility_s
        self._max_receives = max_receives
        self._lock = threading.Lock()
        self._messages: list[_Message] = []
        self._numbers = itertools.count(1)

    def send(self, pointers: Sequence[Pointer]) -> None:
        """Send pointers."""
        with self._lock:
            self._check()
            for pointer in pointers:
                self.sent.append(pointer)
                for _ in range(2 if self.doubling else 1):
                    self._messages.append(_Message(pointer=pointer, visible_at=self._now()))

    def extend(self, receipt: str, *, visibility_s: float) -> bool:
        """Keep a received message invisible for so long from now; say whether the receipt was accepted."""
        with self._lock:
            self._check()
            message = self._find(receipt)
            if message is None or message.visible_at <= self._now():
                return False
            if message.receipts[-1] == receipt:
                message.visible_at = self._now() + visibility_s
            return True

    def depth(self) -> Depth:
        """Return the counts."""
        with self._lock:
            self._check()
            visible = sum(message.visible_at <= self._now() for message in self._messages)
            return Depth(visible=visible, in_flight=len(self._messages) - visible)

    def receive(self) -> Received | None:
        """Return the oldest visible message and hide it, or None where there is none."""
        with self._lock:
            self._check()
            for message in list(self._messages):
                if message.visible_at > self._now():
                    continue
                if len(message.receipts) == self._max_receives:
                    self._messages.remove(message)
                    self.dead.append(message.pointer)
                    continue
                message.receipts.append(f"receipt-{next(self._numbers)}")
                message.visible_at = self._now() + self._visibility_s
                return Received(
                    pointer=message.pointer, receipt=message.receipts[-1], receives=len(message.receipts)
                )
            return None

    def delete(self, receipt: str) -> None:
        """Acknowledge a message; a stale receipt deletes nothing, and nobody is told."""
        with self._lock:
            self._check()
            message = self._find(receipt)
            if message is not None and message.receipts[-1] == receipt:
                self._messages.remove(message)

    def _find(self, receipt: str) -> _Message | None:
        return next((message for message in self._messages if receipt in message.receipts), None)

    def _check(self) -> None:
        if self.down:
            raise Unreachable("the fake queue does not answer: it is down")
