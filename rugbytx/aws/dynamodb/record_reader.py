"""Records read back: what cannot be read is set aside, said, and counted, and nothing falls over it.

Whoever may write to the table may write anything, and a person with the console
may, too.  A list goes on without such a record; whoever asks for that very one
is told by RecordUnreadable.  Either way the log says ``record-unreadable`` with
the record's key, and the autoscaler's figure ``RecordsUnreadable`` raises an alarm.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from rugbytx.core.record import SCHEMA
from rugbytx.errors import RecordUnreadable, WrittenByNewer

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What a parser raises for an item that is none of ours.
ODD = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
#: The same record is logged again after this.
AGAIN_S = 3600.0
#: A record counts for so long after it was last met.
COUNTED_S = 600.0
#: More keys are not remembered: the alarm has long been raised.
MOST_KEYS = 1000

Item = dict[str, Any]
_Key = tuple[str, str]


class RecordReader:
    """Reads items of one table.  Threads may share it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: When each unreadable record was last met, and last logged.
        self._met_at: OrderedDict[_Key, float] = OrderedDict()
        self._logged_at: dict[_Key, float] = {}

    def read(self, item: Item, parse: Callable[[Item], T]) -> T:
        """Return what the item says; raises RecordUnreadable, or WrittenByNewer for a newer schema."""
        try:
            schema = schema_of(item)
            if schema <= SCHEMA:
                return parse(item)
        except ODD as error:
            raise self._set_aside(item, error) from error
        kind, _, name = _key(item)[0].partition("#")
        raise WrittenByNewer(
            f"{kind.lower()} {name} was written by a newer rugbytx (schema {schema}); update this host"
        )

    def read_all(self, items: Iterable[Item], parse: Callable[[Item], T]) -> Iterator[T]:
        """Yield what can be read, in order, without what a newer version wrote."""
        for item in items:
            try:
                yield self.read(item, parse)
            except (RecordUnreadable, WrittenByNewer):
                continue

    def count(self) -> int:
        """Return how many records could not be read of late."""
        with self._lock:
            since = self._monotonic() - COUNTED_S
            return sum(met_at >= since for met_at in self._met_at.values())

    def _set_aside(self, item: Item, error: Exception) -> RecordUnreadable:
        key, now = _key(item), self._monotonic()
        with self._lock:
            is_new = now - self._logged_at.get(key, float("-inf")) > AGAIN_S
            self._met_at[key] = now
            self._met_at.move_to_end(key)
            if is_new:
                self._logged_at[key] = now
            while len(self._met_at) > MOST_KEYS:
                forgotten, _ = self._met_at.popitem(last=False)
                self._logged_at.pop(forgotten, None)
        reason = _why(error)
        if is_new:
            log.error("record-unreadable", extra={"pk": key[0], "sk": key[1], "reason": reason})
        return RecordUnreadable(
            f"{_name(item)} cannot be read ({reason}); docs/howto/operate.md says what to do"
        )


def schema_of(item: Item) -> int:
    """Return the item's schema; 0 where none stands.  Raises what is in ``ODD``."""
    return int(item["schema"]["N"]) if "schema" in item else 0


def _key(item: Item) -> _Key:
    """Return the item's key: DynamoDB knows no item without one, and only text in ours."""
    return str(item["pk"]["S"]), str(item["sk"]["S"])


def _name(item: Item) -> str:
    """Return what a person calls the record.

    >>> _name({"pk": {"S": "JOB#7ad4"}, "sk": {"S": "JOB"}})
    'job 7ad4'
    >>> _name({"pk": {"S": "JOB#7ad4"}, "sk": {"S": "UNIT#0001#PLAN"}})
    'job 7ad4: record UNIT#0001#PLAN'
    """
    pk, sk = _key(item)
    kind, _, name = pk.partition("#")
    whole = f"{kind.lower()} {name}".rstrip()
    return whole if sk in {kind, "LEASE"} else f"{whole}: record {sk}"


def _why(error: Exception) -> str:
    """Return what is wrong, in a few words and without the value."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return f"{type(error).__name__}: {str(error)[:200]}"
