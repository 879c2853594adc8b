"""Every forged message at once to one real worker, and honest work beside them."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.queue import BATCH
from rugbytx.core.job.job import Status
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from tests.border.forged import READ, Forged, table
from tests.e2e.conftest import WAIT_S, wait_for

pytestmark = pytest.mark.process

#: SQS takes no longer message; those rows are read in tests/border alone.
LONGEST_BODY = 262_144


def send(system: LocalSystem, rows: list[Forged]) -> Mapping[str, Forged]:
    """Send every row as a message of its own; return them by SQS's ids."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=system.settings.queue)["QueueUrl"]
    return {sqs.send_message(QueueUrl=url, MessageBody=row.body)["MessageId"]: row for row in rows}


def logged(worker: LocalWorker) -> list[dict[str, Any]]:
    """Return what a worker logged so far."""
    lines = worker.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def refused(worker: LocalWorker) -> dict[str, str]:
    """Return the ids of the messages that a worker refused, and of which kind each was."""
    return {
        event["message_id"]: event["kind"] for event in logged(worker) if event["event"] == "message-refused"
    }


def test_no_forged_message_stops_a_worker(system: LocalSystem, clip: Path) -> None:
    """All are read or refused, an honest job SUCCEEDS beside them, and the worker is idle in the end.

    A message with a far ETA is held by nobody, so that an AWS worker may go.
    """
    connection = systems.connect(system.settings)
    worker = system.start_worker()
    rows = [row for row in table() if len(row.body) <= LONGEST_BODY]
    assert len(rows) >= 78 > BATCH
    sent = send(system, rows)
    accepted = intake.accept(intake.Request(source=str(clip), profile="clip"), connection)
    ended = wait_for(connection, accepted.job, lambda job, _units: not job.is_open)
    assert ended.status is Status.SUCCEEDED, ended.reason

    to_refuse = {message_id: row.refusal for message_id, row in sent.items() if row.refusal != READ}
    until = time.monotonic() + WAIT_S
    while True:
        depth = connection.queue.depth()
        present = connection.store.workers.list()
        is_over = depth.visible + depth.in_flight + connection.queue.dead_depth().visible == len(to_refuse)
        if is_over and refused(worker).keys() == to_refuse.keys() and present and not present[0].busy:
            break
        assert not worker.has_ended(), worker.log_tail()
        assert time.monotonic() < until, f"{depth}, refused {len(refused(worker))} of {len(to_refuse)}"
        time.sleep(0.1)
    assert refused(worker) == to_refuse
    assert not worker.has_ended()
    broken = [event for event in logged(worker) if event["event"] == "message-broke" or "traceback" in event]
    assert broken == []
    bucket = system.settings.source_buckets[0]
    listed = client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    assert [entry["Key"] for entry in listed] == [accepted.job.source.key]
