"""What every queue keeps, the fake and SQS's; and that Celery can read what we write."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import celery
import kombu
import pytest
from celery.worker.request import Request
from moto.sqs import models

from rugbytx.aws.client import client
from rugbytx.aws.sqs.message import ROUTING_KEY, TASK, task_message
from rugbytx.aws.sqs.message_parser import pointer_in
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.job.dead_letter import Depth
from rugbytx.core.job.job import Pointer
from rugbytx.errors import SettingsError, Unreachable
from rugbytx.ports import Queue
from tests.fakes.queue import FakeQueue

#: More than anything here takes on a busy machine: only the tests let it pass.
VISIBILITY_S = 600


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A queue with its other end: what Celery does in production, and time."""

    queue: Queue
    #: Receive one message: its pointer and its receipt, or None.
    receive: Callable[[], tuple[Pointer, str] | None]
    delete: Callable[[str], None]
    #: Let so many seconds pass.
    wait: Callable[[float], None]
    #: Put a body into the dead-letter queue.
    bury: Callable[[str], None]


@pytest.fixture(params=["fake", "embedded"])
def rig(request: pytest.FixtureRequest) -> Rig:
    """Return a new, empty queue."""
    name = "_fake_rig" if request.param == "fake" else "_sqs_rig"
    made: Rig = request.getfixturevalue(name)
    return made


@pytest.fixture
def _fake_rig() -> Rig:
    fake = FakeQueue(visibility_s=VISIBILITY_S)

    def receive() -> tuple[Pointer, str] | None:
        message = fake.receive()
        return (message.pointer, message.receipt) if message else None

    return Rig(queue=fake, receive=receive, delete=fake.delete, wait=fake.clock.advance, bury=fake.bury)


@pytest.fixture
def sqs(endpoint: str) -> Iterator[Any]:
    """Return a client at the server; ``Any``, because the tests look at raw answers."""
    assert endpoint
    with closing(client("sqs")) as opened:
        yield opened


@pytest.fixture
def name(sqs: Any) -> str:
    """Return the name of a new SQS queue with a dead-letter queue behind it."""
    name = f"test-{uuid.uuid4().hex}"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 10})
    attributes = {"VisibilityTimeout": str(VISIBILITY_S), "RedrivePolicy": redrive}
    sqs.create_queue(QueueName=name, Attributes=attributes)
    return name


