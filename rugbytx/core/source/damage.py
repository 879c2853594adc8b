"""How much of a source may be missing or damaged before its job is refused.

ffmpeg ends with status 0 on a file that is cut off or full of holes, and the
frame grid would be filled with repeated pictures without a word.  So the loss is
counted, where the source is described and wherever it is decoded.  Up to one
fiftieth is taken, with a warning: a camera that dropped a few packets has still
filmed the match.
"""

from fractions import Fraction

from rugbytx.errors import UnsupportedMedia

#: More than this share of a source's time or frames may not be lost.
MOST_LOST = Fraction(1, 50)
#: A gap in the sound is silence, and less is made of it; most of it is another matter.
MOST_SOUND_LOST = Fraction(1, 10)
#: In a packet of sound: Opus has 960 samples, AAC 1024, the older kinds more.
LEAST_SAMPLES = 960
#: An end that is nearer to the declared one than this is rounding, or a frame that nobody can time.
LEAST_LOST_FRAMES = 2


def cut_off_s(*, declared_s: Fraction | None, end_s: Fraction, frame_s: Fraction) -> Fraction:
    """Return how much is missing at the end of a video that should last ``declared_s``.

    Raises UnsupportedMedia where that is too much.

    >>> cut_off_s(declared_s=Fraction(60), end_s=Fraction(59), frame_s=Fraction(1, 25))
    Fraction(1, 1)
    >>> cut_off_s(declared_s=Fraction(60), end_s=Fraction(30), frame_s=Fraction(1, 25))
    Traceback (most recent call last):
    rugbytx.errors.UnsupportedMedia: the source is cut off: its video should last 60.0 s and ends after 30.0 s
    """
    missing_s = declared_s - end_s if declared_s else Fraction(0)
    if declared_s is None or missing_s <= LEAST_LOST_FRAMES * frame_s:
        return Fraction(0)
    if missing_s > declared_s * MOST_LOST:
        raise UnsupportedMedia(
            f"the source is cut off: its video should last {float(declared_s):.1f} s"
            f" and ends after {float(end_s):.1f} s"
        )
    return missing_s


def require(*, damaged: int, frames: int) -> None:
    """Raise UnsupportedMedia where too many of a source's ``frames`` are ``damaged``.

    Asked of every chunk with its own damage and the whole film's frames, and
    before publishing with the sum.  The preroll of a chunk is decoded twice, so
    that damage there counts twice.

    >>> require(damaged=15, frames=750)
    >>> require(damaged=16, frames=750)
    Traceback (most recent call last):
    rugbytx.errors.UnsupportedMedia: the source is damaged: 16 of its 750 frames cannot be decoded whole
    """
    if damaged > frames * MOST_LOST:
        raise UnsupportedMedia(
            f"the source is damaged: {min(damaged, frames)} of its {frames} frames cannot be decoded whole"
        )


def require_sound(*, damaged: int, sample_rate: int, length_s: Fraction) -> None:
    """Raise UnsupportedMedia where too much of a source's sound is ``damaged``.

    What a lost packet held is not known, but no codec puts less into one than
    ``LEAST_SAMPLES``, so this is the least that was lost.

    >>> require_sound(damaged=5, sample_rate=48_000, length_s=Fraction(2))
    >>> require_sound(damaged=94, sample_rate=48_000, length_s=Fraction(2))
    Traceback (most recent call last):
    rugbytx.errors.UnsupportedMedia: the source's sound is damaged: 94 of its packets cannot be decoded
    """
    if damaged * Fraction(LEAST_SAMPLES, sample_rate) > length_s * MOST_SOUND_LOST:
        raise UnsupportedMedia(f"the source's sound is damaged: {damaged} of its packets cannot be decoded")


def require_end(*, damaged: int, missing: int) -> None:
    """Raise UnsupportedMedia where ``missing`` frames at the end of a chunk could not be decoded.

    Holes are filled with the picture before them, but after the last picture
    there is nothing that says how long it should stand.  Without damage a
    missing frame is the encoder's fault, and the gates' matter.

    >>> require_end(damaged=0, missing=7)
    >>> require_end(damaged=7, missing=7)
    Traceback (most recent call last):
    rugbytx.errors.UnsupportedMedia: the source is damaged: its last 7 frames cannot be decoded
    """
    if damaged and missing > 0:
        raise UnsupportedMedia(f"the source is damaged: its last {missing} frames cannot be decoded")


def warnings(*, missing_s: Fraction, damaged: int, damaged_sound: int) -> tuple[str, ...]:
    """Return a line for each loss that was taken.

    >>> warnings(missing_s=Fraction(1, 2), damaged=3, damaged_sound=0)
    ('missing at the end of the source: 0.5 s', 'damaged frames of the source: 3')
    """
    told = (
        (missing_s > 0, f"missing at the end of the source: {float(missing_s):.1f} s"),
        (damaged > 0, f"damaged frames of the source: {damaged}"),
        (damaged_sound > 0, f"damaged packets of the source's sound: {damaged_sound}"),
    )
    return tuple(sentence for applies, sentence in told if applies)
