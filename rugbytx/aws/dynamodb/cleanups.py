"""Clean-ups in DynamoDB: one item each, in the order in which they are due.

All of them stand in one partition, which a sweep reads from its beginning.  A
job makes one or two in its life, so one partition is enough for a hundred jobs
a second.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import CLEANING_PK, cleaning_item, cleaning_sk, parse_cleaning
from rugbytx.aws.dynamodb.table import Table
from rugbytx.core.output.retention import Cleaning
from rugbytx.ports.store import Cleanups


class DynamoCleanups(Cleanups):
    """``ports.store.Cleanups`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def schedule(self, cleaning: Cleaning) -> None:
        self._table.put(cleaning_item(cleaning), condition=condition.ABSENT)

    def list_due(self, limit: int) -> Sequence[Cleaning]:
        items = self._table.query(
            "#pk = :pk AND #sk < :later",
            {"pk": CLEANING_PK, "later": cleaning_sk(int(self._now()) + 1)},
            ConsistentRead=True,
            PaginationConfig={"PageSize": limit},
        )
        return [*islice(self._table.reader.read_all(items, parse_cleaning), limit)]

    def forget(self, cleaning: Cleaning) -> None:
        self._table.delete([(CLEANING_PK, cleaning_sk(cleaning.due_at, cleaning.job_id))])
