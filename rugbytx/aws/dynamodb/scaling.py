"""The latest scaling decision in DynamoDB: gates read a small item of it, people the large one."""

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import (
    DECISION_SK,
    SCALING_PK,
    TOLD_SK,
    decision_item,
    parse_decision,
    parse_target,
    target_item,
)
from rugbytx.aws.dynamodb.table import Table
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.ports.store import ScalingDecisions


class DynamoScalingDecisions(ScalingDecisions):
    """``ports.store.ScalingDecisions`` in DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record(self, target: WorkerTarget, *, decision: str) -> None:
        # The whole first: what gates obey can be explained.
        for item in (decision_item(decision), target_item(target)):
            self._table.put(item, condition=condition.FREE_OR_KNOWN, values=condition.WORDS)

    def read_desired(self) -> WorkerTarget | None:
        item = self._table.get(SCALING_PK, TOLD_SK)
        return next(self._table.reader.read_all([item] if item else [], parse_target), None)

    def read(self) -> str:
        item = self._table.get(SCALING_PK, DECISION_SK)
        return next(self._table.reader.read_all([item] if item else [], parse_decision), "")
