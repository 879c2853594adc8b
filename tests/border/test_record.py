"""A table with records that nobody can read: every list, page, command, sweep and decision goes on without them."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from rugbytx import intake, ledger
from rugbytx import system as systems
from rugbytx.autoscaler import Autoscaler
from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.record_reader import AGAIN_S, COUNTED_S, RecordReader
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.cli.fleet import queue as queue_command
from rugbytx.core.cost import usage
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import PLAN
from rugbytx.errors import RecordUnreadable, WrittenByNewer
from rugbytx.local.system import LocalSystem
from rugbytx.notify.notifier import notifier_of
from rugbytx.system import Connection
from rugbytx.upkeep.sweeper import sweep_in_turn
from tests.border.odd_records import items
from tests.fakes.fleet import FakeFleet
from tests.monitor.site import served

pytestmark = pytest.mark.process

RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))
#: More than any command takes on a busy machine.
PATIENCE_S = 120.0
ALL_S = 40 * 86_400.0


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system without workers."""
    with LocalSystem(jetson=0) as local:
        yield local


@pytest.fixture(scope="module")
def job(system: LocalSystem) -> Job:
    """Submit an honest job, begin its plan, and spoil the table round it."""
    connection = systems.connect(system.settings)
    bucket = system.settings.source_buckets[0]
    client("s3").put_object(Bucket=bucket, Key="final.mp4", Body=b"film")
    submitted = intake.accept(
        intake.Request(source=f"s3://{bucket}/final.mp4", profile="clip"), connection
    ).job
    assert connection.store.units.claim(submitted, PLAN, None, owner="w", lease_s=3600)
    dynamodb, table = client("dynamodb"), system.settings.table
    key = {"pk": {"S": f"JOB#{submitted.id}"}}
    honest = dynamodb.get_item(TableName=table, Key={**key, "sk": {"S": "JOB"}})["Item"]
    unit = dynamodb.get_item(TableName=table, Key={**key, "sk": {"S": "UNIT#0001#PLAN"}})["Item"]
    day = usage.day_of(connection.store.now())
    for item in items(day=day, now=connection.store.now(), honest=honest, unit=unit):
        dynamodb.put_item(TableName=table, Item=item)
    return submitted


@pytest.fixture
def connection(system: LocalSystem, job: Job) -> Connection:
    """Return a connection to the spoilt system."""
    del job
    return systems.connect(system.settings)


def test_lists_go_on_without_them(connection: Connection, job: Job, caplog: pytest.LogCaptureFixture) -> None:
    """Each is said once and counted; what stays is what can be read."""
    store = connection.store
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            readable = [*store.jobs.list(limit=1000), *store.jobs.list_open(1000)]
            assert {(each.id, each.generation) for each in readable} >= {(job.id, 1)}
            assert all(isinstance(each, Job) for each in readable)
            assert all(worker.slots >= 0 for worker in store.workers.list())
            store.workers.list_spans(usage.day_of(store.now()))
            store.halts.list()
            assert store.scaling.read_desired() is None
            assert store.scaling.read() == ""
            assert store.cleanups.list_due(20) == []
            store.outbox.list_errands(20, due=True)
            store.audit.read("", limit=20)
    keys = [
        (vars(record)["pk"], vars(record)["sk"])
        for record in caplog.records
        if record.message == "record-unreadable"
    ]
    assert len(keys) == len(set(keys)) == store.unreadable() > 50


def test_whoever_asks_for_such_a_record_is_told(connection: Connection) -> None:
    """A unit that cannot be read must not look like one that nobody claimed."""
    with pytest.raises(RecordUnreadable, match=r"job bare-1 cannot be read \(.*\); docs/howto/operate.md"):
        connection.store.jobs.read("bare-1")
    with pytest.raises(RecordUnreadable, match="record UNIT#0001#PLAN cannot be read"):
        connection.store.units.read("unit-state-0", 1)
    assert connection.store.units.show("unit-state-0", 1) == {}


