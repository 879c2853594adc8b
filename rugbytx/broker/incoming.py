"""What Celery sees of the queue: messages that are made here, anew, from what was parsed, and no others.

A message that is none of ours is refused with a sentence and left to SQS, which
moves it to the dead-letter queue: none is lost, and none is guessed at.  One of
a newer version is left hidden likewise, for a newer worker.
"""

import logging
import os
import signal
from collections.abc import Mapping
from typing import Any

from rugbytx.aws.sqs.message import submission_message, task_message
from rugbytx.aws.sqs.message_parser import WRITTEN_BY_NEWER, AcceptedBodies, parse
from rugbytx.core.job.job import Pointer
from rugbytx.errors import MessageRefused
from rugbytx.settings import Settings

log = logging.getLogger(__name__)

_accepted = AcceptedBodies()


def install(accepted: AcceptedBodies) -> None:
    """Accept these messages from the next receive on."""
    global _accepted  # noqa: PLW0603  one a process, as its broker connection is
    _accepted = accepted


def accepted_by(settings: Settings) -> AcceptedBodies:
    """Return which messages are accepted with these settings."""
    return AcceptedBodies(
        pattern=settings.legacy_body,
        profile=settings.legacy_profile,
        submissions=settings.queue_submissions,
        buckets=settings.source_buckets,
    )


def remade(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the message as Celery is to read it, or None where it is refused, having said why.

    Nothing of the sender's is in it but what the model holds.  The task's id is
    SQS's own of the message, so that a log, Flower and SQS speak of the same.
    """
    message_id = str(message["MessageId"])
    try:
        parsed = parse(str(message["Body"]), _accepted)
    except MessageRefused as error:
        level = logging.WARNING if error.reason == WRITTEN_BY_NEWER else logging.ERROR
        fields = {"message_id": message_id, "kind": error.reason, "reason": str(error)}
        log.log(level, "message-refused", extra=fields)
        return None
    if isinstance(parsed, Pointer):
        body = task_message(parsed, task_id=message_id)
    else:
        body = submission_message(parsed.source, parsed.profile, task_id=message_id)
    return {**message, "Body": body}


def leave() -> None:
    """End this worker as a first SIGTERM does, so that whatever started it starts another.

    For a message that was made here and broke Celery all the same: Celery took
    a slot for it before, gives that back to nobody, and would receive less from then on.
    """
    os.kill(os.getpid(), signal.SIGTERM)
