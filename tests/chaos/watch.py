"""What the store says, write by write: the table's own stream, read from outside the workers."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from rugbytx.aws.client import client

#: A job's own record, where units have their names.
JOB = "JOB"
#: The unit that looks at the quality of what is published already: none of the work that is waited for.
CHECK = "CHECK"
OPEN = frozenset({"QUEUED", "RUNNING"})
#: Records a request; GetRecords takes up to 1000.
PAGE = 1000
#: Pages that one look reads at most: more than a run ever writes between two looks.
MOST_PAGES = 20

Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write that changed a job's or a unit's record."""

    #: ``time.monotonic`` when it was seen, which is some ten milliseconds late.
    at: float
    job_id: str
    #: The unit's name, or ``JOB``.
    name: str
    generation: int
    before: Fields
    after: Fields

    def turned(self, attribute: str, value: str) -> bool:
        """Return whether this write gave the attribute the value, and it had another."""
        return self.after.get(attribute) == value != self.before.get(attribute)

    @property
    def is_claim(self) -> bool:
        """Return whether this write is somebody's claim of a unit."""
        return self.name != JOB and self.after.get("fence", 0) != self.before.get("fence", 0)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A unit that a worker has claimed and neither finished nor given back."""

    job_id: str
    name: str
    fence: int
    lease_until: float


class Journal:
    """Every change of the table since the journal was opened, and what they add up to."""

    def __init__(self, table: str) -> None:
        """Turn the table's stream on; nothing may have been written before."""
        streams: Any = boto3.client("dynamodbstreams")  # not among the typed clients
        described = client("dynamodb").update_table(
            TableName=table,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        arn = described["TableDescription"]["LatestStreamArn"]
        [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._streams = streams
        self._iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self.changes: list[Change] = []
        self.jobs: dict[str, Fields] = {}
        #: By owner; a worker of one slot has one unit at most.
        self.held: dict[str, Held] = {}
        self.units_done = 0

    def look(self) -> Sequence[Change]:
        """Return the changes since the last look."""
        first = len(self.changes)
        for _ in range(MOST_PAGES):
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=PAGE)
            self._iterator = answer["NextShardIterator"]
            for change in filter(None, map(_change, answer["Records"])):
                self.changes.append(change)
                self._note(change)
            if len(answer["Records"]) < PAGE:
                break
        return self.changes[first:]

    def open_jobs(self) -> list[str]:
        """Return the ids of the jobs that have not ended, in the order of their submission."""
        return [job_id for job_id, job in self.jobs.items() if job["job_status"] in OPEN]

    def _note(self, change: Change) -> None:
        after = change.after
        if change.name == JOB:
            self.jobs[change.job_id] = after
            return
        if change.turned("state", "DONE") and change.name != CHECK:
            self.units_done += 1
        if change.before.get("state") == "LEASED":
            self.held.pop(change.before["owner"], None)
        if after.get("state") == "LEASED":
            self.held[after["owner"]] = Held(
                job_id=change.job_id,
                name=change.name,
                fence=after["fence"],
                lease_until=after["lease_until"],
            )


def _change(record: Mapping[str, Any]) -> Change | None:
    """Return what a stream's record says of a job or a unit; None for other records."""
    written = record["dynamodb"]
    pk, sk = (written["Keys"][name]["S"] for name in ("pk", "sk"))
    if not pk.startswith("JOB#") or not (sk == JOB or sk.startswith("UNIT#")):
        return None
    before, after = (_plain(written.get(image, {})) for image in ("OldImage", "NewImage"))
    _, _, name = sk.split("#", 2) if sk.startswith("UNIT#") else ("", "", JOB)
    return Change(
        at=time.monotonic(),
        job_id=pk.removeprefix("JOB#"),
        name=name,
        generation=int((after or before)["generation"]),
        before=before,
        after=after,
    )


def _plain(image: Mapping[str, Mapping[str, Any]]) -> Fields:
    """Return DynamoDB's typed attributes as plain values."""
    return dict(_attributes(image))


def _attributes(image: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, typed in image.items():
        [(kind, value)] = typed.items()
        number = float(value) if kind == "N" else 0.0
        yield name, (int(number) if number.is_integer() else number) if kind == "N" else value
