"""Still pictures of a film: thumbnails for scrubbing, and a poster.

Every chunk makes one sheet of its own thumbnails while it is decoded anyway, so
that no frame is decoded twice for them and a chunk that is redone brings its
sheet along; a WebVTT file says which piece of which sheet belongs to which time::

    chunk 0: [0 s][10 s][20 s][30 s][40 s][50 s]    storyboard/00000-f1.jpg
    chunk 1: [60 s][70 s]...                        storyboard/00001-f1.jpg

The poster is one frame of the chunk that lies at a tenth of the film.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rugbytx.core.plan.plan import Grid, Plan, Rendition, Stills
from rugbytx.errors import VerificationError

#: The shorter side of a thumbnail, in pixels, and of a poster at most.
THUMBNAIL_SIDE = 90
POSTER_SIDE = 720
#: Thumbnails a row of a sheet.
COLUMNS = 10
#: A film has about so many thumbnails at most, but one in so many GOPs in any case.
THUMBNAILS = 300
MOST_GOPS_APART = 5
#: The poster is taken where so many parts of the film have been shown: behind titles, before the end.
POSTER_PART = 10


class Picture(StrEnum):
    """A picture that a chunk makes besides its video."""

    SHEET = "storyboard"
    POSTER = "poster"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """How the thumbnails of one chunk lie on their sheet."""

    count: int
    columns: int
    rows: int


def decide(grid: Grid, renditions: Sequence[Rendition]) -> Stills:
    """Return which still pictures a film on this grid gets; ``renditions`` fall from the largest."""
    gops = -(-grid.frames // grid.gop)
    small = renditions[-1]
    wide = next((one for one in renditions if min(one.width, one.height) <= POSTER_SIDE), small)
    thumbnail = _within(small, THUMBNAIL_SIDE)
    poster_frame = grid.frames // POSTER_PART
    return Stills(
        every=min(MOST_GOPS_APART, -(-gops // THUMBNAILS)) * grid.gop,
        width=thumbnail[0],
        height=thumbnail[1],
        poster_chunk=min(poster_frame // grid.chunk, grid.chunks - 1),
        poster_width=wide.width,
        poster_height=wide.height,
    )


def _within(rendition: Rendition, side: int) -> tuple[int, int]:
    """Return the rendition's size with its shorter side brought down to ``side``, in even numbers."""
    scale = min(Fraction(1), Fraction(side, min(rendition.width, rendition.height)))
    width, height = (max(2, round(one * scale / 2) * 2) for one in (rendition.width, rendition.height))
    return width, height


def pictures(plan: Plan, index: int) -> Mapping[Picture, tuple[int, int]]:
    """Return the pictures that a chunk makes, and the width and height of each in pixels."""
    stills = plan.stills
    if stills is None:
        return {}
    laid = sheet(stills, len(plan.grid.chunk_frames(index)))
    made = {Picture.SHEET: (laid.columns * stills.width, laid.rows * stills.height)}
    if index == stills.poster_chunk:
        made[Picture.POSTER] = (stills.poster_width, stills.poster_height)
    return made


def sheet(stills: Stills, frames: int) -> Sheet:
    """Return how the sheet of a chunk of so many frames is laid out."""
    count = -(-frames // stills.every)
    return Sheet(count=count, columns=min(count, COLUMNS), rows=-(-count // COLUMNS))


def webvtt(stills: Stills, grid: Grid, paths: Sequence[str]) -> str:
    """Return the WebVTT file of all thumbnails; ``paths`` are the sheets', chunk by chunk.

    A cue's text is a media fragment, which is what players with a storyboard
    read (W3C Media Fragments 1.0, 4.2.2).
    """
    lines = ["WEBVTT", ""]
    for index, path in enumerate(paths):
        frames = grid.chunk_frames(index)
        for number, first in enumerate(frames[:: stills.every]):
            last = min(first + stills.every, frames.stop)
            left, top = number % COLUMNS * stills.width, number // COLUMNS * stills.height
            lines += [
                f"{_clock(first / grid.rate)} --> {_clock(last / grid.rate)}",
                f"{path}#xywh={left},{top},{stills.width},{stills.height}",
                "",
            ]
    return "\n".join(lines)


def _clock(instant_s: Fraction) -> str:
    """Return an instant as WebVTT writes it.

    >>> _clock(Fraction(3723)), _clock(Fraction(1001, 30))
    ('01:02:03.000', '00:00:33.367')
    """
    milliseconds = int(instant_s * 1000 + Fraction(1, 2))
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"


_CUE = re.compile(
    r"(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})\n([^#\n]+)#xywh=(\d+),(\d+),(\d+),(\d+)\n?"
)


def faults(text: str, sizes: Mapping[str, tuple[int, int]], *, duration_s: Fraction) -> Iterator[str]:
    """Yield what is wrong with a WebVTT file of ours, a sentence each.

    ``sizes`` gives each sheet's width and height by its path.  The cues must
    follow one another from zero to the film's end, each with a piece of a sheet.
    """
    head, *cues = text.split("\n\n")
    if head != "WEBVTT":
        yield "it does not begin as a WebVTT file"
    until_ms = 0
    for cue in filter(None, cues):
        found = _CUE.fullmatch(cue)
        if found is None:
            yield f"it has a cue that is none of ours: {cue[:80]!r}"
            return
        start_ms, end_ms = (_milliseconds(found.groups()[first : first + 4]) for first in (0, 4))
        if start_ms != until_ms or end_ms <= start_ms:
            yield f"the cue at {start_ms} ms should begin at {until_ms} ms and last"
        until_ms = end_ms
        left, top, width, height = map(int, found.groups()[9:])
        sheet_size = sizes.get(found[9])
        if sheet_size is None:
            yield f"it names {found[9]}, which is no sheet"
        elif left + width > sheet_size[0] or top + height > sheet_size[1]:
            yield f"the cue at {start_ms} ms lies outside {found[9]}"
    if abs(until_ms - duration_s * 1000) > 1:
        yield f"its cues end at {until_ms} ms, and the film at {float(duration_s * 1000):.0f} ms"


def sheets(text: str) -> tuple[str, ...]:
    """Return the paths of the sheets that a WebVTT file names, each once."""
    return tuple(dict.fromkeys(found[9] for found in _CUE.finditer(text)))


def _milliseconds(clock: Sequence[str]) -> int:
    hours, minutes, seconds, thousandths = map(int, clock)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def jpeg_size(body: bytes, *, name: str) -> tuple[int, int]:
    """Return width and height of a whole JPEG file (ITU-T T.81, B.2.2); raises VerificationError for anything else."""
    at = 2
    if body[:2] == b"\xff\xd8" and body[-2:] == b"\xff\xd9":
        while at + 9 <= len(body) and body[at] == 0xFF:
            kind, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
            if kind in {0xC0, 0xC1, 0xC2}:
                return int.from_bytes(body[at + 7 : at + 9], "big"), int.from_bytes(
                    body[at + 5 : at + 7], "big"
                )
            at += 2 + length
    raise VerificationError(f"{name} is no whole JPEG picture")
