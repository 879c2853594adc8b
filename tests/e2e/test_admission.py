"""A real AWS worker beside a message that it is not wanted for: it does not even ask for it."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import OPEN, Status
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from rugbytx.worker.gate.gate import OPEN as OPEN_GATE
from tests.e2e.conftest import WAIT_S

pytestmark = pytest.mark.process

#: Of the system in which everything is asked for often, so that a receive too many would be seen soon.
QUICK: Mapping[str, Any] = {"RUGBYTX_VIEW_S": "0.2", "RUGBYTX_POLL_WAIT_S": "0"}
CLOSED_S = 600.0


@pytest.fixture
def connection(system: LocalSystem) -> Connection:
    """Return a connection to the running system."""
    return systems.connect(system.settings)


@pytest.fixture
def waiting(system: LocalSystem, connection: Connection, clip: Path) -> Iterator[str]:
    """Return a job that waits, while the autoscaler's word is that nobody of AWS is wanted."""
    say(connection, wanted=0)
    yield intake.accept(intake.Request(source=str(clip), profile="clip"), connection).job.id
    for worker in list(system.workers):
        system.stop_worker(worker)


def say(connection: Connection, *, wanted: int) -> None:
    """Say what the autoscaler would."""
    connection.store.scaling.record(WorkerTarget(at=connection.store.now(), wanted=wanted), decision="")


def seen(connection: Connection) -> Worker | None:
    """Return what the AWS worker says of itself."""
    return next((one for one in connection.store.workers.list() if one.worker_class == "aws"), None)


def receives(connection: Connection) -> int:
    """Return how often the one waiting message has been received, this time not counted."""
    sqs = client("sqs")
    told: Any = sqs.receive_message(
        QueueUrl=sqs.get_queue_url(QueueName=connection.settings.queue)["QueueUrl"],
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
        VisibilityTimeout=0,
        MaxNumberOfMessages=1,
    )
    [message] = told["Messages"]
    return int(message["Attributes"]["ApproximateReceiveCount"]) - 1


def status(connection: Connection, job_id: str) -> Status:
    """Return the job's status."""
    job = connection.store.jobs.read(job_id)
    assert job
    return job.status


def until(holds: Any) -> None:
    """Wait until it holds."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "it never comes to hold"
        time.sleep(0.1)


def test_a_worker_that_is_not_wanted_asks_for_nothing(
    system: LocalSystem, connection: Connection, waiting: str
) -> None:
    """Its gate is closed before every receive, and opens on the autoscaler's word."""
    worker = system.start_worker(WorkerClass.AWS, **QUICK)
    until(lambda: (one := seen(connection)) and one.gate == "not-wanted")
    assert status(connection, waiting) is Status.QUEUED
    assert receives(connection) == 0
    say(connection, wanted=1)
    until(lambda: status(connection, waiting) not in OPEN)
    assert status(connection, waiting) is Status.SUCCEEDED
    assert '"event": "gate-open"' in worker.log.read_text()


@pytest.mark.long
def test_ten_minutes_closed(system: LocalSystem, connection: Connection, waiting: str) -> None:
    """Not one receive, and the message is as fresh as it was."""
    system.start_worker(WorkerClass.AWS, **QUICK)
    until(lambda: (one := seen(connection)) and one.gate == "not-wanted")
    until_at = time.monotonic() + CLOSED_S
    while time.monotonic() < until_at:
        say(connection, wanted=0)
        time.sleep(5)
        one = seen(connection)
        # A busy machine may make it late with its word, or with its look, which closes the gate as well.
        assert one is None or one.gate != OPEN_GATE
    assert receives(connection) == 0
    assert status(connection, waiting) is Status.QUEUED
