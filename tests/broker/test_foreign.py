"""Another system's messages: refused with a sentence, or taken for a submission."""

import json
import logging
from collections.abc import Iterator

import pytest

from rugbytx.aws.sqs.message import SUBMISSION, task_message
from rugbytx.broker import foreign
from rugbytx.core.job.job import Pointer

NOTICE = {
    "MessageId": "m1",
    "ReceiptHandle": "r1",
    "Body": json.dumps({"bucket": "b", "video": {"key": "a b.mp4"}}),
}


@pytest.fixture(autouse=True)
def _nothing_wished() -> Iterator[None]:
    yield
    foreign.install("", "")


def test_our_own_messages_pass_as_they_are() -> None:
    """And what is no JSON at all is Celery's to refuse."""
    for body in (task_message(Pointer(job_id="a", generation=1)), "hello"):
        message = {**NOTICE, "Body": body}
        assert foreign.translate(message) == message


def test_without_a_wish_it_is_refused_with_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """Which names the setting."""
    with caplog.at_level(logging.ERROR):
        assert foreign.translate(NOTICE) is None
    (record,) = caplog.records
    assert record.message == "message-refused"
    assert "RUGBYTX_LEGACY_BODY" in vars(record)["reason"]


def test_with_a_pattern_it_is_a_submission() -> None:
    """The receipt stays the message's own, so that it is acknowledged once the job is recorded."""
    foreign.install("s3://{bucket}/{video.key}", "clip")
    readable = foreign.translate(NOTICE)
    assert readable
    assert (readable["ReceiptHandle"], readable["MessageId"]) == ("r1", "m1")
    envelope = json.loads(readable["Body"])
    assert envelope["headers"]["task"] == SUBMISSION
    assert json.loads(envelope["body"])[1] == {"source": "s3://b/a b.mp4", "profile": "clip"}


@pytest.mark.parametrize(
    ("pattern", "field"),
    [
        ("s3://{bucket}/{key}", "key"),
        ("s3://{bucket}/{video}", "video"),
        ("s3://{bucket.name}/x", "bucket.name"),
    ],
)
def test_what_does_not_fit_is_refused_and_not_guessed_at(
    pattern: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the field that is missing, or is no text."""
    foreign.install(pattern, "match")
    with caplog.at_level(logging.ERROR):
        assert foreign.translate(NOTICE) is None
    assert field in vars(caplog.records[0])["reason"]
