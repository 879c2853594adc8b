from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.cmaf.track_parser import Fragment, Track, parse
from rugbytx.core.plan.plan import AudioPlan, Grid, Plan, Rendition
from rugbytx.core.verify import h264_level
from rugbytx.core.verify.chunk import check_audio, check_chunk
from rugbytx.core.verify.finding import MOST_FINDINGS, Finding, require
from rugbytx.errors import VerificationError

SMALL = Rendition(name="48p", width=64, height=48, rate_bps=1, peak_bps=1, buffer_bits=1)


def chunk_track(grid: Grid, index: int) -> Track:
    """Return the track that an encoder should make of a chunk; its frames are reordered like I P b P b ..."""
    frames = grid.chunk_frames(index)
    ticks = grid.frame_ticks
    gops = []
    for first in frames[:: grid.gop]:
        count = min(grid.gop, frames.stop - first)
        # Behind the keyframe, each pair of frames is decoded in reverse.
        order = [0, *(number + (1 if number % 2 else -1) for number in range(1, count))]
        order[-1] = min(order[-1], count - 1)
        gops.append(
            Fragment(
                offset=0,
                size_bytes=0,
                decode_time=10 * grid.timescale + first * ticks,
                durations=(ticks,) * count,
                composition_offsets=tuple((shown - number) * ticks for number, shown in enumerate(order)),
                sizes=(9,) * count,
                sync=(True, *(False,) * (count - 1)),
                first_nal_types=(9, 7, 8, 6, 5),
            )
        )
    return Track(
        init_bytes=700,
        init_sha256="",
        timescale=grid.timescale,
        codec="avc1.64001f",
        width=64,
        height=48,
        fragments=tuple(gops),
    )


def audio_track(plan: Plan, *, priming: int = 1024, extra: int = 0) -> Track:
    """Return the audio of a plan in fragments of 94 AAC frames, the last frame cut to the sound's end."""
    samples = round(plan.grid.duration_s * 48_000) + priming + extra
    frames = [1024] * (samples // 1024) + [samples % 1024] * (samples % 1024 > 0)
    fragments = tuple(
        Fragment(
            offset=0,
            size_bytes=0,
            decode_time=480_000 - priming + 1024 * first,
            durations=tuple(frames[first : first + 94]),
            composition_offsets=(0,) * len(frames[first : first + 94]),
            sizes=(9,) * len(frames[first : first + 94]),
            sync=(True,) * len(frames[first : first + 94]),
        )
        for first in range(0, len(frames), 94)
    )
    return Track(
        init_bytes=700,
        init_sha256="",
        timescale=48_000,
        codec="mp4a.40.2",
        width=0,
        height=0,
        fragments=fragments,
    )


@pytest.fixture(scope="module")
def plan(ntsc_plan: Plan) -> Plan:
    """Return a small plan at 25 fps: chunks of 12, 12 and 10 frames in GOPs of 4."""
    grid = Grid(rate=Fraction(25), frames=34, gop=4, segment=12, chunk=12, chunks=3)
    return ntsc_plan.model_copy(update={"grid": grid, "renditions": (SMALL,)})


def with_gop(track: Track, number: int, **changes: object) -> Track:
    """Return the track with one of its fragments changed."""
    fragments = list(track.fragments)
    fragments[number] = Fragment(**{**vars(fragments[number]), **changes})
    return replace(track, fragments=tuple(fragments))


def rules(findings: Sequence[Finding]) -> list[str]:
    """Return what the findings are about."""
    return [str(finding.rule) for finding in findings]


@pytest.mark.process
def test_what_ffmpeg_makes_passes(ntsc_plan: Plan, video_sample: bytes, audio_sample: bytes) -> None:
    """The recipe puts a chunk, its short last GOP and the audio exactly where they belong."""
    assert check_chunk(ntsc_plan, 1, [parse(video_sample)]) == ()
    assert check_audio(ntsc_plan, parse(audio_sample)) == ()


@pytest.mark.process
def test_a_chunk_is_not_taken_for_its_neighbour(ntsc_plan: Plan, video_sample: bytes) -> None:
    """Frames are counted on the absolute grid."""
    found = rules(check_chunk(ntsc_plan, 0, [parse(video_sample)]))
    assert {"frame-count", "decode-time", "presentation-time"} <= set(found)


@given(
    st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001)]),
    st.integers(1, 12),
    st.integers(1, 4),
    st.integers(0, 60),
)
def test_a_chunk_on_the_grid_passes(plan: Plan, rate: Fraction, gop: int, gops: int, more: int) -> None:
    """Whatever the rate, the GOP and the length of the last chunk are."""
    grid = Grid(rate=rate, frames=gop * gops + 1 + more, gop=gop, segment=gop, chunk=gop * gops, chunks=2)
    longer = plan.model_copy(update={"grid": grid})
    for index in range(grid.chunks):
        assert check_chunk(longer, index, [chunk_track(grid, index)]) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda track: replace(track, codec="mp4a.40.2"), ["codec"]),
        (lambda track: replace(track, width=62), ["picture-size"]),
        (lambda track: replace(track, timescale=90_000), ["timescale"]),
        (lambda track: replace(track, fragments=track.fragments[:2]), ["frame-count", "fragment-count"]),
        (
            lambda track: with_gop(
                track, 2, durations=(400,), composition_offsets=(0,), sizes=(9,), sync=(True,)
            ),
            ["frame-count", "gop-length"],
        ),
        (lambda track: with_gop(track, 1, sync=(False,) * 4), ["keyframes"]),
        (lambda track: with_gop(track, 1, sync=(True, False, True, False)), ["keyframes"]),
        (lambda track: with_gop(track, 1, first_nal_types=(7, 8, 1)), ["parameter-sets"]),
        (lambda track: with_gop(track, 1, first_nal_types=(5,)), ["parameter-sets"]),
        (lambda track: with_gop(track, 1, durations=(400, 400, 400, 401)), ["frame-duration"]),
        (
            lambda track: with_gop(track, 2, decode_time=track.fragments[2].decode_time + 1),
            ["decode-time", "presentation-time"],
        ),
        # All shown at their times, but decoded two frames earlier than the chunk before allows.
        (
            lambda track: with_gop(
                track,
                0,
                decode_time=track.fragments[0].decode_time - 800,
                composition_offsets=tuple(at + 800 for at in track.fragments[0].composition_offsets),
            ),
            ["decode-time"],
        ),
        # Two frames shown at one time, and none at another.
        (lambda track: with_gop(track, 0, composition_offsets=(0, 0, 0, -400)), ["presentation-time"]),
    ],
)
def test_each_gate_finds_its_fault(plan: Plan, change: Callable[[Track], Track], expected: list[str]) -> None:
    """And no other gate is disturbed by it."""
    assert rules(check_chunk(plan, 1, [change(chunk_track(plan.grid, 1))])) == expected


