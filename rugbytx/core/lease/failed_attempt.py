"""Attempts at a unit that came to nothing: whose they were, why, and what was encoded in vain."""

from enum import StrEnum

from rugbytx.core.fleet.presence import SaidClass
from rugbytx.core.record import Record

#: A unit's record keeps so many, the latest ones.
MOST_KEPT = 16


class Fate(StrEnum):
    """How an attempt ended that came to nothing."""

    #: Its worker was not heard of any more: killed, frozen or cut off.
    SILENT = "silent"
    #: Its worker was told to leave, and gave the unit back.
    LEAVING = "leaving"
    #: It failed, and the unit was charged with it.
    FAILED = "failed"
    #: Its host could not do it.
    REFUSED = "refused"
    #: S3, SQS or DynamoDB did not answer.
    OUTAGE = "outage"
    #: It succeeded, and the job was then pinned to another encoder.
    REDONE = "redone"


class FailedAttempt(Record):
    """One attempt that came to nothing."""

    worker: str
    #: Empty where its worker fell silent before it could say.
    worker_class: SaidClass = None
    fate: Fate
    #: Frames that it is known to have encoded: those of its last heartbeat, where it fell silent.
    frames: int = 0
    #: How long it took; 0 where it fell silent.
    elapsed_s: float = 0.0
