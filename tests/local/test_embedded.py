"""The embedded AWS under many threads: nothing is lost, doubled, blocked or kept."""

import json
import logging
import math
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from moto.core.common_models import BaseModel
from moto.core.model_instances import model_data
from moto.sqs.models import SQSBackend
from werkzeug.test import create_environ

from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.table import TABLE
from rugbytx.errors import SettingsError
from rugbytx.local import embedded
from rugbytx.local.embedded import EmbeddedAws, _Guard, _hung_up
from rugbytx.local.resources import LONG_POLL_S, RETENTION_S, create, dead_letter_queue
from rugbytx.settings import Settings

THREADS = 64
#: More than anything here takes on a busy machine.
BOUND_S = 300.0


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    """Start an empty AWS, and point boto3's own configuration at it and at nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with EmbeddedAws() as started:
        monkeypatch.setenv("AWS_ENDPOINT_URL", started.endpoint_url)
        yield started


@pytest.fixture
def clients(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Any]]:
    """Return a maker of clients, which are closed in the end.

    They are patient: one that gave up waiting for its turn and asked again would
    add, claim or receive twice by itself.
    """
    assert aws.endpoint_url
    monkeypatch.setattr("rugbytx.aws.client.READ_TIMEOUT_S", BOUND_S)
    with ExitStack() as stack:
        yield lambda service: stack.enter_context(closing(client(service)))


@pytest.fixture
def dynamodb(clients: Callable[[Any], Any]) -> Any:
    """Return a client with an empty table, ``rugbytx``."""
    made = clients("dynamodb")
    made.create_table(TableName="rugbytx", **TABLE)
    return made


@pytest.fixture
def sqs(clients: Callable[[Any], Any]) -> Any:
    """Return a client of SQS."""
    return clients("sqs")


@pytest.fixture
def queue_url(sqs: Any) -> str:
    """Return the URL of a new queue."""
    url: str = sqs.create_queue(QueueName="q")["QueueUrl"]
    return url


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return what is set once a long poll waits: it looks then whether its client is still there."""
    waiting = threading.Event()

    def look(connection: socket.socket) -> bool:
        waiting.set()
        return _hung_up(connection)

    monkeypatch.setattr(embedded, "_hung_up", look)
    return waiting


@contextmanager
def before_another_poll_ends(sqs: Any, *, wait_s: int = 20) -> Iterator[None]:
    """Assert that the context takes less than a long poll of another queue, on however slow a machine."""
    url = sqs.create_queue(QueueName="another")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=wait_s)
        try:
            yield
            assert not poll.done()
        finally:
            sqs.send_message(QueueUrl=url, MessageBody="enough")
            poll.result()
            sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def _switching() -> Iterator[None]:
    """Make the interpreter switch threads about every 10 us: that is what broke moto without the lock."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def _at_once(work: Callable[[int], Any], *, threads: int = THREADS) -> list[Any]:
    """Return what ``work`` gave in each of many threads that began together."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_no_two_requests_are_in_moto_at_once() -> None:
    """The lock itself, without luck: whatever 64 threads send, the application sees one at a time."""
    inside, most = 0, 0

    def app(_environ: object, start_response: Callable[..., Any]) -> list[bytes]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        inside -= 1
        start_response("200 OK", [])
        return [b"done"]

    guard = _Guard(app)
    answers = _at_once(lambda _: b"".join(guard(create_environ(), lambda *_: None)))
    assert (most, answers) == (1, [b"done"] * THREADS)


@pytest.mark.usefixtures("_switching")
def test_a_conditional_update_has_one_winner(dynamodb: Any) -> None:
    """64 threads claim each of four units, and every unit is claimed by one of them."""

    def claim(thread: int) -> list[int]:
        won = []
        for unit in range(4):
            try:
                dynamodb.update_item(
                    TableName="rugbytx",
                    Key={"pk": {"S": "JOB#a"}, "sk": {"S": f"UNIT#{unit}"}},
                    UpdateExpression="SET #owner = :owner ADD fence :one",
                    ConditionExpression="attribute_not_exists(#owner)",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":owner": {"S": str(thread)}, ":one": {"N": "1"}},
                )
                won.append(unit)
            except dynamodb.exceptions.ConditionalCheckFailedException:
                continue
        return won

    winners = Counter(unit for won in _at_once(claim) for unit in won)
    assert winners == {0: 1, 1: 1, 2: 1, 3: 1}


