"""Which chunk a lane takes: a table of situations, and how often chunks of unlike encoders meet."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.schedule import chunk_order

CASES = [
    # the chunks as they are held ("." for a free one that can be claimed, "-" for one that has to wait), who asks, what
    ("....", "a", 0),
    ("....", "b", 0),
    ("a...", "a", 1),
    ("a...", "b", 3),
    ("a..b", "a", 1),
    ("a..b", "b", 2),
    ("a-.b", "a", 2),
    ("aa.b", "b", 2),
    # the other's gap is left alone as long as there is any of our own
    ("a.a.bb", "b", 3),
    ("a.a.bb", "a", 1),
    ("a.aabb", "b", 1),
    # the first maker's chunks came back, all of them
    ("...b", "a", 0),
    ("...b", "b", 2),
    # a third kind begins in the middle
    ("a.....b", "c", 3),
]


@pytest.mark.parametrize(("row", "maker", "index"), CASES)
def test_pick(row: str, maker: str, index: int) -> None:
    """A lane goes on beside its own run, and begins far from the others'."""
    held = {place: sign for place, sign in enumerate(row) if sign not in ".-"}
    claimable = [place for place, sign in enumerate(row) if sign == "."]
    assert chunk_order.pick(claimable, held, chunks=len(row), maker=maker) == index


def splices(row: str) -> int:
    """Return how often chunks of unlike makers meet."""
    return len(list(groupby(row))) - 1


#: Who asks, and whether on an old look at the job; or which chunk comes back.
turns = st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=60)
losses = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 15)), max_size=6)


@given(st.integers(1, 16), turns, losses)
def test_two_makers_meet_once_and_twice_more_for_each_loss(
    chunks: int, order: list[tuple[str, bool]], lost: list[tuple[int, int]]
) -> None:
    """However two makers take turns, their chunks meet once at most, and twice more for each chunk that came back.

    A lane may decide on what it saw before the last claims: its own claim then
    holds only if that very chunk is still free, as the store sees to.
    """
    held: dict[int, str] = {}
    seen = dict(held)
    came_back = 0
    turn = 0
    for turn, (maker, is_stale) in enumerate([*order, *[("a", False)] * chunks]):
        for at, place in lost:
            if at == turn and place in held:
                del held[place]
                came_back += 1
                # A claim on what was seen before this is refused: the chunk's record has changed.
                seen = dict(held)
        looked = seen if is_stale else dict(held)
        free = [index for index in range(chunks) if index not in looked]
        seen = dict(held)
        if free:
            index = chunk_order.pick(free, looked, chunks=chunks, maker=maker)
            held.setdefault(index, maker)
    while len(held) < chunks:
        free = [index for index in range(chunks) if index not in held]
        held[chunk_order.pick(free, held, chunks=chunks, maker="a")] = "a"
    assert splices("".join(held[index] for index in range(chunks))) <= 1 + 2 * came_back