def test_sweep_autoscaler_and_notifier_go_on(
    connection: Connection, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    """They take their leases over from records that are none, and write their own over what stands there."""
    settings = connection.settings
    with caplog.at_level(logging.WARNING):
        sweep_in_turn(
            connection.store,
            connection.queue,
            connection.storage,
            bucket=settings.output_bucket,
            owner="a",
            sweep_s=1,
        )
        autoscaler = Autoscaler(
            store=connection.store,
            queue=connection.queue,
            storage=connection.storage,
            fleet=FakeFleet(),
            settings=settings,
        )
        recorded = autoscaler.tick("a")
        notifier_of(settings, connection.store).once("a")
    assert recorded
    assert job.id in {fact.job_id for fact in recorded.facts.jobs}
    assert connection.store.scaling.read_desired()
    assert connection.store.scaling.read()
    assert {record.message for record in caplog.records if record.exc_info} == set()
    ledger.report(connection.store, settings, since_s=ALL_S, limit=1000, on_read=lambda *_: None)


def test_pages_are_up(connection: Connection, job: Job) -> None:
    """With the honest job on them."""
    with served(connection) as (visitor, _):
        for path in ("/jobs/data", "/jobs/summary", f"/jobs/{job.id}/data", "/jobs/figures", "/workers", "/"):
            answer = visitor.get(path)
            assert answer.status < 500, (path, answer.text)
        assert job.id in visitor.get("/jobs/data").text
        assert visitor.get("/metrics").status == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--json"),
        ("queue", "--json"),
        ("workers", "--json"),
        ("cost", "--json"),
        ("logs",),
        ("dlq", "list"),
        ("webhooks", "list"),
        ("metrics",),
    ],
    ids=" ".join,
)
def test_commands_go_on(connection: Connection, arguments: tuple[str, ...]) -> None:
    """And none says more than a sentence."""
    del connection
    done = subprocess.run(
        [RUGBYTX, *arguments], env=os.environ, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert "record-unreadable" not in done.stderr


def test_the_queue_command_counts_them(connection: Connection) -> None:
    """As an alarm."""
    summary = queue_command.summarize(connection)
    assert [alarm for alarm in summary["alarms"] if alarm.startswith("records-unreadable: ")]
    assert json.dumps(summary)


def test_a_command_for_such_a_job_is_one_sentence(connection: Connection) -> None:
    """With what is wrong, and where to read on."""
    del connection
    done = subprocess.run(
        [RUGBYTX, "status", "bare-1"],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_presence_that_somebody_forged_gives_way_to_the_workers_own(system: LocalSystem, job: Job) -> None:
    """So that nobody can keep a worker out of sight by writing first under its name."""
    del job
    store = open_store(system.settings.table)
    assert store.leases.acquire("sweep-of-a-test", owner="a", lease_s=10)
    dynamodb = client("dynamodb")
    for odd in (
        {},
        {"schema": {"S": "x"}},
        {"schema": {"N": "1"}},
        {"lease_until": {"S": "z"}, "schema": {"N": "1"}},
    ):
        key = {"pk": {"S": "LEASE#forged"}, "sk": {"S": "LEASE"}}
        dynamodb.put_item(TableName=system.settings.table, Item=cast("Any", {**key, **odd}))
        assert store.leases.acquire("forged", owner="a", lease_s=10), odd


def test_the_same_record_is_said_once_an_hour_and_counted_for_ten_minutes() -> None:
    """However often it is met."""
    clock = [0.0]
    reader = RecordReader(monotonic=lambda: clock[0])
    odd = {"pk": {"S": "WORKER"}, "sk": {"S": "x"}}
    said: list[str] = []
    log = logging.getLogger("rugbytx.aws.dynamodb.record_reader")
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]  # a test's ear
    log.addHandler(handler)
    try:
        for at in (0.0, 1.0, AGAIN_S, AGAIN_S + 1):
            clock[0] = at
            assert list(reader.read_all([odd, odd], lambda item: item["name"])) == []
            assert reader.count() == 1
    finally:
        log.removeHandler(handler)
    assert said == ["record-unreadable"] * 2
    clock[0] += COUNTED_S + 1
    assert reader.count() == 0


def test_a_newer_record_is_no_alarm() -> None:
    """It is left alone, as ever."""
    reader = RecordReader()
    newer = {"pk": {"S": "JOB#a"}, "sk": {"S": "JOB"}, "schema": {"N": "99"}}
    with pytest.raises(WrittenByNewer, match=r"job a was written by a newer rugbytx \(schema 99\)"):
        reader.read(newer, lambda _: None)
    assert reader.count() == 0
