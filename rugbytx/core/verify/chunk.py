"""The checks of a chunk: whether what an encoder made lies exactly on the plan's grid.

A chunk is only as good as its joins.  Whatever worker and encoder made them,
the chunks of one rendition must tile its timeline without a gap, an overlap or
a keyframe in the wrong place, so every figure here is exact and none has a
tolerance, but for the audio's last frame.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.plan.plan import BASE_OFFSET_S, Grid, Plan
from rugbytx.core.verify import h264_level
from rugbytx.core.verify.finding import MOST_FINDINGS, Finding, Rule, finding

#: Samples in a frame of AAC-LC (ISO/IEC 14496-3, 4.5.1).
AAC_FRAME = 1024
#: What a keyframe carries so that a decoder can begin there whatever came before:
#: SPS, PPS and an IDR slice (ITU-T H.264, table 7-1).
KEYFRAME_NAL_TYPES = frozenset({7, 8, 5})

#: Baseline, Main and High by their ``profile_idc`` (ITU-T H.264, A.2), as a codec's name has it.
PLAIN_PROFILES = frozenset({"42", "4d", "64"})


def check_chunk(plan: Plan, index: int, tracks: Sequence[Track]) -> tuple[Finding, ...]:
    """Return what is wrong with a chunk's tracks, which stand in the order of ``plan.renditions``."""
    return tuple(islice(_chunk(plan, index, tracks), MOST_FINDINGS))


def check_audio(plan: Plan, track: Track) -> tuple[Finding, ...]:
    """Return what is wrong with the audio track.

    The encoder's priming stands before the base offset: one AAC frame with
    ffmpeg's own encoder (measured), up to two with others.  Only the last frame
    may be shorter than 1024 samples, as ffmpeg makes it end with the sound.
    """
    if plan.audio is None:
        return tuple(_unless_equal(Rule.TRACK_COUNT, "audio", 0, 1))
    return check_sound(plan.grid, plan.audio.sample_rate, track, "audio")


def check_sound(grid: Grid, rate: int, track: Track, where: str) -> tuple[Finding, ...]:
    """Return what is wrong with an audio track of so many samples a second that goes with the grid."""
    return tuple(islice(_audio(grid, rate, track, where), MOST_FINDINGS))


def _unless_equal(rule: Rule, where: str, expected: object, actual: object) -> Iterator[Finding]:
    if expected != actual:
        yield finding(rule, where, expected, actual)


def _chunk(plan: Plan, index: int, tracks: Sequence[Track]) -> Iterator[Finding]:
    if len(tracks) != len(plan.renditions):
        yield from _unless_equal(Rule.TRACK_COUNT, f"chunk {index}", len(plan.renditions), len(tracks))
        return
    for rendition, track in zip(plan.renditions, tracks, strict=True):
        where = f"chunk {index} of {rendition.name}"
        size, seen_size = f"{rendition.width}x{rendition.height}", f"{track.width}x{track.height}"
        yield from check_codec(track.codec, where)
        yield from _unless_equal(Rule.PICTURE_SIZE, where, size, seen_size)
        grid = plan.grid_of(rendition)
        yield from check_picture(grid, track, where)
        yield from check_frames(grid, grid.chunk_frames(index), track, where)


def check_codec(codec: str, where: str) -> Iterator[Finding]:
    """Yield what is wrong with a video track's codec.

    Baseline, Main and High know nothing but 8 bits and 4:2:0 (ITU-T H.264, A.2),
    so the profile proves the pixel format as well.

    >>> [finding.seen for finding in check_codec("avc1.6e0028", "chunk 0 of 720p")]
    ['avc1.6e0028']
    """
    if not codec.startswith("avc1."):
        yield Finding(rule=Rule.CODEC, where=where, expected="avc1", seen=codec)
    elif codec[5:7] not in PLAIN_PROFILES:
        yield Finding(rule=Rule.PROFILE, where=where, expected="Baseline, Main or High", seen=codec)


def check_picture(grid: Grid, track: Track, where: str) -> Iterator[Finding]:
    """Yield what is wrong with a video track's pixels and its level, for frames at the grid's rate."""
    across, down = track.pixel_shape
    if across != down:
        yield finding(Rule.PIXEL_SHAPE, where, "square pixels", f"pixels of {across}:{down}")
    least = h264_level.lowest(width=track.width, height=track.height, rate=grid.rate)
    if track.level and not least <= track.level <= h264_level.HIGHEST:
        bounds = f"level {least / 10:g} to {h264_level.HIGHEST / 10:g}"
        yield finding(Rule.LEVEL, where, bounds, f"level {track.level / 10:g}")


