"""Control messages between who asks and a worker's listener, over a server that stands in for SQS."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rugbytx.aws.client import READ_TIMEOUT_S, client
from rugbytx.aws.sqs.control_queue import MOST_BYTES, SqsMailboxes
from rugbytx.broker.control import LOOK_S, Asker
from rugbytx.core.mailbox import control_prefix, replies_prefix
from rugbytx.errors import NotFound
from rugbytx.worker.remote_control import WAIT_S, Listener

#: More than anything here takes on a busy machine.
PATIENCE_S = 60.0
WORKER = "jetson-1@pitch"


@pytest.fixture
def boxes(aws: str, monkeypatch: pytest.MonkeyPatch) -> SqsMailboxes:
    """Return the queues of an AWS on this machine."""
    for name, value in (
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    return SqsMailboxes(client("sqs"), pause=lambda _: None)


@pytest.fixture
def asker(boxes: SqsMailboxes) -> Asker:
    """Return who asks the workers of a queue of this test's own."""
    return Asker(boxes=boxes, queue=f"q{uuid.uuid4().hex[:8]}")


def handle(command: str, arguments: Mapping[str, Any]) -> Any:
    """Stand in for Celery's commands."""
    if command == "stats":
        raise KeyError("no statistics")
    if command == "report":
        return "x" * MOST_BYTES
    return {"ok": command, "revoked": {"b", "a"}, **arguments}


@pytest.fixture
def listener(boxes: SqsMailboxes, asker: Asker) -> Iterator[Listener]:
    """Return a worker's listener that hears."""
    listener = Listener(boxes, queue=asker.queue)
    listener.start(worker=WORKER, soon=lambda call: call(), handle=handle)
    await_mailbox(asker)
    yield listener
    listener.stop()


def await_mailbox(asker: Asker) -> str:
    """Return the name of the worker's queue, once there is one."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE_S / 0.05)):
        if names := asker.boxes.names(control_prefix(asker.queue)):
            return names[0]
        waiting.wait(0.05)
    pytest.fail("the listener made no queue")


def asked(asker: Asker, method: str, **fields: Any) -> Any:
    """Return the worker's answer."""
    (reply,) = asker.ask({"method": method, **fields}, workers=None, timeout_s=PATIENCE_S)
    return reply[WORKER]


@pytest.mark.usefixtures("listener")
def test_a_command_is_answered(asker: Asker) -> None:
    """With its arguments; what is no plain value becomes one, and the queue for answers is gone afterwards."""
    heard: list[Any] = []
    replies = asker.ask(
        {"method": "ping", "arguments": {"at": 7}},
        workers=[WORKER],
        timeout_s=PATIENCE_S,
        on_reply=heard.append,
    )
    assert replies == heard == [{WORKER: {"ok": "ping", "revoked": ["a", "b"], "at": 7}}]
    assert asker.boxes.names(replies_prefix(asker.queue)) == []


@pytest.mark.usefixtures("listener")
def test_what_goes_wrong_is_an_answer_too(asker: Asker) -> None:
    """A command that breaks, is none of ours, or says too much; afterwards the worker hears as before."""
    assert asked(asker, "stats") == {"error": "KeyError: 'no statistics'"}
    assert "not taken" in asked(asker, "pool_restart")["error"]
    assert "too long" in asked(asker, "report")["error"]
    assert asked(asker, "ping", pattern="jetson-*", matcher="glob")["ok"] == "ping"


@pytest.mark.usefixtures("listener")
def test_answers_go_to_queues_of_this_system_only(asker: Asker) -> None:
    """Whatever a message says: another queue gets nothing, and nonsense is passed over."""
    foreign = f"foreign-{uuid.uuid4().hex}"
    asker.boxes.create(foreign)
    for message in ({"method": "ping", "reply_to": foreign}, {"method": 7, "reply_to": 7}, {}):
        assert asker.tell(message, workers=None) == 1
    assert asked(asker, "ping")["ok"] == "ping"
    assert asker.boxes.receive(foreign, wait_s=0) == []


@pytest.mark.usefixtures("listener")
def test_nobody_else_is_asked(asker: Asker) -> None:
    """A worker that is not there answers nothing, and nobody waits for it."""
    assert asker.ask({"method": "ping"}, workers=["aws-1@cloud"], timeout_s=PATIENCE_S) == []


@pytest.mark.usefixtures("listener")
def test_a_queue_that_was_swept_away_is_made_again(asker: Asker) -> None:
    """A living worker whose queue was taken for a leftover has another one, of another name."""
    before = await_mailbox(asker)
    asker.boxes.delete(before)
    # The receive under way may end only now.
    assert await_mailbox(asker) != before
    assert asked(asker, "ping")["ok"] == "ping"


def test_who_leaves_leaves_nothing(boxes: SqsMailboxes, asker: Asker) -> None:
    """Neither a listener that was started nor one that never was has a queue after its stop."""
    listener = Listener(boxes, queue=asker.queue)
    listener.stop()
    listener.start(worker=WORKER, soon=lambda call: call(), handle=handle)
    assert boxes.names(control_prefix(asker.queue)) == []
    other = Listener(boxes, queue=asker.queue)
    other.start(worker=WORKER, soon=lambda call: call(), handle=handle)
    await_mailbox(asker)
    other.stop()
    # Which waits for its queue's deletion, but not for ever.
    waiting = threading.Event()
    for _ in range(int(PATIENCE_S / 0.05)):
        if not boxes.names(control_prefix(asker.queue)):
            return
        waiting.wait(0.05)
    pytest.fail("its queue is still there")


def test_a_receive_ends_before_the_client_gives_it_up() -> None:
    """A wait as long as the client's patience would lose what comes at its end."""
    assert max(WAIT_S, LOOK_S) <= READ_TIMEOUT_S - 5


def test_a_queue_that_is_not_there(boxes: SqsMailboxes) -> None:
    """It has no age, takes no message, and can be deleted again."""
    assert boxes.look("nowhere") is None
    with pytest.raises(NotFound, match="no queue nowhere"):
        boxes.send("nowhere", {})
    with pytest.raises(NotFound):
        boxes.receive("nowhere", wait_s=0)
    boxes.delete("nowhere")
