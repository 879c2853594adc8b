"""Workers' presence in DynamoDB: what each last said of itself, in one partition that one query reads.

A worker writes a few times a minute, so a partition's thousand writes a second
are enough for any fleet.
"""

from collections.abc import Sequence

from rugbytx.aws import condition
from rugbytx.aws.cleaning_store import DynamoCleaningStore
from rugbytx.aws.item import WORKER_PK, is_known_schema, parse_worker, worker_item
from rugbytx.core.presence import Worker


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
