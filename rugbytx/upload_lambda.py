"""The Lambda function behind an upload: submit the object that EventBridge tells of.

``deploy/aws/control.yaml`` says which uploads it is told of, and in which shape:
``{"bucket": ..., "key": ..., "profile": ...}``.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from rugbytx import intake, logs, system

log = logging.getLogger(__name__)


def handler(event: Mapping[str, str], _context: Any = None) -> dict[str, str]:
    """Submit the object; return its job and what became of the request.

    Lambda calls it again for an error, twice and with growing pauses, and tells
    of it in the end; submitting twice is one job.  Raises what ``intake.accept`` raises.
    """
    logs.set_up(logging.INFO, None, sys.stdout)
    source = f"s3://{event['bucket']}/{event['key']}"
    accepted = intake.accept(intake.Request(source=source, profile=event["profile"]), system.here())
    done = {"job_id": accepted.job.id, "action": str(accepted.action), "reason": accepted.reason}
    log.info("submitted", extra={"source": source, **done})
    return done
