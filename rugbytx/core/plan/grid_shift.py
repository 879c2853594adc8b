"""Where a source's frames lie between the grid's, and how far they are moved to lie on it."""

from fractions import Fraction

#: A move of less than this part of a grid frame gains nothing: the rounding edge is far enough.
LEAST_MOVE = Fraction(1, 8)
#: Rates that differ by more than this run out of step within a film anyway.
IN_STEP = Fraction(1, 1000)


def move_s(*, start_s: Fraction, source_rate: Fraction | None, rate: Fraction) -> Fraction:
    """Return how far the film is moved, by at most half a source frame either way; 0 is mostly the answer.

    ffmpeg's ``fps`` filter gives each frame to the nearest place of the grid.  A
    clock that starts with the audio may have the video's first frame half-way
    between two places, and timestamps in whole milliseconds (Matroska) then fall
    to either side: frames are lost and doubled.  Measured: of an ordinary 24 fps
    Matroska with AAC at 48 kHz a third of the frames was lost.  Where every
    second frame is dropped, pairs are kept clear of the edges in the same way::

        places        0           1           2           edges lie half-way between them
        24 of 24 fps        x           x           x     on an edge: moved by half a place
        60 of 120 fps x     x     x     x     x           every second one on an edge: moved by a quarter

    ``source_rate`` is None where it is not constant: then there is no lattice to move.

    >>> ms = Fraction(1, 1000)
    >>> move_s(start_s=21 * ms, source_rate=Fraction(24), rate=Fraction(24)) / ms
    Fraction(62, 3)
    >>> move_s(start_s=Fraction(0), source_rate=Fraction(120), rate=Fraction(60)) * 60
    Fraction(1, 4)
    >>> move_s(start_s=Fraction(0), source_rate=Fraction(25), rate=Fraction(25))
    Fraction(0, 1)
    """
    if source_rate is None:
        return Fraction(0)
    of_each = round(source_rate / rate)
    if of_each < 1 or abs(source_rate / rate - of_each) > of_each * IN_STEP:
        return Fraction(0)
    period = Fraction(1, of_each)
    middle = Fraction(1, 2) + period / 2  # as far from the edges as can be
    move = (middle - start_s * rate) % period
    if move > period / 2:
        move -= period
    return move / rate if abs(move) > LEAST_MOVE else Fraction(0)
