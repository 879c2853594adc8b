"""Every kind of source that cameras, phones and broadcasters make, how one of each is made, and what is to be seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.footage import make
from tests.source.film import Film

#: Several chunks, so that all but the first begin with a seek.
LONG_S = Fraction(13)
LONG = Film(length_s=LONG_S)
SHORT = Film()
NTSC = Fraction(30000, 1001)
FIELDS = Film(rate=Fraction(50))

X264 = ("-c:v", "libx264", "-preset", "ultrafast")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
AAC = ("-c:a", "aac")
COPY = ("-c", "copy")
BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")
#: From 7 on ffmpeg's encoders believe their frames and no options; up to 6 they believe options.
NAMED = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709"
INTERLACED = ("-flags", "+ilme+ildct")
BT601 = ("-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-colorspace", "smpte170m")
NAMED_601 = "setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m"
TO_BT709 = "scale=out_color_matrix=bt709:out_range=tv"
TO_BT601 = "scale=out_color_matrix=smpte170m:out_range=tv"
TO_709 = f"{TO_BT709},format=yuv420p"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where films are made; pictures and sounds are drawn once."""

    folder: Path

    def encode(
        self,
        name: str,
        film: Film,
        *options: str,
        filters: str = TO_709,
        codec: Sequence[str] = (*X264, *BT709),
        sound: Sequence[str] = AAC,
        inputs: Sequence[str] = (),
    ) -> Path:
        """Write a film and return its path; ``inputs`` follow the pictures and the sound."""
        path = self.folder / name
        if set(BT709) <= set(codec):
            filters = f"{filters},{NAMED}"
        pictures, beeps = self._drawn(film)
        width, height = film.size
        make(
            path,
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(film.rate)),
            *("-i", str(pictures), "-i", str(beeps), *inputs),
            *("-vf", filters, *codec, *(sound or ("-an",)), *options),
        )
        return path

    def plain(self, name: str, film: Film) -> Path:
        """Return a plain film, made once."""
        path = self.folder / name
        return path if path.exists() else self.encode(name, film)

    def copied(self, name: str, source: Path, *options: str, before: Sequence[str] = ()) -> Path:
        """Copy a film's packets into another file and return its path."""
        path = self.folder / name
        make(path, *before, "-i", str(source), *COPY, *options)
        return path

    def _drawn(self, film: Film) -> tuple[Path, Path]:
        width, height = film.size
        name = f"{width}x{height}-{film.rate.numerator}-{film.rate.denominator}-{float(film.length_s):g}"
        pictures, beeps = self.folder / f"{name}.rgb", self.folder / f"{name}.wav"
        if not pictures.exists():
            film.write_pictures(pictures)
            film.write_sound(beeps)
        return pictures, beeps


Make = Callable[[Place], Path]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of source, and what is to be seen and heard of it."""

    name: str
    make: Make
    #: What the camera saw.
    film: Film = SHORT
    #: The published rate, where it is not the film's.
    rate: Fraction | None = None
    #: How many of the film's frames lie between two that are shown; 0 where frames come when they come.
    step: int = 1
    #: Where in the film the source begins.
    begins_s: Fraction = Fraction(0)
    #: How often the first frame is shown before the second: the sound began first.
    first_held: int = 1
    #: The published size, where it is not the film's.
    size: tuple[int, int] | None = None
    #: From when on there is sound; None for a silent film.
    sound_from_s: Fraction | None = Fraction(0)
    #: How far a flash and its beep may be apart: AAC smears a beep's beginning by some milliseconds.
    apart_s: float = 0.008
    #: How far a patch's colour may be from what was drawn, in 255ths.
    colour_slack: int = 14
    #: Why it is refused, where it is.
    refused: str = ""

    @property
    def published_rate(self) -> Fraction:
        """Return the rate that is to be published."""
        return self.rate or self.film.rate / max(1, self.step)
