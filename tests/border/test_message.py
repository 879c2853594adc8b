"""What comes out of the queue: read as one of three models, or refused and left to SQS."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import celery
import pytest

from rugbytx.aws.sqs import message_parser as kinds
from rugbytx.aws.sqs.message import SUBMISSION, TASK, submission_message, task_message
from rugbytx.aws.sqs.message_parser import AcceptedBodies, Submission, parse
from rugbytx.aws.sqs.queue import dead_letter
from rugbytx.broker import incoming
from rugbytx.core.job.job import Pointer
from rugbytx.errors import MessageRefused
from rugbytx.local.embedded import EmbeddedAws
from tests.border.forged import POINTER, READ, Forged, table

FORGED = list(table())
MESSAGE_ID = "5b1e2c0a-3f0c-4a3f-9d62-0f1f4f0e3c55"
LEGACY = AcceptedBodies(pattern="s3://{bucket}/{video.key}", profile="clip", buckets=("b",))
SUBMITTING = AcceptedBodies(submissions=True, buckets=("games",))


@pytest.fixture(autouse=True)
def _nothing_accepted() -> Iterator[None]:
    yield
    incoming.install(AcceptedBodies())


def remade(body: str) -> dict[str, Any] | None:
    """Return the envelope that Celery is given for a body."""
    message = incoming.remade({"MessageId": MESSAGE_ID, "ReceiptHandle": "r1", "Body": body})
    if message is None:
        return None
    assert (message["ReceiptHandle"], message["MessageId"]) == ("r1", MESSAGE_ID)
    envelope: dict[str, Any] = json.loads(message["Body"])
    return envelope


def test_there_is_a_row_for_everything() -> None:
    """Names are the table's keys; the findings that it began with had 78."""
    assert len({row.name for row in FORGED}) == len(FORGED) >= 78


@pytest.mark.parametrize("row", FORGED, ids=lambda row: row.name)
def test_celery_is_given_what_we_made_or_nothing(row: Forged) -> None:
    """A pointer that is read is the same message whatever else was forged in it."""
    envelope = remade(row.body)
    if row.refusal == READ:
        assert envelope == json.loads(task_message(POINTER, task_id=MESSAGE_ID))
        return
    assert envelope is None
    with pytest.raises(MessageRefused) as refused:
        parse(row.body, AcceptedBodies())
    assert refused.value.reason == row.refusal


@pytest.mark.parametrize("row", FORGED, ids=lambda row: row.name)
def test_the_dead_letter_commands_read_the_same(row: Forged) -> None:
    """And say what a worker would say."""
    letter = dead_letter(row.body, AcceptedBodies(), id="m", receipt="r", sent_at=0.0, receives=10)
    assert letter.pointer == (POINTER if row.refusal == READ else None)
    assert bool(letter.refusal) == (row.refusal != READ)


def test_a_refusal_is_said_once_for_each_receive_and_never_quotes_the_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message may be a megabyte, and comes ten times."""
    with caplog.at_level(logging.WARNING):
        assert remade(json.dumps({"secret": "x" * 200_000})) is None
    (record,) = caplog.records
    assert record.message == "message-refused"
    assert vars(record)["kind"] == kinds.LEGACY_BODY_OFF
    assert "RUGBYTX_LEGACY_BODY" in vars(record)["reason"]
    assert len(vars(record)["reason"]) < 300


def test_a_newer_pointer_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It is left hidden to a newer worker, and nobody did anything wrong."""
    body = task_message(POINTER.model_copy(update={"schema_number": 2}))
    with caplog.at_level(logging.WARNING):
        assert remade(body) is None
    (record,) = caplog.records
    assert (record.levelname, vars(record)["kind"]) == ("WARNING", kinds.WRITTEN_BY_NEWER)


def test_another_systems_body_is_a_submission() -> None:
    """By the pattern, with the profile that the settings name."""
    incoming.install(LEGACY)
    envelope = remade(json.dumps({"bucket": "b", "video": {"key": "a b.mp4"}}))
    assert envelope == json.loads(submission_message("s3://b/a b.mp4", "clip", task_id=MESSAGE_ID)) | {
        "headers": {**(envelope or {})["headers"]}
    }
    assert envelope is not None
    assert envelope["headers"]["task"] == SUBMISSION