def test_an_open_gop_is_found(plan: Plan) -> None:
    """Each frame is shown once and at its time, but two of them among those of the neighbouring GOP."""
    track = chunk_track(plan.grid, 1)
    first, second = (list(track.fragments[number].composition_offsets) for number in (0, 1))
    first[-1] += 400
    second[0] -= 400
    track = with_gop(
        with_gop(track, 0, composition_offsets=tuple(first)), 1, composition_offsets=tuple(second)
    )
    assert rules(check_chunk(plan, 1, [track])) == ["presentation-time"]


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.integers(-900, 900).filter(bool))
def test_no_frame_can_move_unseen(plan: Plan, index: int, gop: int, frame: int, ticks: int) -> None:
    """Any shift of any frame is a finding."""
    track = chunk_track(plan.grid, index)
    offsets = list(track.fragments[gop].composition_offsets)
    offsets[frame] += ticks
    assert check_chunk(plan, index, [with_gop(track, gop, composition_offsets=tuple(offsets))])


def test_findings_name_the_rendition_and_the_place(plan: Plan) -> None:
    """A person can go and look."""
    track = with_gop(chunk_track(plan.grid, 2), 1, sync=(False,) * 4)
    found = check_chunk(plan, 2, [track])
    assert [finding.sentence for finding in found] == [
        "chunk 2 of 48p, GOP at frame 28, fails the keyframes check: expected [0], saw []"
    ]


def test_every_rendition_must_be_there(plan: Plan) -> None:
    """Without it nobody can say which track is which."""
    found = check_chunk(plan, 0, [])
    assert [finding.sentence for finding in found] == [
        "chunk 0 fails the track-count check: expected 1, saw 0"
    ]


