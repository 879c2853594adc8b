"""The checks of what was published: whether files and playlists are what they say of each other.

Nothing is taken from the job's records.  The boxes of every segment are held
against the playlists (here), the playlists against one another (``core.alignment``),
and all of them against the grid: the report's, or without a report the finest that
any rendition is on.  Every finding names a file, and the check that it fails.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.hls import parser
from rugbytx.core.plan import bitrate_ladder
from rugbytx.core.plan.plan import BASE_OFFSET_S, Grid
from rugbytx.core.verify.before_publish import measured
from rugbytx.core.verify.chunk import check_codec, check_frames, check_picture, check_sound
from rugbytx.core.verify.finding import MOST_FINDINGS, Finding, Rule, finding
from rugbytx.core.verify.rendition_alignment import Timeline


@dataclass(frozen=True, kw_only=True)
class PublishedSegment:
    """One segment as a player gets it."""

    entry: parser.MediaSegment
    #: What the init section in force and the segment hold together; None where they could not be read.
    track: Track | None
    #: SHA-256 of the init segment of the segment's own file; empty where it could not be read.
    own_init: str
    #: SHA-256 of the init section in force.
    init: str

    @property
    def where(self) -> str:
        """Return the place that a finding names."""
        return f"{self.entry.segment.path}, bytes {self.entry.segment.offset} to {self.entry.segment.end},"


def job_grid(renditions: Iterable[Sequence[PublishedSegment]]) -> Grid | None:
    """Return the grid of the job that has these renditions of the video: the finest that any lies on."""
    grids = [grid for segments in renditions if (grid := infer_grid(segments))]
    return max(grids, key=lambda grid: grid.rate, default=None)


def infer_grid(segments: Sequence[PublishedSegment]) -> Grid | None:
    """Return the grid that a rendition of the video lies on; None where nothing of it can be read.

    Its length is what the playlist says, so that a file that cannot be read is
    not taken for an end.
    """
    track = next((segment.track for segment in segments if segment.track), None)
    if track is None:
        return None
    rate = Fraction(track.timescale, max(1, track.fragments[0].durations[0]))
    gop = len(track.fragments[0].sizes)
    lasts_us = parser.starts_us([segment.entry for segment in segments])[-1]
    frames = max(1, round(lasts_us * rate / 1_000_000))
    return Grid(rate=rate, frames=frames, gop=gop, segment=gop, chunk=frames, chunks=1)


def thinned(grid: Grid, segments: Sequence[PublishedSegment]) -> Grid:
    """Return the job's grid as a rendition of these segments shows it: every frame of it, or every other.

    Of what can be neither, all frames are expected.
    """
    own = infer_grid(segments)
    step = round(grid.rate / own.rate) if own else 1
    return (
        grid.thinned(step)
        if step == bitrate_ladder.MOST_FRAME_STEP and bitrate_ladder.is_fast(grid.rate)
        else grid
    )


def check_video(
    name: str, media: parser.MediaPlaylist, segments: Sequence[PublishedSegment], grid: Grid
) -> tuple[Timeline, tuple[Finding, ...]]:
    """Return a rendition's timeline and what is wrong with its segments; ``grid`` is its own."""
    timeline = _timeline(name, media, segments, grid, has_frames=True)
    findings = (
        *_inits(segments),
        *_lengths(media, segments),
        *_on_grid(segments, grid),
        *_whole(timeline, grid),
    )
    return timeline, findings[:MOST_FINDINGS]


def check_audio(
    name: str, media: parser.MediaPlaylist, segments: Sequence[PublishedSegment], grid: Grid
) -> tuple[Timeline, tuple[Finding, ...]]:
    """Return the audio's timeline and what is wrong with its segments."""
    timeline = _timeline(name, media, segments, grid, has_frames=False)
    findings = [*_inits(segments), *_lengths(media, segments)]
    tracks = [segment.track for segment in segments if segment.track]
    if len(tracks) == len(segments):
        fragments = tuple(fragment for track in tracks for fragment in track.fragments)
        joined = replace(tracks[0], fragments=fragments)
        findings += check_sound(grid, tracks[0].timescale, joined, segments[0].entry.segment.path)
    return timeline, tuple(findings[:MOST_FINDINGS])


def check_iframes(
    name: str, media: parser.MediaPlaylist, segments: Sequence[PublishedSegment]
) -> Iterator[Finding]:
    """Yield where a playlist of keyframes names anything but the keyframes of these segments, in order."""
    tracks = [(segment.entry.segment, segment.track) for segment in segments if segment.track]
    if len(tracks) < len(segments):
        return  # what cannot be read was found already
    due = [
        parser.Range(
            path=span.path,
            offset=span.offset + fragment.offset - track.init_bytes,
            size_bytes=fragment.first_sample_bytes,
        )
        for span, track in tracks
        for fragment in track.fragments
    ]
    named = [entry.segment for entry in media.entries]
    if not media.is_iframes:
        yield finding(Rule.PLAYLIST, name, "#EXT-X-I-FRAMES-ONLY", "none")
    wrong = [span for span in named if span not in set(due)]
    if named != due:
        what = f"{len(named)}, {len(wrong)} of them no keyframes" if wrong else f"{len(named)} of them"
        yield finding(Rule.KEYFRAMES, name, f"the {len(due)} keyframes of its rendition", what)
    lasts_us = parser.starts_us(media.entries)[-1]
    whole_us = parser.starts_us([segment.entry for segment in segments])[-1]
    if abs(lasts_us - whole_us) > len(named):
        yield finding(Rule.DURATION, name, f"{whole_us / 1e6:.6f} s", f"{lasts_us / 1e6:.6f} s")


