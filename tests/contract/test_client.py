"""What our clients notice that botocore's do not."""

import json

import pytest
from botocore.loaders import JSONFileLoader

from rugbytx.aws.client import client
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.errors import Unreachable
from tests.faults.proxy import Fault, FaultProxy, Rule


def test_a_cut_answer_is_no_answer(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that ends before its Content-Length is Unreachable, and not an empty success."""
    with FaultProxy(endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint_url)
        sqs = client("sqs")
        sqs.create_queue(QueueName="cut", Attributes={"DelaySeconds": "0"})
        proxy.set_rules(Rule(fault=Fault.CUT, operation="GetQueueUrl"))
        with pytest.raises(Unreachable):
            SqsQueue(sqs, "cut").depth()
        proxy.set_rules()
        assert SqsQueue(sqs, "cut").depth().visible == 0


def test_whole_answers_pass(endpoint: str) -> None:
    """HEAD announces a length and brings no body; streamed bodies are read later: neither is cut."""
    assert endpoint
    s3 = client("s3")
    s3.create_bucket(Bucket="whole", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    storage = S3Storage(s3)
    storage.put(json.dumps({"a": 1}).encode(), "whole", "key", content_type="application/json")
    stored = storage.head("whole", "key")
    assert stored
    assert stored.size_bytes == len(storage.get("whole", "key")) == 8


def test_models_are_read_once_a_process(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A further client of any session reads no file again: each reading is megabytes that stay."""
    assert endpoint
    client("sqs")
    read: list[str] = []

    def load_file(_: JSONFileLoader, path: str) -> None:
        read.append(path)

    monkeypatch.setattr(JSONFileLoader, "load_file", load_file)
    client("sqs")
    assert read == []
