"""Named leases in DynamoDB: an item each, free once its time has run out."""

from collections.abc import Callable

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import LEASE_SK, expires_at, lease_pk, require_known_schema
from rugbytx.aws.dynamodb.table import EXPIRES, Table
from rugbytx.core.record import SCHEMA
from rugbytx.ports.store import Leases

#: A lease that nobody takes any more needs no record: some named leases are a job's own.
LEASE_DAYS = 1


class DynamoLeases(Leases):
    """``ports.store.Leases`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def acquire(self, name: str, *, owner: str, lease_s: float) -> bool:
        now = self._now()
        refused = self._table.update(
            lease_pk(name),
            LEASE_SK,
            condition=condition.IS_FREE,
            values={**condition.WORDS, "owner": owner, "now": now},
            to={
                "owner": owner,
                "lease_until": now + lease_s,
                "schema": SCHEMA,
                EXPIRES: expires_at(now, LEASE_DAYS),
            },
        )
        if refused:
            require_known_schema(refused.item)
        return refused is None

    def release(self, name: str, *, owner: str) -> None:
        # A lease that ends at once is free, and no other write is needed to take it.
        self.acquire(name, owner=owner, lease_s=0)
