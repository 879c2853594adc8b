"""The Lambda function behind an upload: submit the object that EventBridge tells of.

``deploy/aws/control.yaml`` says which uploads it is told of, and in which shape:
``{"bucket": ..., "key": ..., "profile": ...}``.
"""

import logging
import sys
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from rugbytx import intake, logs, system
from rugbytx.core.record import Record
from rugbytx.errors import JobRejected

log = logging.getLogger(__name__)


class UploadEvent(Record):
    """An upload, as EventBridge's rule tells of it."""

    model_config = ConfigDict(strict=True)

    bucket: str = Field(min_length=1, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    profile: str = Field(min_length=1, max_length=64)


def parse(event: Any) -> UploadEvent:
    """Return the upload that an event tells of; raises JobRejected for any other event."""
    try:
        return UploadEvent.model_validate(event)
    except ValidationError as error:
        fields = ", ".join(sorted({str(name) for each in error.errors() for name in each["loc"][:1]}))
        raise JobRejected(f"the event tells of no upload: {fields or 'it is no object'}") from error


def handler(event: Any, _context: Any = None) -> dict[str, str]:
    """Submit the object; return its job and what became of the request.

    Lambda calls it again for an error, twice and with growing pauses, and tells
    of it in the end; submitting twice is one job.  Raises what ``intake.accept`` raises.
    """
    logs.set_up(logging.INFO, None, sys.stdout)
    upload = parse(event)
    source = f"s3://{upload.bucket}/{upload.key}"
    accepted = intake.accept(intake.Request(source=source, profile=upload.profile), system.here())
    done = {"job_id": accepted.job.id, "action": str(accepted.action), "reason": accepted.reason}
    log.info("submitted", extra={"source": source, **done})
    return done
