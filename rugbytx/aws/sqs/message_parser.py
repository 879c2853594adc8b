"""What a message of the queue says: one parser for whoever reads it, the worker and the dead-letter commands.

::

    body ─► plain JSON or Base64 of it
              ├── Celery's envelope ─► rugbytx.transcode ─► Pointer
              │                        rugbytx.submit    ─► Submission, where RUGBYTX_QUEUE_SUBMISSIONS is on
              ├── another system's  ─► by the pattern RUGBYTX_LEGACY_BODY ─► Submission
              └── anything else     ─► MessageRefused: left to SQS, whose redrive policy dead-letters it

Of Celery's envelope the task's name and its keyword arguments are read, and
nothing else: whoever may send to the queue could otherwise have Celery do what
a header asks, e.g. wait until 2099 or call back.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rugbytx.aws.sqs import foreign_message
from rugbytx.aws.sqs.message import SUBMISSION, TASK
from rugbytx.core.job.job import Pointer
from rugbytx.core.record import SCHEMA, Record, read_json
from rugbytx.errors import JobRejected, MessageRefused

#: Why a message is refused; the sentence beside it says more.
NO_JSON = "no-json"
NO_ENVELOPE = "no-envelope"
UNKNOWN_TASK = "unknown-task"
WRONG_ARGUMENTS = "wrong-arguments"
WRITTEN_BY_NEWER = "written-by-newer"
SUBMISSIONS_OFF = "submissions-off"
SOURCE_FORBIDDEN = "source-forbidden"
LEGACY_BODY_OFF = "legacy-body-off"
LEGACY_BODY_UNFIT = "legacy-body-unfit"

_SET_PATTERN = "it is no pointer of rugbytx; RUGBYTX_LEGACY_BODY can say where in it bucket and key stand"
_SET_SUBMISSIONS = "it is a submission, and RUGBYTX_QUEUE_SUBMISSIONS is off"


class Submission(Record):
    """A request to submit an object that is there already; never a path."""

    source: str = Field(pattern=r"^s3://[^/]+/.+", max_length=1200)
    profile: str = Field(min_length=1, max_length=64)


@dataclass(frozen=True, kw_only=True)
class AcceptedBodies:
    """What is accepted besides pointers; by default nothing."""

    #: ``RUGBYTX_LEGACY_BODY``, and the profile of what it submits.
    pattern: str = ""
    profile: str = "match"
    #: Whether ``rugbytx.submit`` is.
    submissions: bool = False
    #: Where a submission's object may lie.
    buckets: tuple[str, ...] = ()


class _Headers(BaseModel):
    model_config = ConfigDict(strict=True)

    task: str


class _Properties(BaseModel):
    model_config = ConfigDict(strict=True)

    #: How the inner body is written; kombu says nothing for plain text.
    body_encoding: Literal["base64"] | None = None


class _Envelope(BaseModel):
    """What is read of Celery's message; the protocol is https://docs.celeryq.dev/en/stable/internals/protocol.html."""

    model_config = ConfigDict(strict=True)

    body: str
    headers: _Headers
    properties: _Properties


def parse(body: str, accepted: AcceptedBodies) -> Pointer | Submission:
    """Return what the body of a message says; raises MessageRefused, and nothing else.

    >>> parse('{"bucket": "b", "key": "k.mp4"}', AcceptedBodies(pattern="s3://{bucket}/{key}", buckets=("b",)))
    Submission(source='s3://b/k.mp4', profile='match')
    """
    value = _json_of(body)
    if isinstance(value, dict) and {"headers", "properties"} <= value.keys():
        return _celery_message(value, accepted)
    return _foreign_message(value, accepted)


def pointer_in(body: str) -> Pointer | None:
    """Return the pointer that a message's body carries, or None where it carries none.

    >>> pointer_in("hello") is None
    True
    """
    try:
        message = parse(body, AcceptedBodies())
    except MessageRefused:
        return None
    return message if isinstance(message, Pointer) else None


