"""What only the DynamoDB store can show: its items and its errors."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.aws.dynamodb.table import Table
from rugbytx.core.job.job import Status
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import PLAN, Charge, Kind, UnitKey
from rugbytx.errors import HostUnfit, SettingsError, Unreachable
from tests.store_bench import CHUNK, LEASE_S, MADE, NO_PROGRESS, NOTHING, OUTPUTS, Bench, connect

DAY_S = 86_400


@pytest.fixture
def raw(endpoint: str, dynamodb: Bench) -> Any:
    """Return the client that the bench's store uses, to look at its items and to spoil them."""
    assert dynamodb.store.now()
    return connect(endpoint).client


def item(raw: Any, sk: str) -> Any:
    """Return an item of job ``a`` as DynamoDB has it."""
    return raw.get_item(TableName="rugbytx", Key={"pk": {"S": "JOB#a"}, "sk": {"S": sk}})["Item"]


def put(raw: Any, sk: str, name: str, value: Any) -> None:
    """Set one attribute of an item of job ``a``."""
    raw.update_item(
        TableName="rugbytx",
        Key={"pk": {"S": "JOB#a"}, "sk": {"S": sk}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


# -- items


def test_records_expire(dynamodb: Bench, raw: Any) -> None:
    """A job stays 400 days after its submission and its end, a unit 30 days after its last write."""
    job = dynamodb.created()
    assert int(item(raw, "JOB")["expires_at"]["N"]) == int(job.submitted_at) + 400 * DAY_S
    lease = dynamodb.claimed(job)
    written_at = int(item(raw, "UNIT#0001#VIDEO#00003")["expires_at"]["N"]) - 30 * DAY_S
    assert written_at == pytest.approx(dynamodb.store.now(), abs=2)
    dynamodb.advance(7 * DAY_S)
    dynamodb.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    renewed_at = int(item(raw, "UNIT#0001#VIDEO#00003")["expires_at"]["N"]) - 30 * DAY_S
    assert renewed_at == pytest.approx(written_at + 7 * DAY_S, abs=2)
    dynamodb.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    ended_at = int(item(raw, "JOB")["expires_at"]["N"]) - 400 * DAY_S
    assert ended_at == pytest.approx(job.submitted_at + 7 * DAY_S, abs=2)


def test_planning_is_a_unit_like_any_other(dynamodb: Bench, raw: Any) -> None:
    """A unit's key sorts by generation, then by its name."""
    dynamodb.claimed(dynamodb.created(), PLAN)
    assert item(raw, "UNIT#0001#PLAN")["state"] == {"S": "LEASED"}


def test_attributes_of_a_neighbour_version_are_ignored(dynamodb: Bench, raw: Any) -> None:
    """A newer version of the same schema may have added attributes, and they survive our writes."""
    job = dynamodb.created()
    put(raw, "JOB", "colour", {"S": "blue"})
    assert dynamodb.read() == job
    dynamodb.store.jobs.start("a", 1)
    assert item(raw, "JOB")["colour"] == {"S": "blue"}


def test_unit_of_a_newer_schema_is_left_alone(dynamodb: Bench, raw: Any) -> None:
    """Nothing is done to a unit that a newer version wrote, and nobody is charged for it."""
    job = dynamodb.created()
    lease = dynamodb.claimed(job)
    seen = dynamodb.unit(job)
    put(raw, "UNIT#0001#VIDEO#00003", "schema", {"N": "2"})
    stands = item(raw, "UNIT#0001#VIDEO#00003")
    store = dynamodb.store
    dynamodb.advance(LEASE_S + 1)
    attempts: list[Callable[[], object]] = [
        lambda: store.units.read("a", 1),
        lambda: store.units.claim(job, CHUNK, seen, owner="aws", lease_s=LEASE_S),
        lambda: store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS),
        lambda: store.units.commit(lease, result=MADE, measured=NOTHING),
        lambda: store.units.give_back(lease, retry_at=0, reason="", charge=Charge.VERDICT, measured=NOTHING),
    ]
    for attempt in attempts:
        with pytest.raises(HostUnfit, match=r"^job a was written by a newer rugbytx"):
            attempt()
    assert item(raw, "UNIT#0001#VIDEO#00003") == stands


def test_units_are_read_page_by_page(dynamodb: Bench) -> None:
    """A match's units fill more than one page of 1 MB, and all of them are read."""
    job = dynamodb.created()
    for index in range(4):
        key = UnitKey(Kind.VIDEO, index)
        dynamodb.store.units.commit(
            dynamodb.claimed(job, key),
            result=TracksResult(fingerprint="x" * 350_000, files=()),
            measured=NOTHING,
        )
    assert len(dynamodb.store.units.read("a", 1)) == 4


def test_left_over_deletions_are_sent_again(raw: Any) -> None:
    """DynamoDB may do a part of a batch only; the rest is sent again until it is done."""
    sizes = []

    def leave_half(parsed: Any, **_: object) -> None:
        sent = sent_requests.pop()
        sizes.append(len(sent))
        parsed["UnprocessedItems"] = {"rugbytx": sent[len(sent) // 2 + 1 :]} if len(sent) > 1 else {}

    sent_requests: list[Any] = []

    def note(params: Any, **_: object) -> None:
        sent_requests.append(params["RequestItems"]["rugbytx"])

    raw.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", note)
    raw.meta.events.register("after-call.dynamodb.BatchWriteItem", leave_half)
    Table(raw, "rugbytx").delete([("JOB#a", str(index)) for index in range(8)])
    raw.meta.events.unregister("provide-client-params.dynamodb.BatchWriteItem", note)
    raw.meta.events.unregister("after-call.dynamodb.BatchWriteItem", leave_half)
    assert sizes == [8, 3, 1]


# -- errors


def test_missing_table_is_named(endpoint: str) -> None:
    """A table that does not exist is one sentence."""
    with pytest.raises(Unreachable) as caught:
        open_store("nowhere").jobs.read("a")
    assert str(caught.value) == f"the DynamoDB table nowhere does not exist at {endpoint}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let clients give up at once: their back-off is botocore's business."""
    monkeypatch.setattr("rugbytx.aws.client.ATTEMPTS", 1)
    return iter(())


@pytest.mark.usefixtures("endpoint", "impatient")
def test_server_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the service, where it was looked for, and what the system said."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = open_store("rugbytx")
    with pytest.raises(Unreachable) as caught:
        store.now()
    assert str(caught.value) == "DynamoDB at http://127.0.0.1:9 does not answer: connection refused"
    with pytest.raises(Unreachable):
        store.jobs.list()


@pytest.mark.usefixtures("endpoint")
def test_missing_credentials_are_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the sentence says so."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Unreachable, match=r"^AWS credentials are missing or expired: "):
        open_store("rugbytx").now()


@pytest.mark.usefixtures("endpoint")
def test_missing_region_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 cannot do without a region, and the sentence says how to set it."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SettingsError, match=r"^no AWS region is configured: set AWS_REGION"):
        client("dynamodb")


def test_our_own_bugs_keep_their_traceback(endpoint: str) -> None:
    """A request that DynamoDB calls invalid is no outage."""
    table = Table(connect(endpoint).client, "rugbytx")
    with pytest.raises(Exception, match="Parameter validation failed"):
        list(table.query("#pk = :pk", {"pk": "a"}, NoSuchArgument=1))


def test_importing_the_store_is_light() -> None:
    """boto3 is imported on first use only."""
    program = "import sys, rugbytx.aws.dynamodb.store; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_what_decides_is_read_consistently(dynamodb: Bench, raw: Any) -> None:
    """The job and its units are never read from a replica that lags behind (``ConsistentRead``)."""
    asked: list[tuple[str, bool]] = []

    def look(params: dict[str, Any], model: Any, **_: Any) -> None:
        asked.append((model.name, bool(params.get("ConsistentRead"))))

    job = dynamodb.created()
    dynamodb.claimed(job)
    events = raw.meta.events
    operations = [f"provide-client-params.dynamodb.{name}" for name in ("GetItem", "Query", "BatchGetItem")]
    for operation in operations:
        events.register(operation, look)
    try:
        assert dynamodb.store.jobs.read("a")
        assert dynamodb.store.units.read("a", 1)
    finally:
        for operation in operations:
            events.unregister(operation, look)
    assert asked
    assert all(consistent for _, consistent in asked), asked
