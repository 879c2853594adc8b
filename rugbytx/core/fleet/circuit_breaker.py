"""The breaker: whether a host's encoder is to be left alone for a while.

::

    closed ── UNFIT, or the third SICK within ten minutes ──► open
      ▲                                                        │ five minutes
      └───────────── a trial encode succeeds ◄─────────────────┘
                     (else UNFIT again)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: How many faults of a sick encoder, within how long, open the breaker.
MOST_SICK = 3
WINDOW_S = 600.0
#: How long an open breaker stays open: as long as a failed trial is remembered.
PAUSE_S = 300.0


class FaultKind(StrEnum):
    """How grave a fault is."""

    #: The host has no encoder that it may use: no driver, the wrong ffmpeg, a GPU that is gone.
    UNFIT = "unfit"
    #: The encoder failed, or the disk was full, and may do better next time.
    SICK = "sick"


@dataclass(frozen=True, kw_only=True)
class EncoderFault:
    """One fault of this host's encoder."""

    at: float
    kind: FaultKind
    reason: str


@dataclass(frozen=True, kw_only=True)
class BreakerDecision:
    """Whether the breaker is open, why, and until when."""

    is_open: bool
    reason: str = ""
    until: float = 0.0


def decide(faults: Sequence[EncoderFault], *, now: float) -> BreakerDecision:
    """Return what the faults, in the order of their time, say at ``now``.

    Sick faults stay in the window after a pause, so that an encoder that is not
    well yet opens the breaker by its next one.

    >>> sick = [EncoderFault(at=at, kind=FaultKind.SICK, reason="EncodePicture failed!") for at in (0.0, 9.0, 500.0)]
    >>> decide(sick, now=501.0)
    BreakerDecision(is_open=True, reason='EncodePicture failed!', until=800.0)
    >>> decide(sick[:2], now=501.0).is_open, decide(sick, now=800.0).is_open
    (False, False)
    """
    opened = [fault for number, fault in enumerate(faults) if _opens(faults[: number + 1])]
    if opened and opened[-1].at <= now < opened[-1].at + PAUSE_S:
        return BreakerDecision(is_open=True, reason=opened[-1].reason, until=opened[-1].at + PAUSE_S)
    return BreakerDecision(is_open=False)


def _opens(faults: Sequence[EncoderFault]) -> bool:
    """Return whether the last of these faults opens the breaker."""
    last = faults[-1]
    if last.kind is FaultKind.UNFIT:
        return True
    sick = [fault for fault in faults if fault.kind is FaultKind.SICK and fault.at > last.at - WINDOW_S]
    return len(sick) >= MOST_SICK