@pytest.fixture
def _sqs_rig(sqs: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    queue = SqsQueue(sqs, name)
    passed_s = 0.0

    def wait(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    # The server runs in this process, and this is its clock.
    real_ms: Callable[[], float] = vars(models)["unix_time_millis"]
    monkeypatch.setattr(models, "unix_time_millis", lambda: real_ms() + 1000 * passed_s)

    def receive() -> tuple[Pointer, str] | None:
        for message in sqs.receive_message(QueueUrl=queue.url).get("Messages", []):
            _, kwargs, _ = json.loads(json.loads(message["Body"])["body"])
            return Pointer.model_validate(kwargs), message["ReceiptHandle"]
        return None

    def delete(receipt: str) -> None:
        sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=receipt)

    def bury(body: str) -> None:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"], MessageBody=body)

    return Rig(queue=queue, receive=receive, delete=delete, wait=wait, bury=bury)


def _pointers(count: int) -> list[Pointer]:
    return [Pointer(job_id=f"job-{number}", generation=1 + number) for number in range(count)]


def test_every_pointer_arrives_once_whatever_the_batches(rig: Rig) -> None:
    """23 pointers are three batches of SQS's ten."""
    rig.queue.send(_pointers(23))
    assert rig.queue.depth() == Depth(visible=23, in_flight=0)
    received = []
    while message := rig.receive():
        received.append(message[0])
        rig.delete(message[1])
    assert sorted(received, key=lambda pointer: pointer.generation) == _pointers(23)
    assert rig.queue.depth() == Depth(visible=0, in_flight=0)


def test_sending_nothing_is_nothing(rig: Rig) -> None:
    """An empty batch, which SQS would refuse, is not sent."""
    rig.queue.send([])
    assert rig.queue.depth() == Depth(visible=0, in_flight=0)


def test_a_received_message_comes_again_unless_it_is_extended(rig: Rig) -> None:
    """The visibility timeout hides a message; extending begins it anew; 0 ends it."""
    rig.queue.send(_pointers(1))
    first = rig.receive()
    assert first is not None
    assert rig.queue.extend(first[1], visibility_s=3 * VISIBILITY_S)
    rig.wait(VISIBILITY_S + 1)
    assert rig.receive() is None
    assert rig.queue.depth() == Depth(visible=0, in_flight=1)
    assert rig.queue.extend(first[1], visibility_s=0.0)
    assert rig.queue.depth() == Depth(visible=1, in_flight=0)
    second = rig.receive()
    assert second is not None
    assert second[0] == first[0]
    rig.wait(VISIBILITY_S + 1)
    third = rig.receive()
    assert third is not None
    assert len({first[1], second[1], third[1]}) == 3


def test_a_deleted_message_cannot_be_extended(rig: Rig) -> None:
    """SQS's refusal of a receipt is an answer and not an error."""
    rig.queue.send(_pointers(1))
    message = rig.receive()
    assert message is not None
    rig.delete(message[1])
    assert not rig.queue.extend(message[1], visibility_s=30.0)


def test_a_stale_receipt_may_be_accepted_and_do_nothing() -> None:
    """The fake answers as AWS may: True is no proof of ownership."""
    queue = FakeQueue(visibility_s=10.0)
    queue.send(_pointers(1))
    first = queue.receive()
    assert first is not None
    queue.clock.advance(11.0)
    second = queue.receive()
    assert second is not None
    assert queue.extend(first.receipt, visibility_s=1000.0)
    queue.delete(first.receipt)
    queue.clock.advance(11.0)
    third = queue.receive()
    assert third is not None
    assert third.receives == 3


def test_the_fake_delivers_twice_and_gives_up_as_it_is_told() -> None:
    """At-least-once delivery and the dead-letter queue, on request."""
    queue = FakeQueue(visibility_s=0.0, max_receives=2)
    queue.doubling = True
    queue.send(_pointers(1))
    assert queue.depth().visible == 2
    for _ in range(4):
        assert queue.receive() is not None
    assert queue.receive() is None
    assert queue.dead == _pointers(1) * 2


def test_dead_letters_are_read_as_far_as_they_can_be(rig: Rig) -> None:
    """Ten at a time, each with what SQS says of it, and hidden until they are shown again."""
    (pointer,) = _pointers(1)
    bodies = [task_message(pointer), "not ours", *(f"number {n}" for n in range(10))]
    for body in bodies:
        rig.bury(body)
    first, second = rig.queue.receive_dead(), rig.queue.receive_dead()
    assert (len(first), len(second), rig.queue.receive_dead()) == (10, 2, [])
    letters = {letter.body: letter for letter in [*first, *second]}
    assert sorted(letters) == sorted(bodies)
    assert len({letter.id for letter in letters.values()}) == 12
    assert letters[bodies[0]].pointer == pointer
    assert letters["not ours"].pointer is None
    assert {letter.receives for letter in letters.values()} == {1}
    assert letters["not ours"].sent_at > 1_600_000_000
    rig.queue.show_dead(list(letters.values()))
    shown = rig.queue.receive_dead()
    assert {letter.receives for letter in shown} == {2}


def test_a_dead_letter_is_sent_again_as_it_is(rig: Rig) -> None:
    """Then it is deleted, and the others stay."""
    (pointer,) = _pointers(1)
    rig.bury(task_message(pointer))
    rig.bury("not ours")
    letters = rig.queue.receive_dead()
    (ours,) = [letter for letter in letters if letter.pointer]
    rig.queue.send_again(ours)
    rig.queue.drop_dead([ours])
    rig.queue.show_dead([letter for letter in letters if letter is not ours])
    message = rig.receive()
    assert message is not None
    assert message[0] == pointer
    assert [letter.body for letter in rig.queue.receive_dead()] == ["not ours"]


def test_no_dead_letters_are_none(rig: Rig) -> None:
    """Asking for nothing is no error either."""
    assert rig.queue.receive_dead() == []
    rig.queue.show_dead([])
    rig.queue.drop_dead([])


def test_a_queue_without_a_dead_letter_queue_says_so(sqs: Any) -> None:
    """Its own redrive policy is what names it."""
    name = f"test-{uuid.uuid4().hex}"
    sqs.create_queue(QueueName=name)
    with pytest.raises(SettingsError, match=f"queue {name} has no dead-letter queue"):
        SqsQueue(sqs, name).receive_dead()


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"body": 7}', '{"body": "[[], {}, {}]"}'])
def test_what_is_no_pointer_is_none(body: str) -> None:
    """Whatever stands in the queue, reading it is no error."""
    assert pointer_in(body) is None


