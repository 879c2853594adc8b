"""Frames are moved clear of the edges between the grid's places, and no farther than that takes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.plan import grid_shift
from rugbytx.core.plan.planner import STANDARD_RATES

FILM = Fraction(24000, 1001)
NTSC = Fraction(30000, 1001)

MOVES = [
    # when the first frame is shown, the source's rate, the grid's -> grid frames
    (Fraction(0), Fraction(25), Fraction(25), Fraction(0)),
    (Fraction(1, 50), Fraction(25), Fraction(25), Fraction(1, 2)),  # on an edge
    (Fraction(1, 100), Fraction(25), Fraction(25), Fraction(-1, 4)),
    (Fraction(1, 250), Fraction(25), Fraction(25), Fraction(0)),  # a tenth of a frame is near enough
    (Fraction(5), Fraction(24), Fraction(24), Fraction(0)),
    (Fraction(0), Fraction(120), Fraction(60), Fraction(1, 4)),  # every second one would be on an edge
    (Fraction(1, 240), Fraction(120), Fraction(60), Fraction(0)),
    (Fraction(0), Fraction(240), Fraction(60), Fraction(0)),  # an eighth
    (Fraction(1, 60), Fraction(30), Fraction(50), Fraction(0)),  # no lattice of the grid's
    (Fraction(1, 50), None, Fraction(25), Fraction(0)),  # variable
    (Fraction(1, 2), Fraction(1, 10), Fraction(1), Fraction(0)),  # repeated ten times
    (Fraction(1, 2) / NTSC, Fraction(2997, 100), NTSC, Fraction(1, 2)),  # written short
]


@pytest.mark.parametrize(("start_s", "source_rate", "rate", "frames"), MOVES)
def test_a_move(start_s: Fraction, source_rate: Fraction | None, rate: Fraction, frames: Fraction) -> None:
    """Only as far as the nearest place, and only where an edge is near."""
    assert grid_shift.move_s(start_s=start_s, source_rate=source_rate, rate=rate) * rate == frames


@given(
    start_s=st.fractions(min_value=0, max_value=100, max_denominator=90_000),
    rate=st.sampled_from(STANDARD_RATES),
    of_each=st.sampled_from([1, 2]),
    frame=st.integers(min_value=0, max_value=10_000),
    jitter_s=st.fractions(min_value=Fraction(-1, 2000), max_value=Fraction(1, 2000)),
)
def test_whole_milliseconds_never_change_a_frames_place(
    start_s: Fraction, rate: Fraction, of_each: int, frame: int, jitter_s: Fraction
) -> None:
    """After the move, and it is by half a source frame at most and never to before zero."""
    source_rate = rate * of_each
    move_s = grid_shift.move_s(start_s=start_s, source_rate=source_rate, rate=rate)
    assert abs(move_s) <= 1 / source_rate / 2
    assert start_s + move_s >= 0

    def place(shown_s: Fraction) -> int:
        return int((shown_s * rate + Fraction(1, 2)) // 1)

    exact_s = start_s + frame / source_rate + move_s
    assert place(exact_s) == place(exact_s + jitter_s)
