"""What becomes of a unit: the table of errors."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx import errors
from rugbytx.core.lease import retry
from rugbytx.core.lease.retry import RetryAction
from rugbytx.core.lease.unit import Charge

TABLE = [
    # error, verdicts before -> action, pause without jitter
    (errors.JobRejected("bad"), 0, RetryAction.FAIL, 0.0),
    (errors.SourceMissing("gone"), 3, RetryAction.FAIL, 0.0),
    (errors.SourceChanged("another"), 0, RetryAction.FAIL, 0.0),
    (errors.UnsupportedMedia("a song"), 0, RetryAction.FAIL, 0.0),
    (errors.TransferError("cut"), 0, RetryAction.RETRY, 2.5),  # 5 s, its lower half
    (errors.TransferError("cut"), 1, RetryAction.RETRY, 10.0),  # 20 s
    (errors.TranscodeError("crash"), 2, RetryAction.RETRY, 40.0),  # 80 s
    (errors.Stalled("still"), 3, RetryAction.RETRY, 160.0),  # 320 s
    (errors.VerificationError("one frame short"), 4, RetryAction.RETRY, 300.0),  # capped at 600 s
    (errors.Unreachable("no answer"), 0, RetryAction.RETRY, 15.0),  # 30 s, its lower half
    (errors.Unreachable("no answer"), 3, RetryAction.RETRY, 15.0),
    (errors.HostUnfit("no encoder"), 3, RetryAction.RELEASE, 30.0),
    (errors.ScratchFull("full"), 3, RetryAction.RELEASE, 30.0),
    (OSError(errno.ENOSPC, "No space left on device", "/scratch"), 0, RetryAction.RELEASE, 30.0),
    (errors.Draining("leaving"), 3, RetryAction.RELEASE, 0.0),
    (errors.LeaseLost("taken"), 0, RetryAction.ABANDON, 0.0),
    (ValueError("a bug"), 0, RetryAction.RETRY, 2.5),
    (KeyError("a bug"), 0, RetryAction.RETRY, 2.5),
]


@pytest.mark.parametrize(("error", "verdicts", "action", "pause_s"), TABLE)
def test_table(error: Exception, verdicts: int, action: RetryAction, pause_s: float) -> None:
    """Each branch of the error tree has one fate."""
    outcome = retry.decide(error, verdicts=verdicts, refusals=0, jitter=0.0)
    assert (outcome.action, outcome.pause_s) == (action, pause_s)
    assert outcome.is_unknown == isinstance(error, (ValueError, KeyError))
    charges = {
        errors.Unreachable: Charge.NOTHING,
        errors.Draining: Charge.LEAVING,
        errors.HostUnfit: Charge.REFUSAL,
        errors.ScratchFull: Charge.REFUSAL,
        OSError: Charge.REFUSAL,
    }
    assert outcome.charge is charges.get(type(error), Charge.VERDICT)


def test_no_unit_goes_round_the_fleet_for_ever() -> None:
    """A unit that host after host refuses waits longer each time, then is charged, and so ends."""
    pauses_s = []
    for refusals in range(retry.MOST_REFUSALS):
        outcome = retry.decide(errors.HostUnfit("no encoder"), verdicts=0, refusals=refusals, jitter=0.0)
        assert (outcome.action, outcome.charge) == (RetryAction.RELEASE, Charge.REFUSAL)
        pauses_s.append(outcome.pause_s)
    assert pauses_s == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0]
    after = retry.decide(errors.HostUnfit("no encoder"), verdicts=0, refusals=retry.MOST_REFUSALS, jitter=0.0)
    assert (after.action, after.charge) == (RetryAction.RELEASE, Charge.VERDICT)


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_no_reason_holds_a_path_of_the_host(number: int) -> None:
    """A job's reason goes to whoever submitted it."""
    error = OSError(number, os.strerror(number), "/scratch/worker-1/source")
    assert "/" not in retry.decide(error, verdicts=0, refusals=0, jitter=0.0).reason


def every_error(root: type[errors.RugbytxError] = errors.RugbytxError) -> list[type[errors.RugbytxError]]:
    """Return the whole tree of errors."""
    return [root, *(found for child in root.__subclasses__() for found in every_error(child))]


@given(
    kind=st.sampled_from(every_error()),
    verdicts=st.integers(min_value=0, max_value=1000),
    refusals=st.integers(min_value=0, max_value=1000),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_total_and_bounded(
    kind: type[errors.RugbytxError], verdicts: int, refusals: int, jitter: float
) -> None:
    """Every error has an outcome, with a sentence, and no pause exceeds the longest."""
    outcome = retry.decide(kind("why"), verdicts=verdicts, refusals=refusals, jitter=jitter)
    assert outcome.reason == "why"
    assert 0 <= outcome.pause_s <= retry.LONGEST_PAUSE_S


@given(st.integers(min_value=0, max_value=20))
def test_pauses_grow(verdicts: int) -> None:
    """A unit that failed more often waits at least as long."""
    error = errors.TransferError("cut")
    shorter = retry.decide(error, verdicts=verdicts, refusals=0, jitter=0.0)
    longer = retry.decide(error, verdicts=verdicts + 1, refusals=0, jitter=0.0)
    assert shorter.pause_s <= longer.pause_s
