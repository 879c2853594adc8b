"""Clean-ups in DynamoDB: notes of what to look at, in the order in which they are due.

All of them stand in one partition, which a sweep reads from its beginning.  A
job makes one or two in its life, so one partition is enough for a hundred jobs
a second.
"""

from collections.abc import Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import CLEANING_PK, cleaning_item, cleaning_sk, is_known_schema, parse_cleaning
from rugbytx.aws.dynamodb.units import DynamoUnitStore
from rugbytx.core.output.retention import Cleaning


class DynamoCleaningStore(DynamoUnitStore):
    """The clean-ups' part of the store."""

    def clean_later(self, cleaning: Cleaning) -> None:
        """Note a clean-up; noting it twice is noting it once."""
        self._table.put(cleaning_item(cleaning), condition=condition.ABSENT)

    def due_cleanings(self, limit: int) -> Sequence[Cleaning]:
        """Return clean-ups that are due, the longest overdue first; without those of a newer version."""
        items = self._table.query(
            "#pk = :pk AND #sk < :later",
            {"pk": CLEANING_PK, "later": cleaning_sk(int(self.now()) + 1)},
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit},
        )
        return [parse_cleaning(item) for item in items if is_known_schema(item)]

    def cleaned(self, cleaning: Cleaning) -> None:
        """Forget a clean-up that was done, or is noted for later."""
        self._table.delete([(CLEANING_PK, cleaning_sk(cleaning.due_at, cleaning.job_id))])
