"""The proxy's own tests: each fault as a boto3 client meets it."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from rugbytx.local.embedded import EmbeddedAws
from tests.faults.proxy import Fault, FaultProxy, Rule


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Run an empty AWS; return its URL."""
    with EmbeddedAws() as embedded:
        yield embedded.endpoint_url


@pytest.fixture
def proxy(aws: str) -> Iterator[FaultProxy]:
    """Return a proxy in front of it, without rules."""
    with FaultProxy(aws) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[Any]:
    """Return a maker of clients that by default try once and give up after a second."""
    made = []

    def make(service: str, *, read_timeout_s: float = 1.0, attempts: int = 1) -> Any:
        config = Config(
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
        )
        made.append(
            boto3.Session("local", "local", region_name="eu-west-1").client(  # type: ignore[call-overload]  # any service
                service, endpoint_url=proxy.endpoint_url, config=config
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def queue(client: Any) -> Iterator[tuple[Any, str]]:
    """Return a patient client and the URL of an empty queue."""
    sqs = client("sqs", read_timeout_s=10)
    url = sqs.create_queue(QueueName="faults")["QueueUrl"]
    yield sqs, url
    sqs.delete_queue(QueueUrl=url)


def held(queue: tuple[Any, str]) -> int:
    """Return how many messages the queue has."""
    sqs, url = queue
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(counts["Attributes"]["ApproximateNumberOfMessages"])


def test_without_rules_everything_passes_and_is_named(proxy: FaultProxy, client: Any) -> None:
    """Each request is known by its service and operation, its body whole in both directions."""
    s3, body = client("s3", read_timeout_s=10), b"0123456789abcdef" * 200_000
    s3.create_bucket(Bucket="whole", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="whole", Key="folder/k", Body=body)
    assert s3.get_object(Bucket="whole", Key="folder/k")["Body"].read() == body
    assert s3.head_object(Bucket="whole", Key="folder/k")["ContentLength"] == len(body)
    assert s3.list_objects_v2(Bucket="whole")["KeyCount"] == 1
    s3.delete_objects(Bucket="whole", Delete={"Objects": [{"Key": "folder/k"}]})
    client("dynamodb", read_timeout_s=10).list_tables()
    assert [(seen.service, seen.operation, seen.fault) for seen in proxy.seen] == [
        ("s3", "CreateBucket", Fault.PASS),
        ("s3", "PutObject", Fault.PASS),
        ("s3", "GetObject", Fault.PASS),
        ("s3", "HeadObject", Fault.PASS),
        ("s3", "ListObjectsV2", Fault.PASS),
        ("s3", "DeleteObjects", Fault.PASS),
        ("dynamodb", "ListTables", Fault.PASS),
    ]


@pytest.mark.parametrize(
    ("fault", "error", "sent"),
    [
        (Fault.STATUS_403, "ExpiredToken", 0),
        (Fault.STATUS_500, "InternalError", 0),
        (Fault.STATUS_503, "ServiceUnavailable", 0),
        (Fault.REFUSE, ConnectionClosedError, 0),
        (Fault.LOSE_ANSWER, ConnectionClosedError, 1),
        (Fault.CUT, None, 1),  # botocore takes half an answer for an empty one
        (Fault.TWICE, None, 2),
        (Fault.SLOW, None, 1),
    ],
)
def test_a_fault_has_its_effect_and_no_other(
    proxy: FaultProxy, queue: tuple[Any, str], fault: Fault, error: Any, sent: int
) -> None:
    """The client sees what it would see of AWS, and the message was sent as often as the fault says."""
    sqs, url = queue
    proxy.set_rules(Rule(fault=fault, service="sqs", operation="SendMessage", delay_s=0.2))
    if error is None:
        sqs.send_message(QueueUrl=url, MessageBody="m")
    elif isinstance(error, str):
        with pytest.raises(ClientError, match=error):
            sqs.send_message(QueueUrl=url, MessageBody="m")
    else:
        with pytest.raises(error):
            sqs.send_message(QueueUrl=url, MessageBody="m")
    assert held(queue) == sent
    assert proxy.hurt() == {("sqs", "SendMessage", fault.value): 1}


def test_an_object_is_cut_in_half(proxy: FaultProxy, client: Any) -> None:
    """A download breaks off in the middle."""
    s3 = client("s3", read_timeout_s=10)
    s3.create_bucket(Bucket="cut", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="cut", Key="k", Body=bytes(1_000_000))
    proxy.set_rules(Rule(fault=Fault.CUT, operation="GetObject"))
    stream = s3.get_object(Bucket="cut", Key="k")["Body"]
    with pytest.raises(BotoCoreError):
        stream.read()


def test_a_cut_answer_of_dynamodb_is_noticed_and_asked_again(proxy: FaultProxy, client: Any) -> None:
    """By its checksum: botocore does not compare an answer's length with what was announced."""
    dynamodb = client("dynamodb", read_timeout_s=10, attempts=2)
    proxy.set_rules(Rule(fault=Fault.CUT, times=1))
    assert dynamodb.list_tables()["TableNames"] == []
    assert proxy.count("dynamodb", "ListTables") == 2


def test_a_hung_request_is_held_until_it_is_released(proxy: FaultProxy, client: Any) -> None:
    """The client's timeout ends its wait, and a release ends the others'."""
    proxy.set_rules(Rule(fault=Fault.HANG, service="sqs"))
    with pytest.raises(ReadTimeoutError):
        client("sqs").list_queues()
    patient, ended = client("sqs", read_timeout_s=30), threading.Event()

    def ask() -> None:
        with pytest.raises(ConnectionClosedError):
            patient.list_queues()
        ended.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert proxy.wait_for(lambda: proxy.count("sqs", "ListQueues", Fault.HANG) == 2)
    assert not ended.wait(0.1)
    proxy.release()
    assert ended.wait(10)
    thread.join()


def test_rules_choose_by_count_and_by_seeded_luck(proxy: FaultProxy, client: Any) -> None:
    """Skipped, every how-manieth, spent after so many; and the same seed hits the same requests."""
    sqs = client("sqs", read_timeout_s=10)

    def hits(proxy: FaultProxy, rule: Rule, requests: int) -> list[int]:
        proxy.set_rules(rule)
        first = len(proxy.seen)
        for _ in range(requests):
            try:
                sqs.list_queues()
            except ClientError:
                continue
        return [place for place, seen in enumerate(proxy.seen[first:]) if seen.fault is not Fault.PASS]

    third = Rule(fault=Fault.STATUS_500, operation="ListQueues", skip=1, every=3, times=2)
    assert hits(proxy, third, 12) == [3, 6]
    often = Rule(fault=Fault.STATUS_500, probability=0.5)
    seeded = random.Random(0)  # noqa: S311  faults, not secrets
    assert hits(proxy, often, 12) == [place for place in range(12) if seeded.random() < 0.5]
    assert hits(proxy, Rule(fault=Fault.STATUS_500, service="s3"), 2) == []


def test_a_client_that_vanishes_takes_its_request_along(queue: tuple[Any, str], client: Any) -> None:
    """A long poll of a killed worker receives nothing."""
    sqs, url = queue
    with pytest.raises(ReadTimeoutError):
        client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]


def test_the_end_comes_at_once(aws: str) -> None:
    """Ending does not wait for what hangs."""
    with FaultProxy(aws) as proxy:
        proxy.set_rules(Rule(fault=Fault.HANG))
        sqs = boto3.Session("local", "local", region_name="eu-west-1").client(
            "sqs", endpoint_url=proxy.endpoint_url, config=Config(retries={"total_max_attempts": 1})
        )

        def ask() -> None:
            with pytest.raises(ConnectionClosedError):
                sqs.list_queues()

        thread = threading.Thread(target=ask)
        thread.start()
        assert proxy.wait_for(lambda: proxy.count() == 1)
    # What an end has waited for in vain is still there after it.
    assert not proxy._server._talking
    thread.join(5)
    sqs.close()