@pytest.mark.usefixtures("_switching")
def test_adding_loses_nothing(dynamodb: Any) -> None:
    """Five times from each of 64 threads make 320."""
    key = {"pk": {"S": "JOB#a"}, "sk": {"S": "JOB"}}

    def add(thread: int) -> None:
        for turn in range(5):
            dynamodb.update_item(
                TableName="rugbytx",
                Key=key,
                UpdateExpression="ADD fence :one, done :unit",
                ExpressionAttributeValues={":one": {"N": "1"}, ":unit": {"SS": [f"{thread}-{turn}"]}},
            )

    _at_once(add)
    item = dynamodb.get_item(TableName="rugbytx", Key=key, ConsistentRead=True)["Item"]
    assert (item["fence"]["N"], len(item["done"]["SS"])) == ("320", 320)


@pytest.mark.usefixtures("_switching")
def test_no_message_is_lost_or_doubled(sqs: Any, queue_url: str) -> None:
    """Half the threads send three messages each while the other half receive three each."""
    received: list[str] = []

    def work(thread: int) -> None:
        if thread % 2:
            for turn in range(3):
                sqs.send_message(QueueUrl=queue_url, MessageBody=f"{thread}-{turn}")
            return
        for _ in range(3):
            answer = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=10)
            for message in answer.get("Messages", []):
                received.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])

    _at_once(work)
    assert sorted(received) == sorted(
        f"{thread}-{turn}" for thread in range(1, THREADS, 2) for turn in range(3)
    )


def test_a_long_poll_ends_when_a_message_arrives_and_blocks_nobody(
    sqs: Any, queue_url: str, waits: threading.Event
) -> None:
    """Others are served while it waits, and it has the message long before its 20 s are over."""
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        assert waits.wait(BOUND_S)
        with before_another_poll_ends(sqs, wait_s=10):
            assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == queue_url
            assert not poll.done()
            sqs.send_message(QueueUrl=queue_url, MessageBody="now")
            assert poll.result()["Messages"][0]["Body"] == "now"


def test_a_long_poll_waits_as_long_as_it_says_and_the_queue_says_it_otherwise(
    sqs: Any, queue_url: str, waits: threading.Event
) -> None:
    """The queue's own ReceiveMessageWaitTimeSeconds holds where the request has none."""
    with before_another_poll_ends(sqs):
        began = time.monotonic()
        assert "Messages" not in sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=1)
        assert time.monotonic() - began >= 1
    waits.clear()
    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)
    assert not waits.is_set()
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"ReceiveMessageWaitTimeSeconds": "1"})
    with before_another_poll_ends(sqs):
        began = time.monotonic()
        assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)
        assert time.monotonic() - began >= 1


def test_a_long_poll_sees_a_message_become_visible_again(sqs: Any, queue_url: str) -> None:
    """Nobody announces the end of a visibility timeout."""
    sqs.send_message(QueueUrl=queue_url, MessageBody="again")
    with before_another_poll_ends(sqs):
        assert sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=1)["Messages"]
        assert sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=20)["Messages"]


def test_a_killed_clients_long_poll_takes_no_message(
    aws: EmbeddedAws, sqs: Any, queue_url: str, waits: threading.Event
) -> None:
    """Otherwise the message would be hidden until its visibility ran out, with nobody there to have it."""
    body = json.dumps({"QueueUrl": queue_url, "WaitTimeSeconds": 20}).encode()
    host, port = aws.endpoint_url.removeprefix("http://").split(":")
    request = (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/sqs/aws4_request,"
        " SignedHeaders=host, Signature=0\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as doomed:
        doomed.sendall(request.encode() + body)
        assert waits.wait(BOUND_S)
    sqs.send_message(QueueUrl=queue_url, MessageBody="for the living")
    assert (
        sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=5)["Messages"][0]["Body"] == "for the living"
    )


