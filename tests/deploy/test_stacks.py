"""What the templates make is what the system runs on, and nobody may do more than they do."""

import json
import math
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from celeryconfig import base
from rugbytx.aws.dynamodb.table import EXPIRES, TABLE
from rugbytx.aws.sqs.event_queue import RETENTION_S as EVENT_RETENTION_S
from rugbytx.aws.sqs.event_queue import event_queue
from rugbytx.aws.sqs.message import task_message
from rugbytx.core.job.job import Pointer
from rugbytx.core.record import SCHEMA
from rugbytx.doctor import first_day
from rugbytx.local import resources
from rugbytx.local.fleet import LocalWorker
from rugbytx.settings import Settings
from rugbytx.worker.shutdown import watchdog
from tests.deploy import component, operator
from tests.deploy.component import client
from tests.deploy.conftest import LEGACY, TIMES, Deployed, wait_for_line, wait_until
from tests.deploy.recorder import Call, needless, refused
from tests.deploy.roles import HOLDERS, policies, statements
from tests.deploy.stacks import smallest
from tests.deploy.template import AWS
from tests.footage import film

pytestmark = [
    pytest.mark.process,
    # What moto does not model is on a list of its own, see test_unmodelled.
    pytest.mark.filterwarnings("ignore:Tried to parse"),
]


def messages(deployed: Deployed, url: str) -> int:
    """Return how many messages a queue has, waiting or in somebody's hands."""
    counts = client(deployed, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(counts[name]) for name in counts if name.startswith("ApproximateNumberOf"))


def test_env_prints_what_the_stacks_made(deployed: Deployed) -> None:
    """As lines for a file and for a shell; every name is a setting, and each value is there."""
    read = Settings.model_validate(
        {name.removeprefix("RUGBYTX_").lower(): value for name, value in deployed.settings.items()}
    )
    assert (read.queue, read.table) == ("rugbytx-transcode", "rugbytx")
    assert read.output_bucket == "rugbytx-output-123456789012-eu-west-1"
    lines = deployed.run("env", "--from-stack", "rugbytx-data", "--export", principal="deployer").stdout
    assert "export RUGBYTX_QUEUE=rugbytx-transcode\n" in lines
    absent = deployed.run("env", "--from-stack", "rugbytx-date", principal="deployer")
    assert (absent.returncode, absent.stdout) == (3, "")
    assert "there is no stack rugbytx-date in eu-west-1" in absent.stderr