def test_a_missing_queue_is_one_plain_sentence(sqs: Any) -> None:
    """The name is in it."""
    with pytest.raises(Unreachable, match="nowhere does not exist"):
        SqsQueue(sqs, "nowhere").send(_pointers(1))


class _Refusing:
    """An SQS client that refuses the first entry of each batch, so many times."""

    def __init__(self, client: Any, *, times: int, is_our_fault: bool = False) -> None:
        self._client = client
        self._is_our_fault = is_our_fault
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803 - boto3's names
        if not self.times:
            return self._client.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        self.times -= 1
        failure = {
            "Id": Entries[0]["Id"],
            "SenderFault": self._is_our_fault,
            "Code": "X",
            "Message": "not now",
        }
        if len(Entries) > 1:
            self._client.send_message_batch(QueueUrl=QueueUrl, Entries=Entries[1:])
        return {"Failed": [failure]}


def test_refused_entries_are_sent_again(sqs: Any, name: str) -> None:
    """Only the refused ones are, and only so often."""
    queue = SqsQueue(_Refusing(sqs, times=2), name)  # type: ignore[arg-type] # it behaves like a client
    queue.send(_pointers(3))
    assert queue.depth().visible == 3


@pytest.mark.parametrize(("times", "is_our_fault"), [(4, False), (1, True)])
def test_entries_refused_for_good_are_an_error(
    sqs: Any, name: str, *, times: int, is_our_fault: bool
) -> None:
    """Nobody is told that a pointer was sent when it was not."""
    refusing = _Refusing(sqs, times=times, is_our_fault=is_our_fault)
    with pytest.raises(Unreachable, match="did not accept 1 of 3 messages: not now"):
        SqsQueue(refusing, name).send(_pointers(3))  # type: ignore[arg-type] # it behaves like a client
    assert refusing.times == 0


def _transcode(*, job_id: str, generation: int, schema: int) -> None:
    """Stand in for the worker's task."""


def test_celery_reads_what_we_write(endpoint: str, name: str, sqs: Any) -> None:
    """The SQS transport of kombu itself delivers the message, and Celery makes a request of it."""
    pointer = Pointer(job_id="0123456789abcdef0123", generation=3)
    SqsQueue(sqs, name).send([pointer])
    delivered: list[Any] = []
    options = {"region": "eu-west-1", "wait_time_seconds": 1}
    url = f"sqs://testing:testing@{endpoint.removeprefix('http://')}"
    with kombu.Connection(url, transport_options={**options, "is_secure": False}) as connection:
        channel: Any = connection.channel()
        # The physical name is the deployment's; to Celery the queue is always the logical one.
        channel._queue_cache[ROUTING_KEY] = SqsQueue(sqs, name).url
        queue = kombu.Queue(ROUTING_KEY, no_declare=True)
        consumer = kombu.Consumer(channel, [queue], on_message=delivered.append, accept=["json"])
        consumer.consume()
        connection.drain_events(timeout=60)
        message = delivered[0]
        app = celery.Celery(set_as_current=False)
        task = app.task(name=TASK)(_transcode)
        request = Request(message, app=app, task=task, on_ack=lambda *_: message.ack())
        request.acknowledge()
        connection.close()
    assert (request.name, request.args, request.kwargs) == (TASK, [], pointer.model_dump(mode="json"))
    assert uuid.UUID(request.id).version == 4
    assert request.delivery_info == {
        "exchange": "",
        "routing_key": ROUTING_KEY,
        "priority": 0,
        "redelivered": False,
    }
    assert pointer.job_id in request.kwargsrepr
    assert SqsQueue(sqs, name).depth() == Depth(visible=0, in_flight=0)


def test_we_write_the_headers_that_celery_writes() -> None:
    """Celery's own message for the same task has the same headers and properties, and no others."""
    app = celery.Celery(set_as_current=False)
    ours = json.loads(task_message(Pointer(job_id="a", generation=1)))
    theirs = app.amqp.as_task_v2(
        ours["headers"]["id"], TASK, kwargs={"schema": 1, "job_id": "a", "generation": 1}, ignore_result=True
    )
    assert ours["headers"] == {
        **theirs.headers,
        "origin": ours["headers"]["origin"],
        "kwargsrepr": ours["headers"]["kwargsrepr"],
    }
    assert set(theirs.properties) <= set(ours["properties"])
    assert json.loads(ours["body"]) == json.loads(json.dumps(theirs.body))