def check_frames(grid: Grid, frames: range, track: Track, where: str) -> Iterator[Finding]:
    """Yield how a track's fragments differ from these frames of the grid; the first begins a GOP."""
    yield from _unless_equal(Rule.TIMESCALE, where, grid.timescale, track.timescale)
    yield from _gops(grid, frames, track, where)
    yield from _presentation_times(grid, frames, track, where)


def _gops(grid: Grid, frames: range, track: Track, where: str) -> Iterator[Finding]:
    """Compare fragment after fragment with the grid's GOPs.

    A GOP's decode time must be the time at which its first frame is shown, not
    merely follow on: only then do chunks of unlike encoders tile the timeline.
    Encoders that reorder frames get there by negative composition offsets.
    """
    gops = [frames[first : first + grid.gop] for first in range(0, len(frames), grid.gop)]
    yield from _unless_equal(
        Rule.FRAME_COUNT, where, len(frames), sum(len(fragment.sizes) for fragment in track.fragments)
    )
    yield from _unless_equal(Rule.FRAGMENT_COUNT, where, len(gops), len(track.fragments))
    for gop, fragment in zip(gops, track.fragments, strict=False):
        here = f"{where}, GOP at frame {gop.start},"
        yield from _unless_equal(Rule.GOP_LENGTH, here, len(gop), len(fragment.sizes))
        keyframes = [number for number, sync in enumerate(fragment.sync) if sync]
        yield from _unless_equal(Rule.KEYFRAMES, here, [0], keyframes)
        missing = KEYFRAME_NAL_TYPES - set(fragment.first_nal_types)
        if missing:
            yield Finding(
                rule=Rule.PARAMETER_SETS,
                where=here,
                expected=f"NAL unit types {sorted(KEYFRAME_NAL_TYPES)}",
                seen=str(sorted(set(fragment.first_nal_types))),
            )
        durations = sorted({*fragment.durations})
        yield from _unless_equal(Rule.FRAME_DURATION, here, [grid.frame_ticks], durations)
        yield from _unless_equal(Rule.DECODE_TIME, here, _shown_at(grid, gop.start), fragment.decode_time)


def _presentation_times(grid: Grid, frames: range, track: Track, where: str) -> Iterator[Finding]:
    """Report the first frame that is not shown at its time, and how many are not.

    The times are sorted within each fragment: a frame that is shown among those
    of another GOP would break a seek to it.
    """
    shown = chain.from_iterable(sorted(fragment.presentation_times) for fragment in track.fragments)
    wrong = [(frame, at) for frame, at in zip(frames, shown, strict=False) if at != _shown_at(grid, frame)]
    if wrong:
        frame, at = wrong[0]
        yield Finding(
            rule=Rule.PRESENTATION_TIME,
            where=where,
            expected=f"frame {frame} at tick {_shown_at(grid, frame)}",
            seen=f"tick {at}, and {len(wrong)} frames misplaced in all",
        )


def _shown_at(grid: Grid, frame: int) -> int:
    """Return the tick at which a frame of the grid is shown."""
    return BASE_OFFSET_S * grid.timescale + frame * grid.frame_ticks


def _audio(grid: Grid, rate: int, track: Track, where: str) -> Iterator[Finding]:
    yield from _unless_equal(Rule.CODEC, where, "mp4a.40.2", track.codec)
    yield from _unless_equal(Rule.TIMESCALE, where, rate, track.timescale)
    *whole, last = chain.from_iterable(fragment.durations for fragment in track.fragments)
    odd = sorted({duration for duration in whole if duration != AAC_FRAME})
    if odd or not 0 < last <= AAC_FRAME:
        durations = f"{[*odd, last]}"
        yield Finding(rule=Rule.FRAME_DURATION, where=where, expected=f"{AAC_FRAME} samples", seen=durations)
    for before, fragment in pairwise(track.fragments):
        due = before.decode_time + before.duration
        yield from _unless_equal(Rule.DECODE_TIME, where, due, fragment.decode_time)
    base, first = BASE_OFFSET_S * rate, track.fragments[0].decode_time
    if not base - 2 * AAC_FRAME <= first <= base - AAC_FRAME:
        expected = f"{base - 2 * AAC_FRAME} to {base - AAC_FRAME}"
        yield Finding(rule=Rule.DECODE_TIME, where=where, expected=expected, seen=str(first))
    lasts = track.fragments[-1].decode_time + track.fragments[-1].duration - base
    planned = round(grid.duration_s * rate)
    if abs(lasts - planned) > AAC_FRAME:
        expected = f"{planned} samples, give or take {AAC_FRAME}"
        yield Finding(rule=Rule.DURATION, where=where, expected=expected, seen=f"{lasts}")
