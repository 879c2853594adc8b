"""Workers' presence and spans in DynamoDB, and what the autoscaler says to them.

What each worker last said of itself stands in one partition that one query
reads.  A worker writes a few times a minute, so a partition's thousand writes a
second are enough for any fleet; its spans of a day stand in a partition for that
day.  Gates read a small item of a scaling decision,
people the large one.
"""

from collections.abc import Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.cleanups import DynamoCleaningStore
from rugbytx.aws.dynamodb.item import (
    DECISION_SK,
    SCALING_PK,
    TOLD_SK,
    WORKER_PK,
    decision_item,
    is_known_schema,
    parse_span,
    parse_told,
    parse_worker,
    span_item,
    span_pk,
    told_item,
    worker_item,
)
from rugbytx.core.cost.usage import Span
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.scaling.admission import Told


class DynamoPresenceStore(DynamoCleaningStore):
    """The workers' part of the store."""

    def present(self, worker: Worker) -> None:
        """Note what a worker says of itself; the last word stands."""
        self._table.put(worker_item(worker), condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def withdraw(self, name: str) -> None:
        """Forget a worker that leaves."""
        self._table.delete([(WORKER_PK, name)])

    def workers(self) -> Sequence[Worker]:
        """Return the workers that are believed to live; without those of a newer version."""
        now = self.now()
        items = self._table.query("#pk = :pk", {"pk": WORKER_PK}, ConsistentRead=True)
        workers = [parse_worker(item) for item in items if is_known_schema(item)]
        return [worker for worker in workers if worker.until > now]

    def record_span(self, span: Span) -> None:
        """Note how a worker's span stands; the last word stands."""
        self._table.put(span_item(span), condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def spans(self, day: str) -> Sequence[Span]:
        """Return the spans of a UTC day, by a consistent read; without those of a newer version."""
        items = self._table.query("#pk = :pk", {"pk": span_pk(day)}, ConsistentRead=True)
        return [parse_span(item) for item in items if is_known_schema(item)]

    def record_decision(self, told: Told, *, decision: str) -> None:
        """Note a scaling decision whole, then what gates read of it."""
        for item in (decision_item(decision), told_item(told)):
            self._table.put(item, condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def told(self) -> Told | None:
        """Return what the autoscaler said last; None where it never did, or a newer version did."""
        item = self._table.get(SCALING_PK, TOLD_SK)
        return parse_told(item) if item and is_known_schema(item) else None

    def decision(self) -> str:
        """Return the latest scaling decision as it was recorded, or an empty string."""
        item = self._table.get(SCALING_PK, DECISION_SK)
        return str(item["text"]["S"]) if item and is_known_schema(item) else ""
