"""Whether playlists keep the rules of HLS that players rely on, each named by its number.

``hls-9.14`` is rule 9.14 of Apple's *HLS Authoring Specification for Apple
Devices*, ``rfc8216-4.3.2.2`` a section of RFC 8216.  Playlists are read here as a
player reads them, whoever wrote them; that they are exactly what our writer
writes, and true of the files that they name, is for ``core.hls`` and
``core.verify``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from rugbytx.core.verify.finding import Finding

#: 1.13: a keyframe every two seconds; what a rate of no whole number of frames adds is less than this.
KEYFRAME_S = Fraction(2)
KEYFRAME_SLACK_S = Fraction(1, 10)
#: 1.18.
MOST_FPS = 60
#: 1.32: where a player starts that knows nothing of its network.
DEFAULT_BPS = 2_000_000
#: 1.33: what rounding to even sides may do to an aspect ratio.
ASPECT_SLACK = Fraction(3, 100)
#: 7.5 asks for segments of six seconds, and a tail shorter than one joins the last.
LONGEST_TARGET_S = 7
#: 7.7.
OVER_TARGET_S = Fraction(1, 2)
#: EXTINF is rounded to microseconds; renditions of one job begin their segments together (8.22).
SAME_S = Fraction(1, 1000)

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True, kw_only=True)
class _Tag:
    """A tag's attributes, unquoted, and the URI line behind it or in them."""

    attributes: Mapping[str, str]
    uri: str


@dataclass(frozen=True, kw_only=True)
class _Segment:
    lasts_s: Fraction
    uri: str
    has_map: bool


@dataclass(frozen=True, kw_only=True)
class _Media:
    """A media playlist, as far as a rule asks."""

    tags: frozenset[str]
    values: Mapping[str, str]
    segments: tuple[_Segment, ...]

    @property
    def target_s(self) -> int:
        return int(self.values.get("#EXT-X-TARGETDURATION", "0") or 0)


def check(master: str, media: Mapping[str, str], *, name: str = "master") -> tuple[Finding, ...]:
    """Return every rule that a job's playlists break; ``media`` holds the media playlists by the path that names them."""
    variants = list(_tags(master, "#EXT-X-STREAM-INF"))
    iframes = list(_tags(master, "#EXT-X-I-FRAME-STREAM-INF"))
    sounds = list(_tags(master, "#EXT-X-MEDIA"))
    read = {path: _media(text) for path, text in media.items()}
    return (
        *_of_master(master, variants, iframes, sounds, name),
        *(
            broken_rule
            for path, playlist in read.items()
            for broken_rule in _of_media(path, playlist, is_iframes=path in _uris(iframes))
        ),
        *_of_boundaries([(tag.uri, read[tag.uri]) for tag in variants if tag.uri in read]),
    )


def named(master: str) -> tuple[str, ...]:
    """Return the paths of the media playlists that a master names, each once and in order."""
    names = ("#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MEDIA")
    return tuple(dict.fromkeys(tag.uri for name in names for tag in _tags(master, name) if tag.uri))


def _finding(rule: str, where: str, expected: str, actual: object) -> Finding:
    return Finding(rule=rule, where=where, expected=expected, seen=str(actual))


def _tags(text: str, name: str) -> Iterator[_Tag]:
    lines = [line for line in text.splitlines() if line]
    for number, line in enumerate(lines):
        if line.startswith(f"{name}:"):
            pairs = _ATTRIBUTE.findall(line.removeprefix(f"{name}:"))
            attributes = {key: value.strip('"') for key, value in pairs}
            behind = lines[number + 1] if number + 1 < len(lines) else ""
            yield _Tag(attributes=attributes, uri=attributes.get("URI", behind))


def _media(text: str) -> _Media:
    values: dict[str, str] = {}
    segments = []
    lasts_s, has_map = Fraction(0), False
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXTINF":
            number = value.partition(",")[0]
            lasts_s = Fraction(number) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else Fraction(0)
        elif line.startswith("#"):
            values.setdefault(tag, value)
            has_map = has_map or tag == "#EXT-X-MAP"
        elif line:
            segments.append(_Segment(lasts_s=lasts_s, uri=line, has_map=has_map))
    return _Media(tags=frozenset(values), values=values, segments=tuple(segments))


def _uris(tags: Sequence[_Tag]) -> frozenset[str]:
    return frozenset(tag.uri for tag in tags)


def _of_master(
    text: str, variants: Sequence[_Tag], iframes: Sequence[_Tag], sounds: Sequence[_Tag], name: str
) -> Iterator[Finding]:
    """Yield the rules that the master breaks."""
    if "#EXT-X-INDEPENDENT-SEGMENTS" not in text.splitlines():
        yield _finding("hls-9.11", name, "EXT-X-INDEPENDENT-SEGMENTS", "none")
    if not iframes:
        yield _finding("hls-6.1", name, "a variant of keyframes for scrubbing", "none")
    groups = {tag.attributes.get("GROUP-ID") for tag in sounds}
    for tag in variants:
        where = f"{name}, variant {tag.uri}"
        yield from _of_variant(tag, where, groups)
    for tag in sounds:
        if not tag.attributes.get("LANGUAGE"):
            yield _finding("hls-8.10", f"{name}, rendition {tag.uri}", "a LANGUAGE", "none")
    yield from _of_ladder(variants, name)


