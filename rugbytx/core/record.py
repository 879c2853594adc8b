"""The root of every value that is written down somewhere."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

#: The schema number on every record and message.  A reader leaves a newer one alone.
SCHEMA = 1


def read_json(text: str | bytes) -> Any:
    r"""Return what JSON from outside says; raises ValueError for whatever cannot be read, and nothing else.

    The standard library's reader raises RecursionError for deep nesting, and
    passes on lone surrogates, which no UTF-8 can hold.

    >>> read_json('{"a": [1]}')
    {'a': [1]}
    >>> read_json("[" * 1000)
    Traceback (most recent call last):
    ValueError: recursion limit exceeded at line 1 column 202
    """
    return from_json(text.encode() if isinstance(text, str) else text, allow_inf_nan=False)


class Record(BaseModel):
    """A frozen value that crosses a border: the store, a message, a file.

    Fields that this version does not know are ignored, so that an older
    worker can still read what a newer one of the same schema wrote.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, serialize_by_alias=True)


class Versioned(Record):
    """A record of its own in the store or the queue: it carries the number of its schema."""

    schema_number: int = Field(default=SCHEMA, alias="schema")
