"""Settling messages against a stub of SQS's answers."""

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from rugbytx.broker import settle
from rugbytx.broker.settle import Receipt, Settler

RECEIPT = Receipt(message_id="m-1", queue_url="https://sqs.eu-west-1.amazonaws.com/1/q", handle="h-1")
DELETE = {"QueueUrl": RECEIPT.queue_url, "ReceiptHandle": "h-1"}
SHOW = {**DELETE, "VisibilityTimeout": 0}


@pytest.fixture
def sqs() -> Iterator[Stubber]:
    """Return a client that answers what it was told to, and tries once."""
    client = boto3.Session("local", "local", region_name="eu-west-1").client(
        "sqs", config=Config(retries={"total_max_attempts": 1})
    )
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()
    client.close()


@pytest.fixture
def settler(sqs: Stubber, monkeypatch: pytest.MonkeyPatch) -> Settler:
    """Return a settler that pauses for no time worth mentioning."""
    monkeypatch.setattr(settle, "pause_s", lambda failures: 0.001 * failures)
    client: Any = sqs.client
    return Settler(lambda: client)


def fail(sqs: Stubber, operation: str, code: str, expected: dict[str, Any]) -> None:
    """Let the next call fail."""
    sqs.add_client_error(operation, code, expected_params=expected)


def test_a_failed_acknowledgement_is_repeated(sqs: Stubber, settler: Settler) -> None:
    """Also where SQS refuses the credentials, as they may be refreshed by then."""
    fail(sqs, "delete_message", "ExpiredToken", DELETE)
    fail(sqs, "delete_message", "ServiceUnavailable", DELETE)
    sqs.add_response("delete_message", {}, DELETE)
    settler.acknowledge(RECEIPT)
    assert idle(settler)


def test_one_that_fails_for_good_is_said(
    sqs: Stubber, settler: Settler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The message comes back, and whoever reads the log knows why."""
    monkeypatch.setattr(settle, "SETTLE_S", 0.0)
    fail(sqs, "delete_message", "ServiceUnavailable", DELETE)
    settler.acknowledge(RECEIPT)
    assert idle(settler)
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "message-unsettled"
    assert vars(record)["message_id"] == "m-1"


@pytest.mark.parametrize(
    "code",
    [
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    ],
)
def test_a_refused_receipt_is_said_and_left(
    sqs: Stubber, settler: Settler, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    """The message is gone or another's: there is nothing to repeat."""
    fail(sqs, "change_message_visibility", code, SHOW)
    settler.show(RECEIPT)
    assert idle(settler)
    assert "receipt-refused" in caplog.messages


def test_one_that_breaks_does_not_break_the_next(sqs: Stubber, settler: Settler) -> None:
    """A bug of ours is logged with its traceback, and the thread lives on."""
    fail(sqs, "delete_message", "ValidationException", DELETE)
    sqs.add_response("delete_message", {}, DELETE)
    settler.acknowledge(RECEIPT)
    settler.acknowledge(RECEIPT)
    assert idle(settler)


def idle(settler: Settler) -> bool:
    """Wait until everything is settled, without telling the settler to hurry."""
    with settler._settled:
        return settler._settled.wait_for(lambda: not settler._open, 10)