def _of_variant(tag: _Tag, where: str, groups: set[str | None]) -> Iterator[Finding]:
    """Yield the rules that one variant breaks."""
    attributes = tag.attributes
    for rule, attribute in (
        ("hls-9.1", "CODECS"),
        ("hls-9.2", "RESOLUTION"),
        ("hls-9.14", "AVERAGE-BANDWIDTH"),
        ("hls-9.15", "FRAME-RATE"),
        ("rfc8216-4.3.4.2", "BANDWIDTH"),
    ):
        if not attributes.get(attribute):
            yield _finding(rule, where, f"its {attribute}", "none")
    codecs = attributes.get("CODECS", "").split(",")
    if any(codec.partition(".")[0] in {"avc3", "hev1"} for codec in codecs):
        yield _finding("hls-1.10", where, "avc1, with its parameter sets in the init segment", codecs[0])
    fps = attributes.get("FRAME-RATE", "0")
    if re.fullmatch(r"[0-9.]+", fps) and Fraction(fps) > MOST_FPS:
        yield _finding("hls-1.18", where, f"at most {MOST_FPS} frames a second", fps)
    has_sound = any(codec.startswith("mp4a") for codec in codecs)
    if has_sound != ("AUDIO" in attributes) or ("AUDIO" in attributes and attributes["AUDIO"] not in groups):
        yield _finding(
            "hls-9.5", where, "sound that is a rendition of its own", attributes.get("AUDIO", "no group")
        )
    average, peak = (int(attributes.get(key) or 0) for key in ("AVERAGE-BANDWIDTH", "BANDWIDTH"))
    if average > peak:
        yield _finding("rfc8216-4.3.4.2", where, f"a BANDWIDTH of {average} at least", peak)


def _of_ladder(variants: Sequence[_Tag], name: str) -> Iterator[Finding]:
    """Yield the rules about all variants together."""
    averages = [int(tag.attributes.get("AVERAGE-BANDWIDTH") or 0) for tag in variants]
    if averages and abs(averages[0] - DEFAULT_BPS) > min(abs(average - DEFAULT_BPS) for average in averages):
        yield _finding("hls-1.32", name, f"the variant nearest to {DEFAULT_BPS} bit/s first", averages[0])
    sizes = [re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", tag.attributes.get("RESOLUTION", "")) for tag in variants]
    aspects = [Fraction(int(size[1]), int(size[2])) for size in sizes if size]
    if aspects and max(aspects) - min(aspects) > ASPECT_SLACK * max(aspects):
        extremes = " and ".join(f"{float(aspect):.3f}" for aspect in (min(aspects), max(aspects)))
        yield _finding("hls-1.33", name, "one aspect ratio", extremes)


def _of_media(path: str, media: _Media, *, is_iframes: bool) -> Iterator[Finding]:
    """Yield the rules that one media playlist breaks."""
    kind = media.values.get("#EXT-X-PLAYLIST-TYPE")
    if kind != "VOD":
        yield _finding("hls-8.6", path, "EXT-X-PLAYLIST-TYPE:VOD", kind or "none")
    if "#EXT-X-ENDLIST" not in media.tags:
        yield _finding("rfc8216-4.3.3.4", path, "EXT-X-ENDLIST", "none")
    if not media.segments or not all(segment.has_map for segment in media.segments):
        yield _finding("hls-8.20", path, "an EXT-X-MAP before its first segment", "none")
    if not 1 <= media.target_s <= LONGEST_TARGET_S:
        yield _finding(
            "hls-7.5", path, f"a target of 6 s, and {LONGEST_TARGET_S} at most", f"{media.target_s} s"
        )
    longest_s = max((segment.lasts_s for segment in media.segments), default=Fraction(0))
    if longest_s > media.target_s + OVER_TARGET_S:
        yield _finding("hls-7.7", path, f"{media.target_s} s and a half at most", f"{float(longest_s):g} s")
    if is_iframes and "#EXT-X-I-FRAMES-ONLY" not in media.tags:
        yield _finding("rfc8216-4.3.3.6", path, "EXT-X-I-FRAMES-ONLY", "none")
    if is_iframes and longest_s > KEYFRAME_S + KEYFRAME_SLACK_S:
        yield _finding("hls-1.13", path, "a keyframe every 2 s", f"one {float(longest_s):g} s after another")


def _of_boundaries(media: Sequence[tuple[str, _Media]]) -> Iterator[Finding]:
    """Yield where renditions cannot be changed at the same instants."""
    starts = [
        (path, list(accumulate(segment.lasts_s for segment in playlist.segments))) for path, playlist in media
    ]
    for path, boundaries in starts[1:]:
        first = starts[0][1]
        if len(boundaries) != len(first) or any(
            abs(a - b) > SAME_S for a, b in zip(boundaries, first, strict=True)
        ):
            yield _finding("hls-8.22", path, f"the segments of {starts[0][0]}", "others")