def test_the_queue_is_the_one_that_workers_expect(deployed: Deployed) -> None:
    """Its times are those of the settings, and it is what the local system makes for itself."""
    sqs = client(deployed, "sqs")
    url = sqs.get_queue_url(QueueName=deployed.settings["RUGBYTX_QUEUE"])["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(found["VisibilityTimeout"]) == math.ceil(Settings().visibility_s)
    assert int(found["MessageRetentionPeriod"]) == resources.RETENTION_S
    assert int(found["ReceiveMessageWaitTimeSeconds"]) == base.broker_transport_options["wait_time_seconds"]
    redrive = json.loads(found["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == resources.MAX_RECEIVES
    assert redrive["deadLetterTargetArn"].endswith(resources.dead_letter_queue("rugbytx-transcode"))
    url = sqs.get_queue_url(QueueName=event_queue(deployed.settings["RUGBYTX_QUEUE"]))["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(found["MessageRetentionPeriod"]) == EVENT_RETENTION_S


def test_the_table_is_the_one_that_the_store_expects(deployed: Deployed) -> None:
    """Keys, index and the attribute that ends a record's life are the code's own."""
    dynamodb = client(deployed, "dynamodb")
    found = dynamodb.describe_table(TableName=deployed.settings["RUGBYTX_TABLE"])["Table"]
    assert found["KeySchema"] == TABLE["KeySchema"]
    assert sorted(found["AttributeDefinitions"], key=str) == sorted(TABLE["AttributeDefinitions"], key=str)
    (index,) = found["GlobalSecondaryIndexes"]
    (wanted,) = TABLE["GlobalSecondaryIndexes"]
    assert {key: index[key] for key in wanted} == wanted
    assert found["BillingModeSummary"]["BillingMode"] == TABLE["BillingMode"]
    # The emulator does not take the end of a record's life from a template.
    (table,) = smallest()["data"].of_type("AWS::DynamoDB::Table").values()
    assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRES, "Enabled": True}


#: What a later version has written: a job whose record nobody here can read.
LATER = {
    "pk": {"S": "JOB#later"},
    "sk": {"S": "JOB"},
    "schema": {"N": str(SCHEMA + 1)},
    "job_status": {"S": "RUNNING"},
    "submitted_at": {"N": "1800000000"},
    "wake_at": {"N": "0"},
}


@pytest.fixture(scope="module")
def later(deployed: Deployed) -> str:
    """Put a later version's job into the table and its pointer into the queue; return the queue's URL."""
    client(deployed, "dynamodb").put_item(TableName=deployed.settings["RUGBYTX_TABLE"], Item=LATER)
    sqs = client(deployed, "sqs")
    url = str(sqs.get_queue_url(QueueName=deployed.settings["RUGBYTX_QUEUE"])["QueueUrl"])
    pointer = Pointer.model_validate({"schema": SCHEMA + 1, "job_id": "later", "generation": 1})
    sqs.send_message(QueueUrl=url, MessageBody=task_message(pointer))
    return url


@pytest.fixture(scope="module")
def finished(
    deployed: Deployed, worker: LocalWorker, later: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Submit a film as the upload service, and let the worker do it."""
    assert later
    source = film(tmp_path_factory.mktemp("film") / "kick off.mp4", length_s=4.0, sound=True)
    submitted = deployed.run(
        "submit", str(source), "--profile", "clip", "--watch", "--json", principal="uploader"
    )
    assert submitted.returncode == 0, f"{submitted.stderr}\n{worker.log_tail()}"
    told: dict[str, Any] = json.loads(submitted.stdout.splitlines()[-1])
    return told


def test_the_system_runs_a_job_on_what_the_stacks_made(deployed: Deployed, finished: dict[str, Any]) -> None:
    """From upload to playlist, with nothing but the stacks' own settings."""
    assert finished["status"] == "SUCCEEDED"
    found = client(deployed, "s3").list_objects_v2(
        Bucket=deployed.settings["RUGBYTX_OUTPUT_BUCKET"], Prefix=f"out/{finished['job_id']}/"
    )
    assert [item["Key"] for item in found["Contents"] if "/master-" in item["Key"]]


def test_an_older_worker_leaves_a_newer_record_alone(
    deployed: Deployed, worker: LocalWorker, later: str, finished: dict[str, Any]
) -> None:
    """It does its own job beside it, with a newer environment; the record is as it was, and the pointer is not lost."""
    assert finished["status"] == "SUCCEEDED"
    found = client(deployed, "dynamodb").get_item(
        TableName=deployed.settings["RUGBYTX_TABLE"], Key={key: LATER[key] for key in ("pk", "sk")}
    )
    assert found["Item"] == LATER
    # The finished job's own message goes soon after its job has ended; the later version's stays.
    assert wait_until(lambda: messages(deployed, later) <= 1)
    assert messages(deployed, later) == 1
    log = worker.log.read_text()
    assert '"event": "unknown-setting"' in log
    assert "was written by a newer rugbytx" in log


def test_a_worker_tells_systemd_that_its_loop_turns(
    deployed: Deployed, worker: LocalWorker, systemd: socket.socket
) -> None:
    """Once that it is ready and then again and again; and the file of the health check is there."""
    assert worker.pid
    assert [systemd.recv(100) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]
    assert (Path(deployed.environ["RUGBYTX_SCRATCH"]) / watchdog.FILE).exists()


@pytest.fixture(scope="module")
def adopted(deployed: Deployed, worker: LocalWorker, finished: dict[str, Any]) -> str:
    """Have another system's uploader send a notice of the same film; return the job's profile once it is submitted."""
    assert finished
    bucket, _, key = finished["source"].removeprefix("s3://").partition("/")
    sqs = client(deployed, "sqs")
    url = sqs.get_queue_url(QueueName=deployed.settings["RUGBYTX_QUEUE"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"bucket": bucket, "video": {"key": key}}))
    line = wait_for_line(worker, '"event": "submitted"')
    return str(json.loads(line)["reason"])


def test_the_note_s_own_messages_are_submissions(adopted: str, finished: dict[str, Any]) -> None:
    """With RUGBYTX_LEGACY_BODY; it is the same job, so it is the one that was done already."""
    assert finished["status"] == "SUCCEEDED"
    assert adopted == "same-job-has-ended"


@pytest.fixture(scope="module")
def first_day_told(
    deployed: Deployed,
    worker: LocalWorker,
    finished: dict[str, Any],
    adopted: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> "subprocess.CompletedProcess[str]":
    """Have everybody do what they do, in the life of a job and of a worker; return what the first day's list said."""
    assert adopted
    doctor = deployed.run("doctor", "--json", principal="jetson", RUGBYTX_SCRATCH_FLOOR_BYTES="0")
    assert doctor.returncode == 0, doctor.stdout
    worker.stop()
    operator.look(deployed, finished)
    for option in (("--force",), ("--deadline", "1m")):
        again = deployed.run("submit", finished["source"], "--profile", "clip", *option, principal="uploader")
        assert again.returncode == 0, again.stderr
    component.do_the_rest(deployed, finished, tmp_path_factory.mktemp("rest"))
    operator.act(deployed, finished, tmp_path_factory.mktemp("mine"))
    return deployed.run(
        "doctor", "--first-day", "--json", principal="operator", RUGBYTX_SCRATCH_FLOOR_BYTES="0"
    )


@pytest.fixture(scope="module")
def calls(deployed: Deployed, first_day_told: "subprocess.CompletedProcess[str]") -> dict[str, set[Call]]:
    """Return what each component asked for."""
    assert first_day_told.stdout
    return {name: deployed.recorder.of(name) for name in HOLDERS}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_role_allows_what_its_component_does_and_no_more(calls: dict[str, set[Call]], name: str) -> None:
    """Whatever was asked for is granted, and each grant was needed."""
    grants = policies(name)
    assert refused(calls[name], grants) == []
    assert needless(calls[name], grants) == []


@pytest.mark.parametrize("name", ["uploader", "submitter"])
def test_who_submits_writes_jobs_and_may_write_nothing_else(
    deployed: Deployed, calls: dict[str, set[Call]], name: str
) -> None:
    """No halt, no presence, no clean-up and no decision: each write is granted by its leading key alone."""
    assert calls[name]
    assert {pk.partition("#")[0] for pk in deployed.recorder.written[name]} == {"JOB"}
    writes = [
        statement
        for statement in statements(name)
        if any(str(action).endswith(("PutItem", "UpdateItem")) for action in statement["Action"])
    ]
    assert [statement["Condition"] for statement in writes] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["JOB#*"]}}
    ]


@pytest.mark.parametrize("name", HOLDERS)
def test_the_comparison_sees_each_permission(calls: dict[str, set[Call]], name: str) -> None:
    """Taken away, any one of them is missed; and one that nobody needs is found."""
    grants = policies(name)
    for grant in grants:
        assert refused(calls[name], grants - {grant}), grant
    extra = Call("sqs:PurgeQueue", "arn:aws:sqs:eu-west-1:123456789012:rugbytx-transcode")
    assert needless(calls[name], grants | {extra}) == [extra]


def test_the_first_day_s_list_runs_on_the_stacks(
    deployed: Deployed, first_day_told: "subprocess.CompletedProcess[str]"
) -> None:
    """What a program can try is tried, and what the emulator does not do is found; what people must do is told."""
    done = first_day_told
    told = {found["check"]: found for found in map(json.loads, done.stdout.splitlines())}
    health = {check.name: told[check.name]["health"] for check in first_day.checks(Settings())}
    assert health == {
        "queue times": "ok",
        # The emulator takes neither of these two from a template, and its addresses never end.
        "table life": "fail",
        "table recovery": "fail",
        "parts and ranges": "ok",
        "expiring addresses": "fail",
        "scaling policies": "ok",
        "instance metadata": "ok",
    }, done.stdout
    assert done.returncode == 1
    assert [told[one.name]["health"] for one in first_day.BY_HAND] == ["warn"] * len(first_day.BY_HAND)
    found = client(deployed, "s3").list_objects_v2(
        Bucket=deployed.settings["RUGBYTX_OUTPUT_BUCKET"], Prefix="out/-doctor-/"
    )
    assert "Contents" not in found


def test_the_document_lists_what_was_never_run() -> None:
    """The same list that the first day goes through."""
    text = (AWS.parents[1] / "docs" / "reference" / "tested.md").read_text()
    table = text.partition("<!-- never-run -->")[2].partition("<!-- /never-run -->")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines()[3:] if line.startswith("|")]
    assert rows == [one.name for one in first_day.BY_HAND]


def test_times_are_settings() -> None:
    """The times that make these tests quick are known names."""
    assert {name.removeprefix("RUGBYTX_").lower() for name in TIMES | LEGACY} <= set(Settings.model_fields)
