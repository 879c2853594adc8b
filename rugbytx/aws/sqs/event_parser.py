"""What an event of Celery's says: one parser, by whose model Flower is told of a task.

Flower's state takes an event's fields as they are, as attributes of the task;
its pages then sort, join and match them.  So a field is here with its type, or
it is nowhere.  The fields are those of Celery's task events:
https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from rugbytx.core.record import read_json

#: Longer words are nobody's name.
Name = Annotated[str, Field(min_length=1, max_length=255)]
#: What Flower shows as it is: arguments, results, tracebacks; no message holds more.
Text = Annotated[str, Field(max_length=262_144)]
#: From 1970 to the year 5138; pages make dates of instants.
Instant = Annotated[float, Field(ge=0, le=1e11)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class TaskEvent(BaseModel):
    """An event of a task, as a worker sends it."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    type: Literal[
        "task-sent",
        "task-received",
        "task-started",
        "task-succeeded",
        "task-failed",
        "task-rejected",
        "task-retried",
        "task-revoked",
    ]
    uuid: Name
    hostname: Name
    timestamp: Instant
    clock: Count = 0
    utcoffset: Annotated[float, Field(ge=-24, le=24)] | None = None  # Celery 5.7 says 0.0
    pid: Count | None = None
    name: Name | None = None
    args: Text | None = None
    keywords: Text | None = Field(
        default=None, validation_alias=AliasChoices("kwargs"), serialization_alias="kwargs"
    )
    root_id: Name | None = None
    parent_id: Name | None = None
    retries: Count | None = None
    eta: Text | None = None
    expires: Text | None = None
    exchange: Text | None = None
    routing_key: Text | None = None
    queue: Text | None = None
    result: Text | None = None
    exception: Text | None = None
    traceback: Text | None = None
    runtime: Annotated[float, Field(ge=0, le=1e9)] | None = None


def parse(body: str) -> tuple[list[dict[str, Any]], int]:
    """Return the events of tasks in a message, and how many others were refused; a message may be anything.

    Those of workers are left out uncounted: an older worker sends them, and its
    presence tells the same.

    >>> parse('[{"type": "task-started", "uuid": "u", "hostname": "a", "timestamp": 1.5, "kwargs": [1]}, 7]')
    ([], 2)
    >>> parse('[{"type": "task-started", "uuid": "u", "hostname": "a", "timestamp": 1.5, "utcoffset": 0.0}]')[1]
    0
    >>> parse("[" * 1000)
    ([], 1)
    """
    try:
        value = read_json(body)
    except ValueError:
        return [], 1
    if not isinstance(value, list):
        return [], 1
    events = [_event(fields) for fields in value if not _is_of_a_worker(fields)]
    read = [event for event in events if event is not None]
    return read, len(events) - len(read)


def _event(fields: Any) -> dict[str, Any] | None:
    try:
        return TaskEvent.model_validate(fields).model_dump(exclude_none=True, by_alias=True)
    except ValidationError:
        return None


def _is_of_a_worker(fields: Any) -> bool:
    return isinstance(fields, Mapping) and str(fields.get("type")).startswith("worker-")
