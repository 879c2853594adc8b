"""Trails and halts in DynamoDB: what happened, and who is asked to receive nothing.

An entry's key holds all that tells it from others, so that one which is
written twice stands once.  A job's entries stand beside its units; those of the
system have a partition of their own, and all halts share another, which every
worker reads every few seconds.
"""

from collections.abc import Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import UNIT_DAYS, expires_at, fields_of, is_known_schema, job_pk, make_item
from rugbytx.aws.dynamodb.table import EXPIRES
from rugbytx.aws.dynamodb.workers import DynamoPresenceStore
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.job.audit_trail import SYSTEM, Entry

TRAIL_PK = "TRAIL"
ENTRY_PREFIX = "ENTRY#"
HALT_PK = "HALT"
#: A halt is taken back by a person; one that was forgotten goes after this.
HALT_DAYS = 400


class DynamoTrailStore(DynamoPresenceStore):
    """The part of the store that is about trails and halts."""

    def write_trail(self, job_id: str, entry: Entry) -> None:
        """Add an entry to the job's trail, or to the system's; the same one twice is one."""
        fields = entry.model_dump(mode="json")
        fields[EXPIRES] = expires_at(entry.at, UNIT_DAYS)
        self._table.put(
            make_item(_trail_pk(job_id), _entry_sk(entry), fields),
            condition=condition.FREE_OR_KNOWN,
            values=condition.WORDS,
        )

    def read_trail(self, job_id: str, *, limit: int) -> Sequence[Entry]:
        """Return the last ``limit`` entries, the first of them first; without those of a newer version."""
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :entries)",
            {"pk": _trail_pk(job_id), "entries": ENTRY_PREFIX},
            ConsistentRead=True,
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit},
        )
        entries = [Entry.model_validate(fields_of(item)) for item in items if is_known_schema(item)]
        return entries[::-1]

    def halt(self, halt: Halt) -> None:
        """Let a halt stand; the first of its kind stays."""
        fields = halt.model_dump(mode="json")
        fields[EXPIRES] = expires_at(halt.at, HALT_DAYS)
        self._table.put(
            make_item(HALT_PK, _halt_sk(halt.scope, halt.name), fields), condition=condition.ABSENT
        )

    def lift(self, scope: Scope, name: str) -> None:
        """Take a halt back; taking back what does not stand is no error."""
        self._table.delete([(HALT_PK, _halt_sk(scope, name))])

    def halts(self) -> Sequence[Halt]:
        """Return the halts that stand, by a consistent read; without those of a newer version."""
        items = self._table.query("#pk = :pk", {"pk": HALT_PK}, ConsistentRead=True)
        return [Halt.model_validate(fields_of(item)) for item in items if is_known_schema(item)]


def _trail_pk(job_id: str) -> str:
    return TRAIL_PK if job_id == SYSTEM else job_pk(job_id)


def _entry_sk(entry: Entry) -> str:
    """Return an entry's sort key: its time in milliseconds, and what tells it from others of that time.

    >>> _entry_sk(Entry(at=1795543200.123, what="unit-done", unit="VIDEO#00003", fence=1))
    'ENTRY#001795543200123#unit-done#VIDEO#00003#1'
    """
    return f"{ENTRY_PREFIX}{int(entry.at * 1000):015d}#{entry.what}#{entry.unit}#{entry.fence}"


def _halt_sk(scope: Scope, name: str) -> str:
    return f"{scope}#{name}"
