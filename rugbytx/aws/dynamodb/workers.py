"""Workers' presence and spans in DynamoDB.

What each worker last said of itself stands in one partition that one query
reads.  A worker writes a few times a minute, so a partition's thousand writes a
second are enough for any fleet; its spans of a day stand in a partition for that
day.
"""

from collections.abc import Callable, Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import (
    WORKER_PK,
    parse_span,
    parse_worker,
    span_item,
    span_pk,
    worker_item,
)
from rugbytx.aws.dynamodb.table import Table
from rugbytx.core.cost.usage import Span
from rugbytx.core.fleet.presence import Worker
from rugbytx.ports.store import Workers


class DynamoWorkers(Workers):
    """``ports.store.Workers`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def announce(self, worker: Worker) -> None:
        self._table.put(worker_item(worker), condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def withdraw(self, name: str) -> None:
        self._table.delete([(WORKER_PK, name)])

    def list(self) -> Sequence[Worker]:
        now = self._now()
        items = self._table.query("#pk = :pk", {"pk": WORKER_PK}, ConsistentRead=True)
        workers = self._table.reader.read_all(items, parse_worker)
        return [worker for worker in workers if worker.until > now]

    def record_span(self, span: Span) -> None:
        self._table.put(span_item(span), condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def list_spans(self, day: str) -> Sequence[Span]:
        items = self._table.query("#pk = :pk", {"pk": span_pk(day)}, ConsistentRead=True)
        return [*self._table.reader.read_all(items, parse_span)]
