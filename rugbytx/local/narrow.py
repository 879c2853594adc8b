"""moto's queries of DynamoDB, asked about one partition and looking at that alone.

moto sorts the whole table for every query, and then looks for the partition: with
ten thousand jobs in it, each look at a job's units takes a tenth of a second.
"""

from collections.abc import Callable
from typing import Any

from moto.dynamodb.models.table import Table


def narrowed(query: Callable[..., Any]) -> Callable[..., Any]:
    """Return moto's ``Table.query``, which is shown only the items that can be meant; the rest is its own.

    To be called with no other request under way: the table is another one meanwhile.
    """

    def narrow(table: Table, hash_key: Any, *arguments: Any, **named: Any) -> Any:
        wanted = named.get("hash_key_conditions") or ()
        # The name of the index is the seventh argument behind the key.
        has_index = len(arguments) > 6 and arguments[6] is not None
        items = _meant(table, wanted) if has_index else [*table.items.get(hash_key, {}).values()]
        table.all_items = lambda: items  # type: ignore[method-assign]  # for this one call
        try:
            return query(table, hash_key, *arguments, **named)
        finally:
            del table.all_items

    return narrow


def _meant(table: Table, wanted: Any) -> list[Any]:
    """Return the items whose attributes are as an index is asked for.

    One condition after the other, so that the first, which decides most, costs little for each item.
    """
    items = [item for partition in table.items.values() for item in partition.values()]
    for name, asked in wanted:
        value = asked.value
        items = [item for item in items if (has := item.attrs.get(name)) is not None and has.value == value]
    return items
