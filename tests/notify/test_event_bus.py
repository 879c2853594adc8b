"""Events on a bus of EventBridge, as a rule's target gets them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rugbytx.aws.client import client
from rugbytx.aws.eventbridge import EventBridge
from rugbytx.core.notify.notification import Notification, NotificationKind
from rugbytx.errors import NotDelivered
from rugbytx.local.embedded import EmbeddedAws

NOTE = Notification(job_id="7ad4", generation=1, kind=NotificationKind.FAILED, at=0.0, body='{"schema": 1}')
PATTERN = {"source": ["rugbytx"], "detail-type": ["job.failed"]}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of an empty EventBridge."""
    with EmbeddedAws() as aws:
        for name, value in {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }.items():
            monkeypatch.setenv(name, value)
        yield client("events")


def test_a_rule_finds_it_by_its_type(events: Any) -> None:
    """And its target gets the body as the event's detail."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name="games")
    events.put_rule(Name="failed", EventBusName="games", EventPattern=json.dumps(PATTERN), State="ENABLED")
    events.put_targets(Rule="failed", EventBusName="games", Targets=[{"Id": "1", "Arn": arn}])
    EventBridge().deliver("eventbridge:games", NOTE, sent_at=0.0)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == (
        "rugbytx",
        "job.failed",
        {"schema": 1},
    )


def test_what_does_not_answer_is_no_success(events: Any) -> None:
    """Nor is an entry that was refused in an answer that is well."""

    class Refusing:
        meta = events.meta

        def put_events(self, **_: object) -> dict[str, Any]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}

    with pytest.raises(NotDelivered, match="ThrottlingException"):
        EventBridge(Refusing()).deliver("eventbridge:games", NOTE, sent_at=0.0)
