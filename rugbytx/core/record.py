"""The root of every value that is written down somewhere."""

from pydantic import BaseModel, ConfigDict, Field

#: The schema number on every record and message.  A reader leaves a newer one alone.
SCHEMA = 1


class Record(BaseModel):
    """A frozen value that crosses a border: the store, a message, a file.

    Fields that this version does not know are ignored, so that an older
    worker can still read what a newer one of the same schema wrote.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, serialize_by_alias=True)


class Versioned(Record):
    """A record of its own in the store or the queue: it carries the number of its schema."""

    schema_number: int = Field(default=SCHEMA, alias="schema")
