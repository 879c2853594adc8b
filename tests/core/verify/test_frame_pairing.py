"""Frames in other places than their own, told by small pictures."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.verify import frame_pairing
from rugbytx.core.verify.frame_pairing import HEIGHT, WIDTH, Pair

#: What an encoder of a poor rate may add to a cell.
NOISE = 2


def picture(at: int, *, speed: int, noise: int = 0) -> bytes:
    """Return a small picture of a bright bar that moves by so many cells a frame."""
    return bytes(min(255, 200 * ((cell - at * speed) % WIDTH < 6) + noise) for cell in range(WIDTH)) * HEIGHT


def film(shown: Sequence[int], *, speed: int = 1) -> list[Pair]:
    """Return a window of a film that shows these frames."""
    return [
        Pair(picture(frame, speed=speed, noise=NOISE), picture(at, speed=speed))
        for at, frame in enumerate(shown)
    ]


@pytest.mark.parametrize("late", [-10, -3, -1, 0, 1, 5, 10])
def test_lateness_is_found(late: int) -> None:
    """Either way, in the part that is asked for."""
    pairs = film([*range(40), *range(40 - late, 80 - late)])
    assert frame_pairing.lateness(pairs, range(40, 80), most=10) == late
    assert frame_pairing.lateness(pairs, range(40), most=10) == 0


@pytest.mark.parametrize("late", [0, 5])
def test_where_nothing_moves_nothing_is_late(late: int) -> None:
    """Every place fits alike."""
    pairs = film(range(-late, 40 - late), speed=0)
    assert frame_pairing.lateness(pairs, range(40), most=10) == 0


@given(st.integers(0, 30), st.integers(0, 10))
def test_windows_of_any_length_are_borne(length: int, most: int) -> None:
    """A film may be short."""
    assert frame_pairing.lateness(film(range(length)), range(length // 2, length), most=most) == 0
