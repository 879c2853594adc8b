"""A worker's events on their way out: batched, bounded, and never in anybody's way."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from celery import Celery

from rugbytx.aws.sqs.event_queue import Event
from rugbytx.broker import event as events
from rugbytx.broker.event import MOST_TOGETHER, MOST_WAITING, EventBuffer
from rugbytx.errors import Unreachable

#: More than anything here takes on a busy machine.
PATIENCE_S = 60.0


class Post:
    """Takes batches, once it is let; refuses them while it is down."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.down = False
        self.asked = threading.Event()
        self.let = threading.Event()
        self.let.set()

    def send(self, batch: Sequence[Event]) -> None:
        """Take a batch."""
        self.asked.set()
        assert self.let.wait(PATIENCE_S)
        if self.down:
            raise Unreachable("no post today")
        self.batches.append(list(batch))

    @property
    def numbers(self) -> list[int]:
        """Return what arrived."""
        return [one["number"] for batch in self.batches for one in batch]


@pytest.fixture
def post() -> Post:
    """Return a post."""
    return Post()


def numbered(*numbers: int) -> list[Event]:
    """Return events."""
    return [{"type": "task-sent", "number": number} for number in numbers]


def test_what_gathers_goes_together(post: Post) -> None:
    """While one batch is on its way, the next gathers; nothing is lost and the order stays."""
    buffer = EventBuffer(post.send)
    post.let.clear()
    buffer.add(numbered(0))
    assert post.asked.wait(PATIENCE_S)
    for number in range(1, MOST_TOGETHER + 3):
        buffer.add(numbered(number))
    post.let.set()
    assert buffer.finish(within_s=PATIENCE_S)
    assert post.numbers == list(range(MOST_TOGETHER + 3))
    assert [len(batch) for batch in post.batches] == [1, MOST_TOGETHER, 2]


def test_the_oldest_give_way(post: Post) -> None:
    """Behind a post that hangs so many wait, and adding never does."""
    buffer = EventBuffer(post.send)
    post.let.clear()
    buffer.add(numbered(-1))
    assert post.asked.wait(PATIENCE_S)
    buffer.add(numbered(*range(MOST_WAITING + 10)))
    assert not buffer.finish(within_s=0.01)
    post.let.set()
    assert buffer.finish(within_s=PATIENCE_S)
    assert post.numbers == [-1, *range(10, MOST_WAITING + 10)]


def test_an_outage_costs_events_and_nothing_else(post: Post) -> None:
    """What was on its way is lost, and what comes later arrives."""
    buffer = EventBuffer(post.send)
    post.down = True
    buffer.add(numbered(0))
    assert buffer.finish(within_s=PATIENCE_S)
    post.down = False
    buffer.add(numbered(1))
    assert buffer.finish(within_s=PATIENCE_S)
    assert post.numbers == [1]


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    """Return what leaves by the buffer of this process."""
    found: list[dict[str, Any]] = []

    class Kept(EventBuffer):
        def add(self, events: Sequence[Event]) -> None:
            found.extend(map(dict, events))

    events.install(Kept(lambda _: None))
    yield found
    events.install(None)


@pytest.fixture
def dispatcher() -> Any:
    """Return what a worker of ours sends events with."""
    app = Celery("tests", broker="memory://", events="rugbytx.broker.event:Events", set_as_current=False)
    return app.events.Dispatcher(app.connection_for_write(), hostname="jetson-1@pitch", buffer_group=["task"])


def test_of_itself_a_worker_sends_nothing(sent: list[dict[str, Any]], dispatcher: Any) -> None:
    """Its presence says that it lives; an idle one asks nothing of SQS but to receive."""
    for kind in ("worker-online", "worker-heartbeat", "worker-offline"):
        dispatcher.send(kind, freq=2.0, active=1)
    dispatcher.flush()
    assert sent == []


def test_tasks_events_leave_when_celery_flushes(sent: list[dict[str, Any]], dispatcher: Any) -> None:
    """Celery gathers a task's events, and hands them over together."""
    dispatcher.send("task-started", uuid="a")
    dispatcher.send("task-succeeded", uuid="a")
    assert sent == []
    dispatcher.flush()
    assert [one["type"] for one in sent] == ["task-started", "task-succeeded"]


def test_without_an_outbox_events_are_dropped(sent: list[dict[str, Any]], dispatcher: Any) -> None:
    """A process that sends none asks nothing of any broker."""
    events.install(None)
    dispatcher.send("task-started", uuid="a")
    dispatcher.flush()
    assert sent == []
