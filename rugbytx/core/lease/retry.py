"""What becomes of a unit whose attempt ended in an error."""

import errno
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.lease.unit import Charge
from rugbytx.errors import (
    AttemptFailed,
    Draining,
    HostUnfit,
    JobRejected,
    LeaseLost,
    RugbytxError,
    Unreachable,
)

#: The first pause before another attempt; each further verdict makes it four times as long.
FIRST_PAUSE_S = 5.0
PAUSE_GROWTH = 4.0
LONGEST_PAUSE_S = 600.0

#: A service that does not answer is asked again after this, its upper half jittered, however often:
#: an outage says nothing of the job.
OUTAGE_PAUSE_S = 30.0

#: A unit that a worker hands back because it leaves may be claimed by another at once.
LEAVING_PAUSE_S = 0.0

#: A unit that an unfit host hands back waits until that host's gate has closed, so that it does not take the unit
#: again; each further refusal makes the pause twice as long, because a full disk closes no gate.
UNFIT_PAUSE_S = 30.0
UNFIT_GROWTH = 2.0

#: How many hosts may refuse a unit before it is charged for it: a source that makes every host unfit must not go
#: round the fleet for ever.  It takes three quarters of an hour, so that two broken hosts do not fail a job that a
#: third will do.
MOST_REFUSALS = 8


class RetryAction(StrEnum):
    """What becomes of the unit."""

    #: The unit is FAILED, and the job ends so.
    FAIL = "fail"
    #: The unit waits until ``retry_at``, and carries one verdict more if it is charged.
    RETRY = "retry"
    #: The unit is handed back, and the lane leaves.
    RELEASE = "release"
    #: The unit is somebody else's: nothing is written.
    ABANDON = "abandon"


@dataclass(frozen=True, kw_only=True)
class RetryDecision:
    """What to do with the unit, when it may be claimed again, and the sentence for its record."""

    action: RetryAction
    reason: str
    pause_s: float = 0.0
    charge: Charge = Charge.VERDICT
    #: An error that this tree does not name: worth its traceback in the log.
    is_unknown: bool = False


def decide(  # noqa: PLR0911  one for each kind of error
    error: BaseException, *, verdicts: int, refusals: int, jitter: float
) -> RetryDecision:
    """Return what becomes of the unit.

    ``verdicts`` counts the failed attempts before this one, ``refusals`` those
    that a host could not make; ``jitter`` in
    [0, 1) spreads the pause over its upper half, so that units that failed
    together do not come back together.  The function is total: what it does not
    know is a RETRY, which the number of verdicts bounds.

    >>> decide(AttemptFailed("S3 broke off"), verdicts=1, refusals=0, jitter=0.5).pause_s
    15.0
    >>> decide(HostUnfit("no driver"), verdicts=0, refusals=1, jitter=0.5)
    RetryDecision(action=<RetryAction.RELEASE: 'release'>, reason='no driver', pause_s=60.0, charge=<Charge.REFUSAL: 'refusal'>, is_unknown=False)
    """
    sentence = str(error) or type(error).__name__
    match error:
        case JobRejected():
            return RetryDecision(action=RetryAction.FAIL, reason=sentence)
        case LeaseLost():
            return RetryDecision(action=RetryAction.ABANDON, reason=sentence)
        case Draining():
            return RetryDecision(
                action=RetryAction.RELEASE, reason=sentence, pause_s=LEAVING_PAUSE_S, charge=Charge.LEAVING
            )
        case HostUnfit():
            return _refused(sentence, refusals)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return _refused("this host's disk is full", refusals)
        case Unreachable():
            pause_s = OUTAGE_PAUSE_S * (0.5 + jitter / 2)
            return RetryDecision(
                action=RetryAction.RETRY, reason=sentence, pause_s=pause_s, charge=Charge.NOTHING
            )
        case AttemptFailed():
            return RetryDecision(
                action=RetryAction.RETRY, reason=sentence, pause_s=_pause_s(verdicts, jitter)
            )
        case _:
            return RetryDecision(
                action=RetryAction.RETRY,
                reason=_sentence_of(error),
                pause_s=_pause_s(verdicts, jitter),
                is_unknown=True,
            )


def _refused(sentence: str, refusals: int) -> RetryDecision:
    """Return what becomes of a unit that its host could not do."""
    return RetryDecision(
        action=RetryAction.RELEASE,
        reason=sentence,
        pause_s=min(UNFIT_PAUSE_S * UNFIT_GROWTH ** min(refusals, 10), LONGEST_PAUSE_S),
        charge=Charge.REFUSAL if refusals < MOST_REFUSALS else Charge.VERDICT,
    )


def _sentence_of(error: BaseException) -> str:
    """Return the sentence of an error that the tree does not sort; it names no path of this host.

    >>> _sentence_of(PermissionError(errno.EACCES, "Permission denied", "/scratch/source"))
    'PermissionError: Permission denied'
    """
    sentence = str(error)
    if isinstance(error, RugbytxError) and sentence:
        return sentence
    if isinstance(error, OSError):
        sentence = error.strerror or ""
    return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__


def _pause_s(verdicts: int, jitter: float) -> float:
    """Return the pause before the next attempt: exponential, capped, its upper half jittered.

    >>> [_pause_s(n, 0.0) for n in range(5)]
    [2.5, 10.0, 40.0, 160.0, 300.0]
    """
    whole = min(FIRST_PAUSE_S * PAUSE_GROWTH ** min(verdicts, 10), LONGEST_PAUSE_S)
    return whole * (0.5 + jitter / 2)
