"""When an encoder is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.fleet import circuit_breaker
from rugbytx.core.fleet.circuit_breaker import MOST_SICK, PAUSE_S, WINDOW_S, EncoderFault, FaultKind


def fault(at: float, kind: FaultKind = FaultKind.SICK) -> EncoderFault:
    """Return a fault."""
    return EncoderFault(at=at, kind=kind, reason=f"{kind} at {at:g}")


SICK = [fault(0.0), fault(300.0), fault(599.0)]


@pytest.mark.parametrize(
    ("faults", "now", "is_open"),
    [
        ([], 0.0, False),
        # One that has no encoder is out at once, for five minutes.
        ([fault(10.0, FaultKind.UNFIT)], 10.0, True),
        ([fault(10.0, FaultKind.UNFIT)], 309.9, True),
        ([fault(10.0, FaultKind.UNFIT)], 310.0, False),
        # One that is ill is out with its third fault within ten minutes.
        (SICK[:2], 300.0, False),
        (SICK, 599.0, True),
        (SICK, 599.0 + 300.0, False),
        ([fault(0.0), fault(300.0), fault(600.0)], 600.0, False),
        # After the pause the next one is enough: two others are still in the window.
        ([*SICK, fault(899.0)], 899.0, True),
        ([*SICK, fault(1300.0)], 1300.0, False),
        # Of another boot: the clock began anew.
        ([fault(5000.0, FaultKind.UNFIT)], 100.0, False),
    ],
)
def test_the_breaker_opens_and_closes(faults: list[EncoderFault], now: float, is_open: bool) -> None:
    """By the faults and the time alone."""
    assert circuit_breaker.decide(faults, now=now).is_open is is_open


@given(
    st.lists(st.tuples(st.floats(0, 5000), st.sampled_from(list(FaultKind))), max_size=12), st.floats(0, 6000)
)
def test_it_is_open_only_for_a_reason_and_for_a_while(
    told: list[tuple[float, FaultKind]], now: float
) -> None:
    """An open breaker names a fault within the pause, and what closes it; without faults for a pause it is closed."""
    faults = sorted((fault(at, kind) for at, kind in told), key=lambda one: one.at)
    decision = circuit_breaker.decide(faults, now=now)
    if decision.is_open:
        [cause] = {
            one.at for one in faults if one.reason == decision.reason and one.at + PAUSE_S == decision.until
        }
        assert cause <= now < decision.until
        recent = [one for one in faults if cause - WINDOW_S < one.at <= cause]
        assert any(one.kind is FaultKind.UNFIT for one in recent) or len(recent) >= MOST_SICK
        assert not circuit_breaker.decide(faults, now=faults[-1].at + PAUSE_S).is_open