def test_findings_are_bounded(plan: Plan) -> None:
    """A file that is wrong throughout does not flood the record."""
    grid = Grid(rate=Fraction(25), frames=400, gop=4, segment=12, chunk=400, chunks=1)
    track = replace(chunk_track(grid, 0), fragments=chunk_track(grid, 0).fragments[::-1])
    found = check_chunk(plan.model_copy(update={"grid": grid}), 0, [track])
    assert len(found) == MOST_FINDINGS
    with pytest.raises(VerificationError, match=r"chunk 0 of 48p, GOP at frame 0, .* \(and 19 more\)$"):
        require(found)


@pytest.mark.parametrize(
    ("priming", "extra"),
    [(1024, 0), (1024, -1024), (1024, 1024), (2048, 0), (1105, 0)],
)
def test_audio_as_long_as_the_video_passes(plan: Plan, priming: int, extra: int) -> None:
    """Give or take one AAC frame, with one to two frames of priming."""
    assert check_audio(plan, audio_track(plan, priming=priming, extra=extra)) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda track: replace(track, codec="mp4a.40.5"), ["codec"]),
        (lambda track: replace(track, timescale=44_100), ["timescale"]),
        (lambda track: replace(track, fragments=track.fragments[1:]), ["decode-time"]),
        (lambda track: replace(track, fragments=track.fragments[:1]), ["duration"]),
        (
            lambda track: with_gop(track, 1, decode_time=track.fragments[1].decode_time + 1024),
            ["decode-time"],
        ),
        (
            lambda track: with_gop(track, 0, durations=(960, *track.fragments[0].durations[1:])),
            ["frame-duration", "decode-time"],
        ),
    ],
)
def test_each_audio_gate_finds_its_fault(
    plan: Plan, change: Callable[[Track], Track], expected: list[str]
) -> None:
    """The plan's grid is made long enough for two fragments."""
    grid = plan.grid.model_copy(update={"frames": 80})
    longer = plan.model_copy(update={"grid": grid})
    assert rules(check_audio(longer, change(audio_track(longer)))) == expected


@pytest.mark.parametrize("extra", [-1025, 1025])
def test_audio_that_ends_more_than_a_frame_off_is_found(plan: Plan, extra: int) -> None:
    """Sound and picture end together."""
    assert rules(check_audio(plan, audio_track(plan, extra=extra))) == ["duration"]


@pytest.mark.parametrize("priming", [0, 1023, 2049])
def test_audio_that_starts_elsewhere_is_found(plan: Plan, priming: int) -> None:
    """Without its priming before the base offset, sound lags the picture."""
    assert rules(check_audio(plan, audio_track(plan, priming=priming))) == ["decode-time"]


def test_audio_that_nobody_planned_is_found(plan: Plan) -> None:
    """A plan without audio has no use for a track."""
    assert plan.audio == AudioPlan(stream_index=1, rate_bps=128_000)
    silent = plan.model_copy(update={"audio": None})
    assert rules(check_audio(silent, audio_track(plan))) == ["track-count"]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"pixel_shape": (4, 3)}, "the pixel-shape check: expected square pixels, saw pixels of 4:3"),
        ({"codec": "avc1.640007"}, "the level check: expected level 0.9 to 5.2, saw level 0.7"),
        ({"codec": "avc1.64003c"}, "the level check: expected level 0.9 to 5.2, saw level 6"),
    ],
)
def test_pixels_are_square_and_the_level_holds_the_picture(
    plan: Plan, changed: dict[str, object], sentence: str
) -> None:
    """Or a player distorts the picture, or refuses it."""
    track = replace(chunk_track(plan.grid, 0), **changed)  # type: ignore[arg-type]
    [found] = check_chunk(plan, 0, [track])
    assert found.sentence == f"chunk 0 of 48p fails {sentence}"


@pytest.mark.parametrize(
    ("width", "height", "rate", "lowest"),
    [
        (128, 72, 25, 9),  # 8 x 5 = 40 macroblocks, 1 000 a second: what 1b holds
        (160, 90, 25, 11),  # 10 x 6 = 60 macroblocks, 1 500 a second, and level 1 ends at 1 485
        (854, 480, 24, 30),  # 54 x 30 = 1 620, 38 880
        (1280, 720, 50, 32),  # 80 x 45 = 3 600, 180 000
        (1920, 1080, 50, 42),  # 120 x 68 = 8 160, 408 000
        (7680, 4320, 60, 60),
    ],
)
def test_the_lowest_level_holds_size_and_rate(width: int, height: int, rate: int, lowest: int) -> None:
    """Counted in macroblocks of 16x16, in one picture and in a second."""
    assert h264_level.lowest(width=width, height=height, rate=Fraction(rate)) == lowest
