"""Audit trails in DynamoDB: what happened to a job, and to the system.

An entry's key holds all that tells it from others, so that one which is
written twice stands once.  A job's entries stand beside its units; those of the
system have a partition of their own.
"""

from collections.abc import Sequence
from itertools import islice

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import UNIT_DAYS, expires_at, fields_of, job_pk, make_item
from rugbytx.aws.dynamodb.table import EXPIRES, Item, Table
from rugbytx.core.job.audit_trail import SYSTEM, AuditEntry
from rugbytx.ports.store import AuditTrails

TRAIL_PK = "TRAIL"
ENTRY_PREFIX = "ENTRY#"


class DynamoAuditTrails(AuditTrails):
    """``ports.store.AuditTrails`` in DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, job_id: str, entry: AuditEntry) -> None:
        fields = entry.model_dump(mode="json")
        fields[EXPIRES] = expires_at(entry.at, UNIT_DAYS)
        self._table.put(
            make_item(_trail_pk(job_id), _entry_sk(entry), fields),
            condition=condition.FREE_OR_KNOWN,
            values=condition.WORDS,
        )

    def read(self, job_id: str, *, limit: int) -> Sequence[AuditEntry]:
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :entries)",
            {"pk": _trail_pk(job_id), "entries": ENTRY_PREFIX},
            ConsistentRead=True,
            ScanIndexForward=False,
            PaginationConfig={"PageSize": limit},
        )
        entries = [*islice(self._table.reader.read_all(items, parse_entry), limit)]
        return entries[::-1]


def parse_entry(item: Item) -> AuditEntry:
    """Return the item's entry."""
    return AuditEntry.model_validate(fields_of(item))


def _trail_pk(job_id: str) -> str:
    return TRAIL_PK if job_id == SYSTEM else job_pk(job_id)


def _entry_sk(entry: AuditEntry) -> str:
    """Return an entry's sort key: its time in milliseconds, and what tells it from others of that time.

    >>> _entry_sk(AuditEntry(at=1795543200.123, what="unit-done", unit="VIDEO#00003", fence=1))
    'ENTRY#001795543200123#unit-done#VIDEO#00003#1'
    """
    return f"{ENTRY_PREFIX}{int(entry.at * 1000):015d}#{entry.what}#{entry.unit}#{entry.fence}"
