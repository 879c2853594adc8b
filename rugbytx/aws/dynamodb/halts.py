"""Halts in DynamoDB: who is asked to receive nothing.

All of them stand in one partition, which every worker reads every few seconds.
"""

from collections.abc import Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import expires_at, fields_of, make_item
from rugbytx.aws.dynamodb.table import EXPIRES, Item, Table
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.ports.store import Halts

HALT_PK = "HALT"
#: A halt is taken back by a person; one that was forgotten goes after this.
HALT_DAYS = 400


class DynamoHalts(Halts):
    """``ports.store.Halts`` in DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, halt: Halt) -> None:
        fields = halt.model_dump(mode="json")
        fields[EXPIRES] = expires_at(halt.at, HALT_DAYS)
        self._table.put(
            make_item(HALT_PK, _halt_sk(halt.scope, halt.name), fields), condition=condition.ABSENT
        )

    def lift(self, scope: Scope, name: str) -> None:
        self._table.delete([(HALT_PK, _halt_sk(scope, name))])

    def list(self) -> Sequence[Halt]:
        items = self._table.query("#pk = :pk", {"pk": HALT_PK}, ConsistentRead=True)
        return [*self._table.reader.read_all(items, parse_halt)]


def parse_halt(item: Item) -> Halt:
    """Return the item's halt."""
    return Halt.model_validate(fields_of(item))


def _halt_sk(scope: Scope, name: str) -> str:
    return f"{scope}#{name}"
