"""Whether published frames are the source's of the same numbers, by small grey pictures of both.

A score of likeness falls with the encoder's rate as much as with a wrong frame.
In a picture of a few hundred cells what an encoder loses averages out, and what
moves does not::

    grey levels, ladder's rate and a quarter of it     own frame    next frame    12th next
    a cartoon, 24 frames a second                      0.0 - 1.6    0.6 - 4.3     3 - 49
    a street by a fixed camera, while something moves  0.1 - 1.1    0.9 - 7.3     1.3 - 42
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

#: Cells of a small picture, of one byte each.
WIDTH, HEIGHT = 32, 18
#: A single frame so many grey levels off is another one; measured on good encodes: 2.4 at most.
STRANGE = 8.0
#: Another place fits clearly better if it is this part of the difference in its own place, and so much less.
_CLEAR = 0.6
_LEAST = 0.25


@dataclass(frozen=True)
class Pair:
    """Small pictures of one frame, as it was made and as the source has it."""

    made: bytes
    source: bytes

    @cached_property
    def difference(self) -> float:
        """Return how far they are apart, in grey levels."""
        return difference(self.made, self.source)


def difference(picture: bytes, other: bytes) -> float:
    """Return the mean difference of two small pictures, in grey levels.

    >>> difference(bytes([10, 20]), bytes([10, 23]))
    1.5
    """
    return sum(abs(left - right) for left, right in zip(picture, other, strict=True)) / len(picture)


def lateness(pairs: Sequence[Pair], part: range, *, most: int) -> int:
    """Return by how many frames ``part`` shows the source's frames too late; negative for too early.

    Looked for are up to ``most`` frames either way.  Where nothing moves, every
    place fits alike, and the answer is 0.
    """
    # The same frames are looked at for every place, or a cut in the film would decide.
    frames = range(max(part.start, most), min(part.stop, len(pairs) - most))
    if not frames or not most:
        return 0

    def misfit(late: int) -> float:
        return sum(difference(pairs[at].made, pairs[at - late].source) for at in frames) / len(frames)

    here = misfit(0)
    if here <= _LEAST:
        return 0
    there, late = min((misfit(late), late) for late in range(-most, most + 1))
    return late if there < _CLEAR * here and here - there > _LEAST else 0
