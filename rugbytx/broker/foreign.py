"""Messages that are no pointers: told apart before Celery sees them, and turned into a submission where that is wished.

An adopted queue may still be filled by the uploader of another system.  Without
``RUGBYTX_LEGACY_BODY`` its messages are refused with a sentence and left to
SQS, which moves them to the dead-letter queue: none is lost, and none is guessed at.
"""

import logging
from collections.abc import Mapping
from typing import Any

from rugbytx.aws.sqs import foreign_message
from rugbytx.aws.sqs.message import submission_message
from rugbytx.errors import JobRejected

log = logging.getLogger(__name__)

HOW = "it is no pointer of rugbytx; RUGBYTX_LEGACY_BODY can say where in it bucket and key stand"


class _Wish:
    """What is to become of them, once a process."""

    pattern = ""
    profile = ""


def install(pattern: str, profile: str) -> None:
    """Turn foreign messages into submissions by this pattern from the next receive on; empty refuses them."""
    _Wish.pattern, _Wish.profile = pattern, profile


def translate(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the message as Celery can read it, or None where it is refused, having said why."""
    body = str(message["Body"])
    if foreign_message.is_ours(body):
        return dict(message)
    reason, source = HOW, ""
    if _Wish.pattern:
        try:
            source = foreign_message.source_of(body, _Wish.pattern)
        except JobRejected as error:
            reason = str(error)
    if not source:
        log.error("message-refused", extra={"message_id": message["MessageId"], "reason": reason})
        return None
    return {**message, "Body": submission_message(source, _Wish.profile)}
