"""The channel's own rules, without a network and without a worker."""

import json
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from celery.worker import state
from kombu import Connection

from rugbytx.aws.client import authorities
from rugbytx.aws.sqs.message import task_message
from rugbytx.broker import gate, incoming, transport
from rugbytx.broker import wire as wires
from rugbytx.broker.poll import Restraint
from rugbytx.broker.settle import Receipt, Settler
from rugbytx.broker.wire import ReceiveResult
from rugbytx.core.job.job import Pointer
from tests.broker.conftest import OURS

URL = "https://sqs.eu-west-1.amazonaws.com/1/q"


class FakeSettler:
    """Keeps what it is asked to settle."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.shown: list[str] = []

    def acknowledge(self, receipt: Receipt) -> None:
        """Keep it as acknowledged."""
        self.acknowledged.append(receipt.handle)

    def show(self, receipt: Receipt) -> None:
        """Keep it as shown."""
        self.shown.append(receipt.handle)


class FakeRequest:
    """A request that a pool process has accepted."""

    def __init__(self, id: str) -> None:  # noqa: A002  Celery's name
        self.id = id


@pytest.fixture
def settler(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSettler]:
    """Return what settles in place of the thread; nothing is held before and after."""
    fake = FakeSettler()
    monkeypatch.setattr(transport, "settler", lambda: fake)
    monkeypatch.setattr(transport, "restraint", Restraint())
    yield fake
    transport.HELD.clear()
    gate.install(gate.Open())


@pytest.fixture
def connection() -> Iterator[Any]:
    """Return a connection that knows one queue."""
    options = {"predefined_queues": {"transcode": {"url": URL}}}
    with Connection("sqs://", transport=OURS, transport_options=options) as connection:
        yield connection


def receive(channel: Any, handle: str) -> None:
    """Let the channel receive a message; its task's id is its handle."""
    body = {
        "body": "",
        "headers": {"id": handle},
        "properties": {"delivery_info": {"routing_key": "transcode"}},
    }
    message = {"MessageId": f"m-{handle}", "ReceiptHandle": handle, "Body": json.dumps(body)}
    channel.connection._callbacks["transcode"](channel._message_to_python(message, "transcode", URL))


def consume(connection: Any, callback: Any = id) -> Any:
    """Return a channel that consumes the queue."""
    channel = connection.channel()
    channel.queue_declare("transcode")
    channel.basic_consume("transcode", no_ack=False, callback=callback, consumer_tag="1")
    return channel


def test_a_closed_channel_keeps_what_runs_and_shows_what_celery_drops(
    connection: Any, settler: FakeSettler
) -> None:
    """And the running task's acknowledgement still reaches SQS."""
    channel = consume(connection)
    receive(channel, "running")
    receive(channel, "reserved")
    running: Any = FakeRequest("running")
    state.active_requests.add(running)
    channel.close()
    assert settler.shown == ["reserved"]
    channel.basic_ack("running")
    channel.basic_ack("reserved")
    assert settler.acknowledged == ["running"]


def test_what_another_connection_holds_fills_the_slot(connection: Any, settler: FakeSettler) -> None:
    """A running task is counted on the connection that replaced its own."""
    del settler
    first = consume(connection)
    first.basic_qos(0, 1, False)
    assert first.qos.can_consume()
    receive(first, "running")
    second = connection.channel()
    second.basic_qos(0, 1, False)
    assert not second.qos.can_consume()
    first.basic_ack("running")
    assert second.qos.can_consume()


def test_the_gate_is_asked(connection: Any, settler: FakeSettler) -> None:
    """A closed one means that there is nothing to consume."""
    del settler

    class Closed(gate.Open):
        def is_open(self) -> bool:
            return False

    channel = consume(connection)
    gate.install(Closed())
    assert not channel.qos.can_consume()


def test_a_handed_back_message_is_shown_and_makes_a_pause(connection: Any, settler: FakeSettler) -> None:
    """Else this worker would have it again at once, and spend its receives."""
    channel = consume(connection)
    receive(channel, "h")
    channel.basic_reject("h", requeue=True)
    assert settler.shown == ["h"]
    assert not channel.qos.can_consume()