def _json_of(body: str) -> Any:
    """Return the JSON that stands in a body, as it is or in Base64, as kombu writes it by default."""
    try:
        return read_json(body)
    except ValueError as error:
        refusal = str(error)
    try:
        return read_json(base64.b64decode(body, validate=True))
    except (ValueError, binascii.Error) as error:
        raise MessageRefused(f"it is no JSON: {refusal}", reason=NO_JSON) from error


def _celery_message(value: Mapping[str, Any], accepted: AcceptedBodies) -> Pointer | Submission:
    try:
        envelope = _Envelope.model_validate(value)
    except ValidationError as error:
        raise MessageRefused(f"it is no message of Celery's: {_first(error)}", reason=NO_ENVELOPE) from error
    match envelope.headers.task:
        case task if task == TASK:
            return _pointer(_arguments(envelope))
        case task if task == SUBMISSION:
            return _submission(_arguments(envelope), accepted)
        case task:
            raise MessageRefused(f"there is no task {task[:100]!r}", reason=UNKNOWN_TASK)


def _arguments(envelope: _Envelope) -> dict[str, Any]:
    """Return a task's keyword arguments; what Celery's message embeds besides them is not read."""
    text: str | bytes = envelope.body
    try:
        if envelope.properties.body_encoding:
            text = base64.b64decode(text, validate=True)
        value = read_json(text)
    except (ValueError, binascii.Error) as error:
        raise MessageRefused(f"its task's arguments are no JSON: {error}", reason=NO_JSON) from error
    match value:
        case [[], dict(keywords), *_]:
            return keywords
        case [[_, *_], *_]:
            raise MessageRefused("its task's arguments have no names", reason=WRONG_ARGUMENTS)
        case _:
            raise MessageRefused("its body holds no task's arguments", reason=WRONG_ARGUMENTS)


def _pointer(fields: Mapping[str, Any]) -> Pointer:
    schema = fields.get("schema", fields.get("schema_number"))
    if isinstance(schema, int) and schema > SCHEMA:
        raise MessageRefused(
            f"it was written by a newer rugbytx (schema {schema}); update this host", reason=WRITTEN_BY_NEWER
        )
    try:
        return Pointer.model_validate(fields, strict=True)
    except ValidationError as error:
        raise MessageRefused(f"it is no pointer: {_first(error)}", reason=WRONG_ARGUMENTS) from error


def _submission(fields: Mapping[str, Any], accepted: AcceptedBodies) -> Submission:
    if not accepted.submissions:
        raise MessageRefused(_SET_SUBMISSIONS, reason=SUBMISSIONS_OFF)
    return _allowed(fields, accepted)


def _foreign_message(value: Any, accepted: AcceptedBodies) -> Submission:
    if not isinstance(value, dict):
        raise MessageRefused("it is no JSON object", reason=NO_ENVELOPE)
    if not accepted.pattern:
        raise MessageRefused(_SET_PATTERN, reason=LEGACY_BODY_OFF)
    try:
        source = foreign_message.source_of(value, accepted.pattern)
    except JobRejected as error:
        raise MessageRefused(str(error), reason=LEGACY_BODY_UNFIT) from error
    return _allowed({"source": source, "profile": accepted.profile}, accepted)


def _allowed(fields: Mapping[str, Any], accepted: AcceptedBodies) -> Submission:
    """Return the submission; raises MessageRefused for what is no object of a source bucket."""
    try:
        submission = Submission.model_validate(fields, strict=True)
    except ValidationError as error:
        raise MessageRefused(f"it is no submission: {_first(error)}", reason=WRONG_ARGUMENTS) from error
    bucket = submission.source.removeprefix("s3://").partition("/")[0]
    if bucket not in accepted.buckets:
        raise MessageRefused(
            f"bucket {bucket[:63]} may not be read; RUGBYTX_SOURCE_BUCKETS allows {', '.join(accepted.buckets)}",
            reason=SOURCE_FORBIDDEN,
        )
    return submission


def _first(error: ValidationError) -> str:
    """Return what is wrong first, without the value, which may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg'].lower()}" if where else first["msg"].lower()
