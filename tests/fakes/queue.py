"""A queue in memory that keeps SQS's rules, and whose time the test moves."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rugbytx.aws.sqs.message import task_message
from rugbytx.aws.sqs.message_parser import AcceptedBodies, pointer_in
from rugbytx.aws.sqs.queue import dead_letter
from rugbytx.core.job.dead_letter import DeadLetter, Depth
from rugbytx.core.job.job import Pointer
from rugbytx.errors import Unreachable
from tests.fakes.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message as a receive hands it out."""

    pointer: Pointer
    #: Good until the message is received again or deleted.
    receipt: str
    #: How often the message has been received, this time included.
    receives: int
    first_received_at: float


@dataclass(kw_only=True)
class _Message:
    id: str
    body: str
    sent_at: float
    visible_at: float
    first_received_at: float = 0.0
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
        self._now = now or self.clock
        self._visibility_s = visibility_s
        self._max_receives = max_receives
        self._lock = threading.Lock()
        self._messages: list[_Message] = []
        #: What was received too often.
        self._dead: list[_Message] = []
        self._numbers = itertools.count(1)

    def send(self, pointers: Sequence[Pointer]) -> None:
        """Send pointers."""
        with self._lock:
            self._check()
            for pointer in pointers:
                self.sent.append(pointer)
                for _ in range(2 if self.doubling else 1):
                    self._put(task_message(pointer))

    def put(self, body: str) -> None:
        """Send a message that may be anything, as a stranger might."""
        with self._lock:
            self._put(body)

    def bury(self, body: str) -> None:
        """Put a message straight into the dead-letter queue."""
        with self._lock:
            self._put(body)
            self._dead.append(self._messages.pop())

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
        return self._depth(self._messages)

    def dead_depth(self) -> Depth:
        """Return the counts of the dead-letter queue."""
        return self._depth(self._dead)

    def receive(self) -> Received | None:
        """Return the oldest visible message and hide it, or None where there is none."""
        with self._lock:
            self._check()
            for message in list(self._messages):
                if message.visible_at > self._now():
                    continue
                if len(message.receipts) == self._max_receives:
                    self._messages.remove(message)
                    self._dead.append(message)
                    continue
                self._hide(message, self._visibility_s)
                if pointer := pointer_in(message.body):
                    return Received(
                        pointer=pointer,
                        receipt=message.receipts[-1],
                        receives=len(message.receipts),
                        first_received_at=message.first_received_at,
                    )
                # What nobody can read is left, and it comes again after its time.
            return None

    def delete(self, receipt: str) -> None:
        """Acknowledge a message; a stale receipt deletes nothing, and nobody is told."""
        with self._lock:
            self._check()
            message = self._find(receipt)
            if message is not None and message.receipts[-1] == receipt:
                self._messages.remove(message)

    @property
    def dead(self) -> list[Pointer]:
        """Return the pointers of what was received too often and can be read."""
        return [pointer for message in self._dead if (pointer := pointer_in(message.body))]

    def receive_dead(self) -> Sequence[DeadLetter]:
        """Return up to ten messages of the dead-letter queue, hidden for a while; none where it shows none."""
        with self._lock:
            self._check()
            visible = [message for message in self._dead if message.visible_at <= self._now()][:10]
            for message in visible:
                self._hide(message, 30.0)
            return [
                dead_letter(
                    message.body,
                    AcceptedBodies(),
                    id=message.id,
                    receipt=message.receipts[-1],
                    sent_at=message.sent_at,
                    receives=len(message.receipts),
                )
                for message in visible
            ]

    def show_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Show messages of the dead-letter queue again at once."""
        with self._lock:
            self._check()
            for message in self._held(letters):
                message.visible_at = self._now()

    def drop_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Delete messages from the dead-letter queue."""
        with self._lock:
            self._check()
            for message in self._held(letters):
                self._dead.remove(message)

    def send_again(self, letter: DeadLetter) -> None:
        """Send a dead letter's body to the queue, as it is."""
        with self._lock:
            self._check()
            self._put(letter.body)

    def _depth(self, messages: Sequence[_Message]) -> Depth:
        with self._lock:
            self._check()
            visible = sum(message.visible_at <= self._now() for message in messages)
            return Depth(visible=visible, in_flight=len(messages) - visible)

    def _put(self, body: str) -> None:
        now, number = self._now(), next(self._numbers)
        self._messages.append(_Message(id=f"message-{number}", body=body, sent_at=now, visible_at=now))

    def _hide(self, message: _Message, visibility_s: float) -> None:
        if not message.receipts:
            message.first_received_at = self._now()
        message.receipts.append(f"receipt-{next(self._numbers)}")
        message.visible_at = self._now() + visibility_s

    def _held(self, letters: Sequence[DeadLetter]) -> list[_Message]:
        """Return the dead messages whose last receipts these are."""
        receipts = {letter.receipt for letter in letters}
        return [message for message in self._dead if message.receipts[-1] in receipts]

    def _find(self, receipt: str) -> _Message | None:
        return next((message for message in self._messages if receipt in message.receipts), None)

    def _check(self) -> None:
        if self.down:
            raise Unreachable("the fake queue does not answer: it is down")
