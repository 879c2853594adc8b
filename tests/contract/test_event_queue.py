"""The event queue, on a server that stands in for SQS."""

import uuid
from typing import Any

import pytest

from rugbytx.aws.client import client
from rugbytx.aws.sqs.event_queue import MOST_BYTES, SqsEventQueue
from rugbytx.errors import Unreachable


@pytest.fixture
def sqs(endpoint: str) -> Any:
    """Return a client."""
    del endpoint
    return client("sqs")


@pytest.fixture
def queue(sqs: Any) -> SqsEventQueue:
    """Return an empty event queue."""
    name = f"test-{uuid.uuid4().hex}-events"
    sqs.create_queue(QueueName=name)
    return SqsEventQueue(sqs, name)


def event(number: int, **fields: object) -> dict[str, object]:
    """Return an event."""
    return {
        "type": "task-started",
        "uuid": f"task-{number}",
        "hostname": "jetson-1@pitch",
        "timestamp": 1795543200.5,
        "clock": number,
        **fields,
    }


def messages(sqs: Any, queue: SqsEventQueue) -> int:
    """Return how many messages are in the queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    return sum(map(int, counts.values()))


def test_events_arrive_once_and_are_gone(sqs: Any, queue: SqsEventQueue) -> None:
    """Many go in one message, come as they were sent, and leave nothing behind."""
    sent = [event(number) for number in range(40)]
    queue.send(sent)
    assert messages(sqs, queue) == 1
    assert queue.receive(wait_s=0) == sent
    assert queue.receive(wait_s=0) == []
    assert messages(sqs, queue) == 0


def test_what_is_too_large_for_one_message_goes_in_more(sqs: Any, queue: SqsEventQueue) -> None:
    """And a single event that no message can hold is left out."""
    many = [event(number, result="x" * 10_000) for number in range(40)]
    queue.send([*many, event(40, result="x" * MOST_BYTES), event(41)])
    assert messages(sqs, queue) > 1
    received: list[int] = []
    while some := queue.receive(wait_s=0):
        received += [one["clock"] for one in some]
    assert sorted(received, key=int) == [*range(40), 41]


def test_strangers_messages_are_no_events(
    sqs: Any, queue: SqsEventQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not a list of events is counted, forgotten like the rest, and hurts nobody."""
    strangers = ("{", "7", "[7]", '{"type": "task-started"}', '[{"type": 7, "hostname": "x"}]', "[" * 1000)
    for body in strangers:
        sqs.send_message(QueueUrl=queue.url, MessageBody=body)
    queue.send([event(1)])
    received: list[object] = []
    for _ in range(3):
        received += queue.receive(wait_s=0)
    assert received == [event(1)]
    assert messages(sqs, queue) == 0
    refused = [vars(record)["count"] for record in caplog.records if record.message == "events-refused"]
    assert sum(refused) == len(strangers)


def test_a_missing_queue_is_one_plain_sentence(sqs: Any) -> None:
    """The name is in it."""
    with pytest.raises(Unreachable, match="nowhere-events does not exist"):
        SqsEventQueue(sqs, "nowhere-events").send([event(1)])