@pytest.mark.parametrize(
    ("pattern", "body", "kind"),
    [
        ("s3://{bucket}/{key}", {"bucket": "b"}, kinds.LEGACY_BODY_UNFIT),
        ("s3://{bucket}/{key}", {"bucket": "b", "key": {}}, kinds.LEGACY_BODY_UNFIT),
        ("s3://{bucket}/{key}", {"bucket": "b", "key": True}, kinds.LEGACY_BODY_UNFIT),
        ("s3://{bucket}/{key}", {"bucket": "other", "key": "k"}, kinds.SOURCE_FORBIDDEN),
        ("s3://{bucket}/{key}", {"bucket": "b/../c", "key": "k"}, READ),
        ("{path}", {"path": "/etc/passwd"}, kinds.WRONG_ARGUMENTS),
        ("{path}", {"path": "file:///etc/passwd"}, kinds.WRONG_ARGUMENTS),
    ],
)
def test_a_body_by_the_pattern_names_an_object_of_a_source_bucket(
    pattern: str, body: dict[str, Any], kind: str
) -> None:
    """And never a path; keys are no paths either, so that two dots in one mean nothing."""
    accepted = AcceptedBodies(pattern=pattern, buckets=("b",))
    if kind == READ:
        assert parse(json.dumps(body), accepted) == Submission(source="s3://b/../c/k", profile="match")
        return
    with pytest.raises(MessageRefused) as refused:
        parse(json.dumps(body), accepted)
    assert refused.value.reason == kind


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("s3://games/final.mp4", READ),
        ("s3://other/final.mp4", kinds.SOURCE_FORBIDDEN),
        ("s3://games/", kinds.WRONG_ARGUMENTS),
        ("s3://games", kinds.WRONG_ARGUMENTS),
        ("/etc/passwd", kinds.WRONG_ARGUMENTS),
        ("match.mp4", kinds.WRONG_ARGUMENTS),
        ("file:///etc/passwd", kinds.WRONG_ARGUMENTS),
        ("https://example.org/a.mp4", kinds.WRONG_ARGUMENTS),
        ("s3://games/" + "a" * 2000, kinds.WRONG_ARGUMENTS),
    ],
)
def test_a_submission_names_an_object_of_a_source_bucket(source: str, kind: str) -> None:
    """Where submissions are on at all."""
    body = submission_message(source, "clip")
    if kind == READ:
        assert parse(body, SUBMITTING) == Submission(source=source, profile="clip")
    else:
        with pytest.raises(MessageRefused) as refused:
            parse(body, SUBMITTING)
        assert refused.value.reason == kind
    with pytest.raises(MessageRefused, match="RUGBYTX_QUEUE_SUBMISSIONS is off"):
        parse(body, AcceptedBodies(pattern="s3://games/{key}", buckets=("games",)))


@pytest.mark.parametrize("is_base64", [True, False])
def test_a_stock_celery_client_sends_both_tasks(*, is_base64: bool) -> None:
    """As docs/reference/messages.md says: by ``send_task``, as kombu writes it by default and as plain JSON."""
    pointer = Pointer(job_id="0123456789abcdef0123", generation=3)
    with EmbeddedAws() as aws:
        sqs: Any = boto3.Session("local", "local", region_name="eu-west-1").client(
            "sqs", endpoint_url=aws.endpoint_url
        )
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        client = celery.Celery(
            broker=f"sqs://local:local@{aws.endpoint_url.removeprefix('http://')}", set_as_current=False
        )
        client.conf.broker_transport_options = {
            "region": "eu-west-1",
            "is_secure": False,
            "sqs_base64_encoding": is_base64,
            "predefined_queues": {
                "transcode": {"url": url, "access_key_id": "local", "secret_access_key": "local"}
            },
        }
        client.send_task(
            TASK,
            kwargs={"job_id": pointer.job_id, "generation": 3},
            queue="transcode",
            ignore_result=True,
            countdown=1000,
        )
        source = {"source": "s3://games/final.mp4", "profile": "clip"}
        client.send_task(SUBMISSION, kwargs=source, queue="transcode", ignore_result=True)
        client.close()
        bodies: list[str] = []
        while len(bodies) < 2:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
            bodies += [message["Body"] for message in answer["Messages"]]
        sqs.close()
    assert all(body.startswith("{") is not is_base64 for body in bodies)
    parsed = sorted((parse(body, SUBMITTING) for body in bodies), key=lambda message: type(message).__name__)
    assert parsed == [pointer, Submission.model_validate(source)]


def test_base64_of_base64_is_nobodys() -> None:
    """Once is kombu's way; what is wrapped further is refused."""
    once = base64.b64encode(task_message(POINTER).encode())
    with pytest.raises(MessageRefused):
        parse(base64.b64encode(once).decode(), AcceptedBodies())
