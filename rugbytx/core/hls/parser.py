"""HLS playlists read back: those that ``core.playlist`` writes, and no others.

A line that our own writer would not have written is refused rather than
skipped, because whoever checks an output has to know all that it says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from rugbytx.core.hls.media_playlist import VERSION
from rugbytx.errors import VerificationError

#: A playlist longer than this is none of ours: two days of six-second segments.
MOST_LINES = 200_000

_URI = r"((?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})+)"
_NUMBER = r"(0|[1-9][0-9]{0,14})"
_RANGE = rf"{_NUMBER}@{_NUMBER}"

_HEAD = ("#EXTM3U", f"#EXT-X-VERSION:{VERSION}")
_INDEPENDENT = "#EXT-X-INDEPENDENT-SEGMENTS"
_TARGET = re.compile(rf"#EXT-X-TARGETDURATION:{_NUMBER}")
_MAP = re.compile(rf'#EXT-X-MAP:URI="{_URI}",BYTERANGE="{_RANGE}"')
_IFRAMES_ONLY = "#EXT-X-I-FRAMES-ONLY"
_EXTINF = re.compile(r"#EXTINF:(0|[1-9][0-9]{0,6})\.([0-9]{6}),")
_BYTERANGE = re.compile(rf"#EXT-X-BYTERANGE:{_RANGE}")
_PATH = re.compile(_URI)
_MEDIA = re.compile(
    r'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,'
    rf'CHANNELS="{_NUMBER}",URI="{_URI}"'
)
_VARIANT = re.compile(
    rf"#EXT-X-STREAM-INF:BANDWIDTH={_NUMBER},AVERAGE-BANDWIDTH={_NUMBER},"
    r'CODECS="([a-z0-9.]+)(?:,([a-z0-9.]+))?",'
    rf'RESOLUTION={_NUMBER}x{_NUMBER},FRAME-RATE=([0-9]+\.[0-9]{{3}})(,AUDIO="audio")?'
)
_IFRAMES = re.compile(
    rf"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={_NUMBER},AVERAGE-BANDWIDTH={_NUMBER},"
    rf'CODECS="([a-z0-9.]+)",RESOLUTION={_NUMBER}x{_NUMBER},URI="{_URI}"'
)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A run of bytes in a file; the path is relative to the playlist, with its escapes resolved."""

    path: str
    offset: int
    size_bytes: int

    @property
    def end(self) -> int:
        """Return the offset of the first byte behind it."""
        return self.offset + self.size_bytes


@dataclass(frozen=True, kw_only=True)
class MediaSegment:
    """One segment, as the playlist announces it."""

    segment: Range
    #: The init segment in force.
    init: Range
    #: EXTINF, exactly as it is written.
    duration_us: int
    #: How many discontinuities stand before it; audio may count several at one place.
    discontinuities: int = 0


