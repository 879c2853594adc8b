"""What becomes of a unit whose attempt ended in an error."""

from dataclasses import dataclass
from enum import StrEnum

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

#: What a worker hands back because it leaves, another may claim at once.
LEAVING_PAUSE_S = 0.0

#: What an unfit host hands back waits until its gate has closed, so that it does not take it again.
UNFIT_PAUSE_S = 30.0


class Action(StrEnum):
    """What becomes of the unit."""

    #: The unit is FAILED, and the job ends so.
    FAIL = "fail"
    #: The unit waits until ``retry_at``, and carries one verdict more if it is charged.
    RETRY = "retry"
    #: The unit is handed back uncharged, and the lane leaves.
    RELEASE = "release"
    #: The unit is somebody else's: nothing is written.
    ABANDON = "abandon"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What to do with the unit, when it may be claimed again, and the sentence for its record."""

    action: Action
    reason: str
    pause_s: float = 0.0
    #: Whether this was a verdict on the unit.
    is_charged: bool = True
    #: An error that this tree does not name: worth its traceback in the log.
    is_unknown: bool = False


def decide(error: BaseException, *, verdicts: int, jitter: float) -> Outcome:
    """Return what becomes of the unit.

    ``verdicts`` counts the failed attempts before this one; ``jitter`` in
    [0, 1) spreads the pause over its upper half, so that units that failed
    together do not come back together.  The function is total: what it does not
    know is a RETRY, which the number of verdicts bounds.

    >>> decide(AttemptFailed("S3 broke off"), verdicts=1, jitter=0.5)
    Outcome(action=<Action.RETRY: 'retry'>, reason='S3 broke off', pause_s=15.0, is_charged=True, is_unknown=False)
    """
    sentence = str(error) or type(error).__name__
    match error:
        case JobRejected():
            return Outcome(action=Action.FAIL, reason=sentence)
        case LeaseLost():
            return Outcome(action=Action.ABANDON, reason=sentence)
        case HostUnfit() | Draining():
            pause_s = LEAVING_PAUSE_S if isinstance(error, Draining) else UNFIT_PAUSE_S
            return Outcome(action=Action.RELEASE, reason=sentence, pause_s=pause_s, is_charged=False)
        case Unreachable():
            pause_s = OUTAGE_PAUSE_S * (0.5 + jitter / 2)
            return Outcome(action=Action.RETRY, reason=sentence, pause_s=pause_s, is_charged=False)
        case AttemptFailed():
            return Outcome(action=Action.RETRY, reason=sentence, pause_s=_pause_s(verdicts, jitter))
        case _:
            return Outcome(
                action=Action.RETRY,
                reason=sentence if isinstance(error, RugbytxError) else f"{type(error).__name__}: {sentence}",
                pause_s=_pause_s(verdicts, jitter),
                is_unknown=True,
            )


def _pause_s(verdicts: int, jitter: float) -> float:
    """Return the pause before the next attempt: exponential, capped, its upper half jittered.

    >>> [_pause_s(n, 0.0) for n in range(5)]
    [2.5, 10.0, 40.0, 160.0, 300.0]
    """
    whole = min(FIRST_PAUSE_S * PAUSE_GROWTH ** min(verdicts, 10), LONGEST_PAUSE_S)
    return whole * (0.5 + jitter / 2)
