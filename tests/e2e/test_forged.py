"""Every forged message at once to one real worker, honest work beside them, and who may submit by the queue."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.message import SUBMISSION
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
    system.stop_worker(worker)


def test_a_stock_client_and_another_system_submit_where_they_may(system: LocalSystem, clip: Path) -> None:
    """Both settings on: an object of a source bucket becomes a job by either way, and a path by none."""
    connection = systems.connect(system.settings)
    bucket = system.settings.source_buckets[0]
    s3, sqs = client("s3"), client("sqs")
    for key in ("stock.mp4", "other system.mp4"):
        s3.upload_file(str(clip), bucket, key)
    worker = system.start_worker(
        RUGBYTX_QUEUE_SUBMISSIONS="true",
        RUGBYTX_LEGACY_BODY="s3://{bucket}/{video.key|url}",
        RUGBYTX_LEGACY_PROFILE="clip",
    )
    url = sqs.get_queue_url(QueueName=system.settings.queue)["QueueUrl"]
    stock = Celery(broker="sqs://", set_as_current=False)
    stock.conf.broker_transport_options = {
        "region": sqs.meta.region_name,
        "predefined_queues": {"transcode": {"url": url}},
    }
    for source in (f"s3://{bucket}/stock.mp4", "/etc/passwd"):
        stock.send_task(
            SUBMISSION, kwargs={"source": source, "profile": "clip"}, queue="transcode", ignore_result=True
        )
    stock.close()
    body = json.dumps({"bucket": bucket, "video": {"key": "other+system.mp4"}})
    sqs.send_message(QueueUrl=url, MessageBody=body)

    sources = {f"s3://{bucket}/stock.mp4", f"s3://{bucket}/other system.mp4"}
    until = time.monotonic() + WAIT_S
    while True:
        ended = {job.source.url: job for job in connection.store.jobs.list() if not job.is_open}
        kinds = set(refused(worker).values())
        if sources <= ended.keys() and kinds:
            break
        assert not worker.has_ended(), worker.log_tail()
        assert time.monotonic() < until, (ended.keys(), kinds)
        time.sleep(0.1)
    assert {ended[source].status for source in sources} == {Status.SUCCEEDED}
    assert "wrong-arguments" in kinds
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert not any("passwd" in key for key in keys)