@dataclass(frozen=True, kw_only=True)
class MediaPlaylist:
    """A media playlist."""

    target_s: int
    entries: tuple[MediaSegment, ...]
    #: Whether it names keyframes alone.
    is_iframes: bool = False


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One variant of the master."""

    path: str
    bandwidth_bps: int
    average_bps: int
    video_codec: str
    #: Empty where the variant has no sound.
    audio_codec: str
    width: int
    height: int
    frame_rate: Fraction


@dataclass(frozen=True, kw_only=True)
class Iframes:
    """One variant of keyframes alone."""

    path: str
    bandwidth_bps: int
    average_bps: int
    video_codec: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class MasterPlaylist:
    """A master playlist."""

    variants: tuple[Variant, ...]
    iframes: tuple[Iframes, ...]
    #: The audio rendition's playlist, or None.
    audio: str | None


class _Lines:
    """The lines of a playlist, taken one after another."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        if not text.endswith("\n"):
            raise VerificationError(f"{name} does not end with a whole line, so it is cut off")
        self._lines = text.removesuffix("\n").split("\n")
        self._at = 0
        if len(self._lines) > MOST_LINES:
            raise self.wrong("is longer than any of ours")

    @property
    def ended(self) -> bool:
        return self._at == len(self._lines)

    def wrong(self, what: str) -> VerificationError:
        """Return the error to raise for the line last looked at."""
        return VerificationError(f"{self._name} {what}, at line {min(self._at, len(self._lines) - 1) + 1}")

    def take(self, *wanted: str) -> None:
        """Pass these lines."""
        for line in wanted:
            if self.ended or self._lines[self._at] != line:
                raise self.wrong(f"should have {line}")
            self._at += 1

    def passes(self, line: str) -> bool:
        """Pass the line if it is the next; say whether it was."""
        is_next = not self.ended and self._lines[self._at] == line
        self._at += is_next
        return is_next

    def match(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """Pass a line that fits wholly."""
        match = self.match_if(pattern)
        if match is None:
            raise self.wrong(f"should have {what}")
        return match

    def is_next(self, pattern: re.Pattern[str]) -> bool:
        """Return whether the next line fits wholly."""
        return not self.ended and pattern.fullmatch(self._lines[self._at]) is not None

    def match_if(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Pass the next line if it fits wholly."""
        match = None if self.ended else pattern.fullmatch(self._lines[self._at])
        self._at += match is not None
        return match


def parse_media(text: str, *, name: str) -> MediaPlaylist:
    r"""Return what a media playlist says; raises VerificationError naming ``name`` and the line.

    >>> parse_media("#EXTM3U\n#EXT-X-VERSION:3\n", name="720p.m3u8")
    Traceback (most recent call last):
    rugbytx.errors.VerificationError: 720p.m3u8 should have #EXT-X-VERSION:6, at line 2
    """
    lines = _Lines(text, name)
    lines.take(*_HEAD)
    target_s = int(lines.match(_TARGET, "its target duration")[1])
    lines.take("#EXT-X-PLAYLIST-TYPE:VOD", _INDEPENDENT)
    is_iframes = lines.passes(_IFRAMES_ONLY)
    entries = tuple(_entries(lines))
    lines.take("#EXT-X-ENDLIST")
    if not lines.ended or not entries:
        raise lines.wrong("goes on behind its end" if entries else "has no segments")
    return MediaPlaylist(target_s=target_s, entries=entries, is_iframes=is_iframes)


def _entries(lines: _Lines) -> Iterator[MediaSegment]:
    init: Range | None = None
    is_there = partial(lines.passes, "#EXT-X-DISCONTINUITY")
    while True:
        discontinuities = sum(iter(is_there, False))
        mapped = lines.match_if(_MAP)
        if mapped:
            init = _range(mapped[1], mapped[2], mapped[3])
        length = lines.match_if(_EXTINF)
        if length is None:
            if discontinuities or mapped:
                raise lines.wrong("should have a segment")
            return
        span = lines.match(_BYTERANGE, "a byte range")
        path = lines.match(_PATH, "a relative path")
        if init is None or bool(discontinuities) > bool(mapped):
            raise lines.wrong("has a segment without its EXT-X-MAP")
        yield MediaSegment(
            segment=_range(path[1], span[1], span[2]),
            init=init,
            duration_us=int(length[1]) * 1_000_000 + int(length[2]),
            discontinuities=discontinuities,
        )


def parse_master(text: str, *, name: str) -> MasterPlaylist:
    """Return what a master playlist says; raises VerificationError naming ``name`` and the line."""
    lines = _Lines(text, name)
    lines.take(*_HEAD, _INDEPENDENT)
    sound = lines.match_if(_MEDIA)
    variants: list[Variant] = []
    while not (lines.ended or lines.is_next(_IFRAMES)):
        match = lines.match(_VARIANT, "a variant")
        path = lines.match(_PATH, "a relative path")
        if bool(match[8]) != bool(sound) or bool(match[4]) != bool(sound):
            raise lines.wrong("has a variant whose sound is not what the master offers")
        variants.append(
            Variant(
                path=_unescaped(path[1]),
                bandwidth_bps=int(match[1]),
                average_bps=int(match[2]),
                video_codec=match[3],
                audio_codec=match[4] or "",
                width=int(match[5]),
                height=int(match[6]),
                frame_rate=Fraction(match[7]),
            )
        )
    if not variants:
        raise lines.wrong("has no variants")
    iframes = tuple(_iframes(lines))
    return MasterPlaylist(
        variants=tuple(variants), iframes=iframes, audio=_unescaped(sound[2]) if sound else None
    )


def _iframes(lines: _Lines) -> Iterator[Iframes]:
    while not lines.ended:
        match = lines.match(_IFRAMES, "a variant of keyframes")
        yield Iframes(
            path=_unescaped(match[6]),
            bandwidth_bps=int(match[1]),
            average_bps=int(match[2]),
            video_codec=match[3],
            width=int(match[4]),
            height=int(match[5]),
        )


def starts_us(entries: Sequence[MediaSegment]) -> tuple[int, ...]:
    """Return when each segment begins by the playlist, and behind them when the last one ends.

    >>> span = Range(path="0.mp4", offset=0, size_bytes=1)
    >>> starts_us([MediaSegment(segment=span, init=span, duration_us=6_006_000)] * 2)
    (0, 6006000, 12012000)
    """
    starts = [0]
    for entry in entries:
        starts.append(starts[-1] + entry.duration_us)
    return tuple(starts)


def _range(uri: str, size_bytes: str, offset: str) -> Range:
    return Range(path=_unescaped(uri), offset=int(offset), size_bytes=int(size_bytes))


def _unescaped(uri: str) -> str:
    """Return a URI reference as a path.

    >>> _unescaped("720p/a%20%22b%22%3A1.mp4")
    '720p/a "b":1.mp4'
    """
    raw = re.sub(rb"%([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), uri.encode())
    return raw.decode(errors="replace")
