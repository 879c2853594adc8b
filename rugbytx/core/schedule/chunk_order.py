"""Which chunk a lane takes, so that chunks of unlike encoders meet as seldom as can be.

The place where two runs meet is a splice, which costs a player a fresh decoder.
So a lane adds to a run of its own kind where there is one, and begins a new run
as far as it can from those of others::

    A A . . . . . . .     A goes on here ►
    A A . . . . . . B     ◄ and B begins at the other end
    A A A . . . B B B     they meet once
    A . A A . . . B B     a chunk of A's that was given back: A's again, while B has any other

Two kinds of encoder give at most one splice, and at most two more for each lease
that ran out or was given back: taking a chunk beside a run of its own adds none,
and of the runs' gaps each is entered by a stranger once at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class _Gap:
    """Neighbouring chunks that nobody holds, and who made the ones beside them; None at the job's ends."""

    chunks: range
    before: str | None
    after: str | None

    def cost(self, maker: str) -> int:
        """Return how many of the runs beside it are another's, where none is ours."""
        makers = {self.before, self.after} - {None}
        return 0 if maker in makers else sum(beside is not None for beside in (self.before, self.after))

    def pick(self, maker: str, claimable: Sequence[int]) -> int:
        """Return the chunk to take of those that are ``claimable``: beside our run, or far from the others'."""
        if self.before == maker:
            return claimable[0]
        if self.after == maker:
            return claimable[-1]
        if self.before is None:
            return claimable[0]
        return claimable[-1] if self.after is None else claimable[len(claimable) // 2]


def pick(claimable: Sequence[int], held: Mapping[int, str], *, chunks: int, maker: str) -> int:
    """Return which of the ``claimable`` chunks, of which there is one at least, ``maker`` takes.

    ``held`` says by whom the chunks are made that are finished, or under a lease
    that lasts.  The others are free, though not all of them can be claimed yet.

    >>> pick([1, 2, 3], {0: "a"}, chunks=4, maker="a"), pick([1, 2, 3], {0: "a"}, chunks=4, maker="b")
    (1, 3)
    >>> pick([1, 3, 4], {0: "a", 2: "a", 5: "b"}, chunks=6, maker="b")
    4
    """
    gaps = [
        (gap, within)
        for gap in _gaps(held, chunks)
        if (within := [index for index in claimable if index in gap.chunks])
    ]
    gap, within = min(gaps, key=lambda candidate: candidate[0].cost(maker))
    return gap.pick(maker, within)


def _gaps(held: Mapping[int, str], chunks: int) -> Iterator[_Gap]:
    before, first = None, 0
    for index in sorted(held):
        if first < index:
            yield _Gap(chunks=range(first, index), before=before, after=held[index])
        before, first = held[index], index + 1
    if first < chunks:
        yield _Gap(chunks=range(first, chunks), before=before, after=None)