def test_a_rejected_message_is_left_alone(connection: Any, settler: FakeSettler) -> None:
    """Neither deleted nor shown: the redrive policy counts it."""
    channel = consume(connection)
    receive(channel, "h")
    channel.basic_reject("h", requeue=False)
    assert (settler.shown, settler.acknowledged) == ([], [])
    assert channel.qos.can_consume()


def test_settling_twice_is_settling_once(connection: Any, settler: FakeSettler) -> None:
    """Only what is held can be settled."""
    channel = consume(connection)
    receive(channel, "h")
    channel.basic_ack("h")
    channel.basic_ack("h")
    channel.basic_reject("h", requeue=True)
    assert (settler.acknowledged, settler.shown) == (["h"], [])


def test_declaring_a_queue_asks_nobody(connection: Any) -> None:
    """So a connection can always be made; a queue that is not configured is refused."""
    channel = connection.channel()
    assert channel.queue_declare("transcode").message_count == 0
    with pytest.raises(Exception, match="must be defined"):
        channel.queue_declare("nothing-like-it")


def test_what_breaks_celery_is_left_to_the_redrive_policy_and_ends_the_worker(
    connection: Any, settler: FakeSettler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery has taken a slot for it, which nobody gives back: a worker without slots would stay for ever."""
    left: list[str] = []
    monkeypatch.setattr(incoming, "leave", lambda: left.append("left"))

    def break_down(_message: Any) -> None:
        raise ValueError("cannot be read")

    channel = consume(connection, break_down)
    body = task_message(Pointer(job_id="a", generation=1))
    message = {"MessageId": "m", "ReceiptHandle": "h", "Body": body}
    received = []
    channel._hand_over(
        "transcode", URL, lambda *told: received.append(told), ReceiveResult(messages=(message,))
    )
    assert received == [(1, "")]
    assert "message-broke" in caplog.messages
    assert left == ["left"]
    assert (settler.shown, settler.acknowledged, len(transport.HELD)) == ([], [], 0)


class SlowSqs:
    """A client whose deletions last until a test lets them end."""

    def __init__(self) -> None:
        self.meta = None
        self.may_end = threading.Event()

    def delete_message(self, **_: object) -> None:
        """Wait, then be done."""
        assert self.may_end.wait(30.0)


def test_a_worker_is_idle_with_nothing_in_hand(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the receive to the acknowledgement it is not, at any moment."""
    slow = SlowSqs()
    client: Any = slow
    settling = cache(lambda: Settler(lambda: client))
    monkeypatch.setattr(transport, "settler", settling)
    assert transport.is_idle()
    seen: list[bool] = []
    channel = consume(connection, lambda _message: seen.append(transport.is_idle()))
    read = channel._message_to_python

    def looked_at_while_it_is_read(*args: Any) -> Any:
        seen.append(transport.is_idle())
        return read(*args)

    monkeypatch.setattr(channel, "_message_to_python", looked_at_while_it_is_read)
    transport.RECEIVING.add(channel)
    assert not transport.is_idle(), "a receive is under way"
    body = task_message(Pointer(job_id="a", generation=1))
    message = {"MessageId": "m", "ReceiptHandle": "h", "Body": body}
    channel._hand_over(
        "transcode", URL, lambda *_: seen.append(transport.is_idle()), ReceiveResult(messages=(message,))
    )
    assert seen == [False, False, False]
    assert not transport.RECEIVING
    assert not transport.is_idle(), "the message is held"
    channel.basic_ack("h")
    assert not transport.HELD
    assert not transport.is_idle(), "the acknowledgement is under way"
    slow.may_end.set()
    assert settling().finish(within_s=30.0)
    assert transport.is_idle()


@pytest.mark.parametrize("bundle", ["", "/etc/own.pem"])
def test_a_receive_trusts_whom_boto3_trusts(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    """Its own authorities, or those of AWS_CA_BUNDLE: a worker must not find its queue and then receive nothing."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    if bundle:
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    nobody: Any = object()
    wire = wires.SqsConnection(nobody, http_client=nobody, timeout_s=1.0, attributes=[])
    assert wire.get_http_connection().getrequest().ca_certs == (bundle or authorities())
