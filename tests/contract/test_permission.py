"""Each permission is tried on a server that stands in for AWS; nothing stays behind."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rugbytx import system
from rugbytx.doctor import check
from rugbytx.doctor import system as doctor
from rugbytx.doctor.check import CheckResult, Health
from rugbytx.local import resources
from rugbytx.settings import Settings
from rugbytx.system import Connection

#: By action: the service, and its operation.
OPERATIONS = {
    "sqs:ReceiveMessage": ("sqs", "ReceiveMessage"),
    "sqs:DeleteMessage": ("sqs", "DeleteMessage"),
    "sqs:ChangeMessageVisibility": ("sqs", "ChangeMessageVisibility"),
    "sqs:SendMessage": ("sqs", "SendMessage"),
    "dynamodb:PutItem": ("dynamodb", "PutItem"),
    "dynamodb:UpdateItem": ("dynamodb", "UpdateItem"),
    "dynamodb:DeleteItem": ("dynamodb", "DeleteItem"),
    "dynamodb:BatchWriteItem": ("dynamodb", "BatchWriteItem"),
    "s3:PutObject": ("s3", "PutObject"),
    "s3:DeleteObject": ("s3", "DeleteObject"),
}

Deny = Callable[[str], None]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Return settings whose names no other test uses."""
    name = f"doctor-{abs(hash(request.node.name)) % 10**8}"
    return Settings(queue=name, table=name, source_buckets=(f"{name}-in",), output_bucket=f"{name}-out")


@pytest.fixture
def connection(endpoint: str, settings: Settings) -> Connection:
    """Return a system whose resources are all there."""
    assert endpoint
    resources.create(settings)
    return system.connect(settings)


@pytest.fixture
def deny(connection: Connection) -> Deny:
    """Return a function that has a service refuse an action, as for a role whose policy lacks it."""
    permissions: Any = connection.permissions

    def refuse(action: str) -> None:
        service, operation = OPERATIONS[action]

        def answer(**_: object) -> None:
            said = {
                "Error": {"Code": "AccessDeniedException", "Message": f"not authorized to perform {action}"}
            }
            raise ClientError(said, operation)  # type: ignore[arg-type]

        client = getattr(permissions, f"_{service}")
        client.meta.events.register(f"before-call.{service}.{operation}", answer)

    return refuse


def found(connection: Connection) -> dict[str, CheckResult]:
    """Return what the doctor finds."""
    return {finding.check: finding for finding in check.run(doctor.checks(connection))}


def failures(connection: Connection) -> dict[str, str]:
    """Return what of that is a failure; each has a remedy."""
    bad = [finding for finding in found(connection).values() if finding.health is not Health.OK]
    assert all(finding.remedy for finding in bad)
    return {finding.check: finding.text for finding in bad}


def test_a_system_that_is_well_has_every_permission(connection: Connection, settings: Settings) -> None:
    """And is afterwards as it was."""
    told = found(connection)
    assert {finding.health for finding in told.values()} == {Health.OK}
    assert told["queue permissions"].text.startswith("allowed: ReceiveMessage, DeleteMessage, ")
    assert "PutObject" in told[f"bucket {settings.output_bucket}"].text
    assert "PutObject" not in told[f"bucket {settings.source_buckets[0]}"].text
    assert connection.queue.depth().visible == 0
    assert connection.store.jobs.list() == []
    assert list(connection.storage.list(settings.output_bucket, "")) == []


@pytest.mark.parametrize("action", OPERATIONS)
def test_an_action_that_is_refused_is_named(connection: Connection, deny: Deny, action: str) -> None:
    """By itself, and nothing else is."""
    deny(action)
    assert list(failures(connection).values()) == [f"refused: {action} (AccessDeniedException)"]


@pytest.mark.parametrize("said", ["ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight"])
def test_a_receipt_of_nobody_may_be_refused_in_two_ways(connection: Connection, said: str) -> None:
    """SQS documents both for ChangeMessageVisibility, and its likes answer with either."""

    def answer(**_: object) -> None:
        raise ClientError({"Error": {"Code": said, "Message": "no"}}, "ChangeMessageVisibility")

    permissions: Any = connection.permissions
    permissions._sqs.meta.events.register("before-call.sqs.ChangeMessageVisibility", answer)
    assert failures(connection) == {}


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("gone", ["queue", "table", "output_bucket", "source_buckets"])
def test_what_is_not_there_is_named(settings: Settings, gone: str) -> None:
    """Queue, table or bucket, with the setting to look at."""
    missing = ("no-such",) if gone == "source_buckets" else "no-such"
    told = failures(system.connect(settings.model_copy(update={gone: missing})))
    expected = {
        "queue": {"queue"},
        "table": {"table", "clock"},
        "output_bucket": {"bucket no-such"},
        "source_buckets": {"bucket no-such"},
    }
    assert set(told) == expected[gone]
    assert all("no-such" in text for text in told.values())