def test_a_stop_waits_for_no_long_poll(
    aws: EmbeddedAws, sqs: Any, queue_url: str, waits: threading.Event
) -> None:
    """Every connection is cut, every thread ends, and nobody listens any more."""
    host, port = aws.endpoint_url.removeprefix("http://").split(":")
    before = set(threading.enumerate())
    polls = [socket.create_connection((host, int(port))) for _ in range(3)]
    for poll in polls:
        poll.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        )  # and no more: a client that never finishes its request
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        assert waits.wait(BOUND_S)
        aws.stop()
        assert waiting.exception() is not None or "Messages" not in waiting.result()
    # What a stop has waited for in vain is still there after it.
    after = set(threading.enumerate())
    assert after < before
    assert "embedded-aws" not in {thread.name for thread in after}
    for poll in polls:
        poll.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_nothing_is_logged_or_printed(
    sqs: Any, queue_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Request lines would drown the workers' log."""
    with caplog.at_level(logging.DEBUG, logger="werkzeug"):
        sqs.send_message(QueueUrl=queue_url, MessageBody="quiet")
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            sqs.get_queue_url(QueueName="nowhere")
    assert [record for record in caplog.records if record.name == "werkzeug"] == []
    assert capfd.readouterr() == ("", "")


def test_moto_keeps_no_instances_and_is_left_as_it_was(
    aws: EmbeddedAws, dynamodb: Any, clients: Callable[[Any], Any]
) -> None:
    """Its dashboard's list of every model ever made stays empty, and what was replaced is put back."""
    assert vars(BaseModel)["__new__"].__func__.__module__ == EmbeddedAws.__module__
    assert vars(SQSBackend)["receive_message"].__module__ == EmbeddedAws.__module__
    s3 = clients("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for turn in range(50):
        dynamodb.put_item(
            TableName="rugbytx", Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "turn": {"N": str(turn)}}
        )
        s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 1000)
    models: list[Any] = [model for models in model_data.values() for model in models.values()]
    assert sum(len(model.instances_tracked) for model in models) == 0
    aws.stop()
    assert vars(BaseModel)["__new__"].__func__.__module__ == BaseModel.__module__
    assert vars(SQSBackend)["receive_message"].__module__ == SQSBackend.__module__


def test_each_begins_empty_and_only_one_runs(
    aws: EmbeddedAws, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backends belong to the process, so a second server would share the first one's."""
    assert queue_url
    with pytest.raises(RuntimeError, match="running in this process already"):
        EmbeddedAws().start()
    aws.stop()
    aws.stop()
    with EmbeddedAws() as second:
        monkeypatch.setenv("AWS_ENDPOINT_URL", second.endpoint_url)
        with closing(client("sqs")) as sqs:
            assert "QueueUrls" not in sqs.list_queues()


def test_a_port_in_use_is_one_plain_sentence() -> None:
    """And another server can be started afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 cannot be used"):
            EmbeddedAws(port=port).start()
    with EmbeddedAws(port=port) as aws:
        assert aws.endpoint_url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_creating_the_resources_twice_is_creating_them_once(
    clients: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """What was there keeps its content, and the queue takes the settings of the last time."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    names = {
        "queue": "work",
        "table": "records",
        "source_buckets": ("in-1", "in-2"),
        "output_bucket": "results",
    }
    create(Settings(**names, visibility_s=90.0, heartbeat_s=5.0))
    sqs, s3, dynamodb = clients("sqs"), clients("s3"), clients("dynamodb")
    s3.put_object(Bucket="in-1", Key="k", Body=b"kept")
    create(Settings(**names, visibility_s=10.5, heartbeat_s=5.0))
    assert sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]) == ["in-1", "in-2", "results"]
    assert s3.get_object(Bucket="in-1", Key="k")["ContentLength"] == 4
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == str(math.ceil(10.5))
    assert found["MessageRetentionPeriod"] == str(RETENTION_S)
    assert found["ReceiveMessageWaitTimeSeconds"] == str(LONG_POLL_S)
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{dead_letter_queue('work')}")
    assert int(redrive["maxReceiveCount"]) == 10
    ttl = dynamodb.describe_time_to_live(TableName="records")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