def check_tiling(media: parser.MediaPlaylist, sizes: dict[str, int]) -> Iterator[Finding]:
    """Yield what is wrong with the byte ranges: a file's must fill it to its end, in order.

    ``sizes`` are those of the files that are there; the others were found already.
    """
    ranges: dict[str, list[parser.Range]] = {}
    for entry in media.entries:
        ranges.setdefault(entry.segment.path, []).append(entry.segment)
    for path, ordered in ranges.items():
        for span, other in pairwise(ordered):
            if span.end != other.offset:
                yield finding(
                    Rule.TILING, path, f"a segment at byte {span.end}", f"one at byte {other.offset}"
                )
        if path in sizes and ordered[-1].end != sizes[path]:
            yield finding(Rule.TILING, path, f"{ordered[-1].end} bytes", f"{sizes[path]}")


def _timeline(
    name: str,
    media: parser.MediaPlaylist,
    segments: Sequence[PublishedSegment],
    grid: Grid,
    *,
    has_frames: bool,
) -> Timeline:
    tracks = [segment.track for segment in segments if segment.track]
    known = [(place, segment.own_init) for place, segment in enumerate(segments) if segment.own_init]
    return Timeline(
        name=name,
        starts_us=parser.starts_us(media.entries),
        breaks=tuple(
            place for place, entry in enumerate(media.entries) for _ in range(entry.discontinuities)
        ),
        changes=tuple(place for (_, before), (place, init) in pairwise(known) if before != init),
        rates=measured(media),
        codecs=frozenset(track.codec for track in tracks),
        size=(tracks[0].width, tracks[0].height) if tracks else (0, 0),
        samples=sum(len(fragment.sizes) for track in tracks for fragment in track.fragments),
        grid=grid,
        has_frames=has_frames,
    )


def _inits(segments: Iterable[PublishedSegment]) -> Iterator[Finding]:
    """Yield where the init section in force is not that of the file: the segment would be read wrongly."""
    for segment in segments:
        if segment.own_init and segment.init and segment.own_init != segment.init:
            yield finding(
                Rule.DISCONTINUITY,
                segment.where,
                f"an EXT-X-MAP of its own init segment, {segment.own_init[:8]},",
                f"that of another, {segment.init[:8]}",
            )


def _lengths(media: parser.MediaPlaylist, segments: Iterable[PublishedSegment]) -> Iterator[Finding]:
    """Yield where a segment lasts longer or shorter than the playlist says.

    EXTINF is the difference of two instants rounded to microseconds, so it may
    be one off.
    """
    for segment in segments:
        if segment.entry.duration_us > media.target_s * 1_000_000 + 500_000:
            yield finding(
                Rule.DURATION, segment.where, f"at most {media.target_s} s", f"{segment.entry.duration_us} us"
            )
        if segment.track:
            ticks = sum(fragment.duration for fragment in segment.track.fragments)
            lasts_us = Fraction(ticks * 1_000_000, segment.track.timescale)
            if abs(lasts_us - segment.entry.duration_us) > 1:
                extinf = f"an EXTINF of {segment.entry.duration_us / 1_000_000:.6f} s"
                yield finding(Rule.DURATION, segment.where, f"{float(lasts_us) / 1_000_000:.6f} s", extinf)


def _on_grid(segments: Iterable[PublishedSegment], grid: Grid) -> Iterator[Finding]:
    """Yield where a segment is not the next one of the grid, and what is wrong inside it.

    Behind a segment that is out of its place the next is expected where that one
    ends, so that one fault is not told of a hundred times.
    """
    due = 0
    base = BASE_OFFSET_S * grid.timescale
    for segment in segments:
        if segment.track is None:
            due += round(segment.entry.duration_us * grid.rate / 1_000_000)
            continue
        first = (segment.track.fragments[0].decode_time - base) // grid.frame_ticks
        if first != due:
            yield finding(Rule.DECODE_TIME, segment.where, f"frame {due} to begin it", f"frame {first}")
        if first % grid.gop:
            yield finding(Rule.KEYFRAMES, segment.where, f"a multiple of {grid.gop} frames", f"frame {first}")
        frames = range(first, first + sum(len(fragment.sizes) for fragment in segment.track.fragments))
        yield from islice(check_frames(grid, frames, segment.track, segment.where), MOST_FINDINGS)
        yield from check_codec(segment.track.codec, segment.where)
        yield from check_picture(grid, segment.track, segment.where)
        due = frames.stop


def _whole(timeline: Timeline, grid: Grid) -> Iterator[Finding]:
    lasts_s = Fraction(timeline.starts_us[-1], 1_000_000)
    if abs(lasts_s - grid.duration_s) > 1 / grid.rate:
        yield finding(
            Rule.DURATION, timeline.name, f"{float(grid.duration_s):.6f} s", f"{float(lasts_s):.6f} s"
        )
    if timeline.samples != grid.frames:
        yield finding(Rule.FRAME_COUNT, timeline.name, grid.frames, timeline.samples)
