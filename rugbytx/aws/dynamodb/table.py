"""One DynamoDB table: what it is, and single-item writes under a condition.

Expressions name attributes as ``#name`` and values as ``:name``; both maps
are made here, so no reserved word can bite and no expression carries a value.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import translated
from rugbytx.aws.dynamodb.record_reader import RecordReader
from rugbytx.errors import Unreachable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: The attribute that DynamoDB's TTL reads, in whole seconds since 1970.
EXPIRES = "expires_at"
#: The index on a job's status and time; only jobs have both attributes.
STATUS_INDEX = "status"
#: What CreateTable needs besides a name.
TABLE: Mapping[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "job_status", "AttributeType": "S"},
        {"AttributeName": "submitted_at", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": STATUS_INDEX,
            "KeySchema": [
                {"AttributeName": "job_status", "KeyType": "HASH"},
                {"AttributeName": "submitted_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}

#: BatchWriteItem takes no more (its API reference).
BATCH = 25
#: Tries for what a batch left over; the pauses between them add up to about 6 s.
BATCH_TRIES = 8

#: A record as DynamoDB's protocol has it: ``{"fence": {"N": "3"}}``.
Item = dict[str, Any]
Value = str | bool | int | float | frozenset[str]


@dataclass(frozen=True)
class ConditionFailed:
    """A write whose condition did not hold; ``item`` is what stood there, empty where nothing did."""

    item: Item


def attribute(value: Value) -> dict[str, Any]:
    """Return a value with its DynamoDB type.

    A float goes as its shortest exact form and reads back as the same float;
    DynamoDB keeps 38 digits.  An empty set has no form at all.

    >>> attribute(1700000000.123456), attribute("x"), attribute(frozenset({"b", "a"}))
    ({'N': '1700000000.123456'}, {'S': 'x'}, {'SS': ['a', 'b']})
    """
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case frozenset():
            return {"SS": sorted(value)}
        case _:
            return {"N": repr(value)}


class Table:
    """The table under one name; every method is one request unless it says otherwise, and raises Unreachable."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name
        #: What reads this table's items back.
        self.reader = RecordReader()

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item as it is, by a consistent read."""
        with self._translated():
            answer = self.client.get_item(TableName=self.name, Key=_key(pk, sk), ConsistentRead=True)
        return answer.get("Item")

    def put(
        self, item: Item, *, condition: str, values: Mapping[str, Value] | None = None
    ) -> ConditionFailed | None:
        """Write a whole item if the condition holds."""
        return self._write(
            self.client.put_item, {"Item": item}, ConditionExpression=condition, values=values or {}
        )

    def update(
        self,
        pk: str,
        sk: str,
        *,
        condition: str,
        values: Mapping[str, Value],
        to: Mapping[str, Value | None] | None = None,
        add: Mapping[str, Value] | None = None,
    ) -> ConditionFailed | None:
        """Set attributes ``to`` values, None for none, and ``add`` to numbers and sets, if the condition holds."""
        clauses = []
        values_to = {name: value for name, value in (to or {}).items() if value is not None}
        dropped = [name for name, value in (to or {}).items() if value is None]
        if values_to:
            clauses.append("SET " + ", ".join(f"#{name} = :to_{name}" for name in values_to))
        if dropped:
            clauses.append("REMOVE " + ", ".join(f"#{name}" for name in dropped))
        if add:
            clauses.append("ADD " + ", ".join(f"#{name} :add_{name}" for name in add))
        written = {f"to_{name}": value for name, value in values_to.items()}
        added = {f"add_{name}": value for name, value in (add or {}).items()}
        return self._write(
            self.client.update_item,
            {"Key": _key(pk, sk)},
            UpdateExpression=" ".join(clauses),
            ConditionExpression=condition,
            values={**values, **written, **added},
        )

    def remove(
        self, pk: str, sk: str, *, condition: str, values: Mapping[str, Value] | None = None
    ) -> ConditionFailed | None:
        """Remove an item if the condition holds."""
        return self._write(
            self.client.delete_item, {"Key": _key(pk, sk)}, ConditionExpression=condition, values=values or {}
        )

    def query(self, condition: str, values: Mapping[str, Value], **arguments: Any) -> Iterator[Item]:
        """Yield every item that fits, a request a page; ``arguments`` are Query's own."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name, **_expressions(values, KeyConditionExpression=condition), **arguments
        )
        with self._translated():
            for page in pages:
                yield from page["Items"]

    def delete(self, keys: Sequence[tuple[str, str]]) -> None:
        """Remove items, in batches and in order; removing what is not there is no error."""
        requests = [{"DeleteRequest": {"Key": _key(pk, sk)}} for pk, sk in keys]
        for start in range(0, len(requests), BATCH):
            self._write_batch(requests[start : start + BATCH])

    def _write_batch(self, requests: Any) -> None:
        for attempt in range(BATCH_TRIES):
            with self._translated():
                answer = self.client.batch_write_item(RequestItems={self.name: requests})
            requests = answer["UnprocessedItems"].get(self.name)
            if not requests:
                return
            time.sleep(0.05 * 2**attempt)  # DynamoDB is short of capacity: give it some time
        raise Unreachable(f"DynamoDB left {len(requests)} deletions undone; try again later")

    def _write(
        self, send: Any, what: Any, *, values: Mapping[str, Value], **expressions: str
    ) -> ConditionFailed | None:
        with self._translated():
            try:
                send(
                    TableName=self.name,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **what,
                    **_expressions(values, **expressions),
                )
            except self.client.exceptions.ConditionalCheckFailedException as error:
                answer: dict[str, Any] = {**error.response}
                return ConditionFailed(answer.get("Item", {}))
        return None

    def _translated(self) -> Any:
        return translated(self.client, f"table {self.name}")


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _expressions(values: Mapping[str, Value], **expressions: str) -> dict[str, Any]:
    """Return expressions with the names and values that they use, and only those: DynamoDB refuses others."""
    text = " ".join(expressions.values())
    arguments: dict[str, Any] = dict(expressions)
    arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in re.findall(r"#(\w+)", text)}
    used = set(re.findall(r":(\w+)", text))
    if used:
        arguments["ExpressionAttributeValues"] = {f":{name}": attribute(values[name]) for name in used}
    return arguments
