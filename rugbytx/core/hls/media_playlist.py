"""The text of HLS media playlists (RFC 8216, and Apple's HLS authoring specification).

Every segment is a byte range of a chunk's own CMAF file, so publishing copies
no video::

    master.m3u8 ── 720p.m3u8 ──┬── chunk 0: [init][segment][segment]...
                │              ├── chunk 1: [init][segment][segment]...
                │              └── ...
                ├─ 720p-iframes.m3u8 ── the first sample of each fragment of these
                └─ audio.m3u8 ───── audio: [init][segment][segment]...
"""

import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate, pairwise

from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.plan.plan import Grid

#: The lowest version that knows EXT-X-MAP in such a playlist (RFC 8216, 7).
VERSION = 6
#: What path and playlist need no escape for (RFC 3986, 2.3); a colon would start a scheme.
_PLAIN = frozenset((string.ascii_letters + string.digits + "-._~/").encode())


class PlaylistType(StrEnum):
    """What becomes of a media playlist (RFC 8216, 4.3.3.5)."""

    #: It is whole and never changes.
    VOD = "vod"
    #: It grows at its end while the job is worked on.
    GROWING = "growing"
    #: It has grown and is whole now.
    GROWN = "grown"


@dataclass(frozen=True, kw_only=True)
class Bitrates:
    """What a rendition costs to transport, in bits a second, rounded up."""

    average_bps: int
    peak_bps: int


def files_of(chunks: Iterable[TracksResult], rendition: str) -> tuple[TrackFile, ...]:
    """Return a rendition's files, in the order of the chunks."""
    return tuple(file for chunk in chunks for file in chunk.files if file.rendition == rendition)


def target_duration_s(files: Iterable[TrackFile]) -> int:
    """Return the target duration that all playlists of a job must share (RFC 8216, 6.2.4).

    No EXTINF, rounded to the nearest second, may be larger (4.3.3.1), and one
    may be a microsecond longer than its segment.
    """
    longest_s = max(length for file in files for length in _lengths_s(file))
    return max(1, int(longest_s + Fraction(1, 2) + Fraction(1, 1_000_000)))


def splices(grid: Grid, fingerprints: Sequence[str]) -> tuple[Fraction, ...]:
    """Return the seconds at which a chunk follows one of another fingerprint.

    >>> grid = Grid(rate=Fraction(25), frames=400, gop=50, segment=150, chunk=150, chunks=3)
    >>> splices(grid, ["one", "other", "other"])
    (Fraction(6, 1),)
    """
    changes = (
        index for index, (before, after) in enumerate(pairwise(fingerprints), start=1) if before != after
    )
    return tuple(grid.chunk_frames(index).start / grid.rate for index in changes)


def measure(files: Sequence[TrackFile], *, target_s: int, iframes: bool = False) -> Bitrates:
    """Return the rates of a rendition's segments, or of its keyframes."""
    return rates(
        [
            (entry.size_bytes, Fraction(entry.duration, file.timescale))
            for file in files
            for entry in (file.iframes if iframes else file.segments)
        ],
        target_s=target_s,
    )


def rates(sizes: Sequence[tuple[int, Fraction]], *, target_s: int) -> Bitrates:
    """Return the rates of segments that follow one another, each given as its bytes and its seconds.

    The peak is the largest rate of any neighbouring segments that last between
    half and one and a half target durations together (RFC 8216, 4.1), and never
    below the average, which a video shorter than that has to stand for.

    >>> rates([(750_000, Fraction(6)), (1_500_000, Fraction(6))], target_s=6)
    Bitrates(average_bps=1500000, peak_bps=2000000)
    """
    segments = [(8 * size_bytes, length) for size_bytes, length in sizes]
    average = Fraction(sum(bits for bits, _ in segments)) / sum(length for _, length in segments)
    peak = average
    for first in range(len(segments)):
        bits, lasts = 0, Fraction(0)
        for number in range(first, len(segments)):
            bits, lasts = bits + segments[number][0], lasts + segments[number][1]
            if 2 * lasts > 3 * target_s:
                break
            if 2 * lasts >= target_s:
                peak = max(peak, bits / lasts)
    return Bitrates(average_bps=-int(-average // 1), peak_bps=-int(-peak // 1))


def media_playlist(
    files: Sequence[TrackFile],
    *,
    splices_s: Sequence[Fraction],
    target_s: int,
    path_of: Callable[[TrackFile], str],
    iframes: bool = False,
    kind: PlaylistType = PlaylistType.VOD,
) -> str:
    """Return the playlist of one rendition; ``path_of`` gives a file's path relative to the playlist.

    With ``iframes`` it names the keyframes alone, for scrubbing (RFC 8216,
    4.3.3.6).  One map serves all chunks, because chunks of one fingerprint have
    the same init segment.  At a splice the rendition gets a discontinuity and a
    new map: video exactly there, where a file begins, and audio at the nearest
    boundary of its own segments, since all renditions must count the same
    discontinuities (RFC 8216, 6.2.4).

    EXTINF is the difference of two rounded instants and not a rounded length,
    so that two hours of thirds of a second do not add up to a drift.
    """
    entries = [(file, entry) for file in files for entry in (file.iframes if iframes else file.segments)]
    lengths_s = (Fraction(entry.duration, file.timescale) for file, entry in entries)
    starts = list(accumulate(lengths_s, initial=Fraction(0)))
    breaks = Counter(_nearest(starts[1:-1], splice) + 1 for splice in splices_s if len(entries) > 1)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if kind is PlaylistType.VOD else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *(["#EXT-X-I-FRAMES-ONLY"] if iframes else []),
    ]
    for number, ((file, entry), (start, end)) in enumerate(zip(entries, pairwise(starts), strict=True)):
        path = uri(path_of(file))
        lines += ["#EXT-X-DISCONTINUITY"] * breaks[number]
        if number == 0 or breaks[number]:
            lines.append(f'#EXT-X-MAP:URI="{path}",BYTERANGE="{file.init_bytes}@0"')
        lines += [
            f"#EXTINF:{_decimal(_microseconds(end) - _microseconds(start))},",
            f"#EXT-X-BYTERANGE:{entry.size_bytes}@{entry.offset}",
            path,
        ]
    return "\n".join([*lines, *([] if kind is PlaylistType.GROWING else ["#EXT-X-ENDLIST"]), ""])


def _lengths_s(file: TrackFile) -> Iterator[Fraction]:
    """Yield the length of each of a file's segments, in seconds."""
    return (Fraction(segment.duration, file.timescale) for segment in file.segments)


def _nearest(starts_s: Sequence[Fraction], instant_s: Fraction) -> int:
    """Return the place of the start that is nearest to an instant, the earlier of two.

    >>> _nearest([Fraction(6), Fraction(12)], Fraction(11))
    1
    """
    return min(range(len(starts_s)), key=lambda number: abs(starts_s[number] - instant_s))


def uri(path: str) -> str:
    """Return a relative path as a URI reference: no quote, space, line end or scheme can enter a playlist.

    >>> uri('720p/a "b":1.mp4')
    '720p/a%20%22b%22%3A1.mp4'
    """
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path.encode())


def _microseconds(instant_s: Fraction) -> int:
    """Return an instant in whole microseconds, rounded to the nearest."""
    return int(instant_s * 1_000_000 + Fraction(1, 2))


def _decimal(microseconds: int) -> str:
    """Return microseconds as decimal seconds.

    >>> _decimal(6_006_000)
    '6.006000'
    """
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
