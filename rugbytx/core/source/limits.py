"""How long a source may be, and how much work."""

from fractions import Fraction

from rugbytx.errors import UnsupportedMedia

#: Decoding is work: of 8K at 60 frames a second, or of anything, no more than 12 hours of 4K at 60.
MAX_PIXELS_A_S = 7680 * 4320 * 60
MAX_PIXELS_IN_ALL = 12 * 3600 * 3840 * 2160 * 60
#: A match has two hours, and a day of tournament comes as its matches.
MAX_S = 12 * 3600
#: A black picture once a second takes ten times as much; a few frames stretched over hours take nothing.
LEAST_BYTES_A_S = 4
#: A shorter source is quickly done, whatever it is.
MAX_STILL_S = 600


def require_length(end_s: Fraction, *, size_bytes: int) -> None:
    """Raise UnsupportedMedia for a film of days, and for a few frames that are stretched over hours."""
    if end_s > MAX_S:
        raise UnsupportedMedia(
            f"the source lasts {float(end_s) / 3600:.0f} h, and this system takes at most {MAX_S // 3600} h"
        )
    if end_s > MAX_STILL_S and size_bytes < end_s * LEAST_BYTES_A_S:
        raise UnsupportedMedia(
            f"the source lasts {float(end_s) / 60:.0f} minutes and has"
            f" less than {LEAST_BYTES_A_S} bytes for each second: it is no film"
        )


def require_work(width: int, height: int, *, rate: Fraction, end_s: Fraction) -> None:
    """Raise UnsupportedMedia for more pixels than this system decodes, in a second or in all.

    >>> require_work(3840, 2160, rate=Fraction(60), end_s=Fraction(7200))
    >>> require_work(1920, 1080, rate=Fraction(1000), end_s=Fraction(1))
    Traceback (most recent call last):
    rugbytx.errors.UnsupportedMedia: the source shows 1920x1080 pixels 1000 times a second, which is more than this system takes
    """
    shown = f"{width}x{height} pixels {float(rate):g} times a second"
    if width * height * rate > MAX_PIXELS_A_S:
        raise UnsupportedMedia(f"the source shows {shown}, which is more than this system takes")
    if width * height * rate * end_s > MAX_PIXELS_IN_ALL:
        raise UnsupportedMedia(
            f"the source shows {shown} for {float(end_s) / 3600:.1f} h, which is more than this system takes"
        )
