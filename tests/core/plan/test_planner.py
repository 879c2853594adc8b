"""Planning: the grid, the ladder, and the laws that both must keep."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.job.job import Source
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.plan import bitrate_ladder, encoder_recipe, planner
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream
from rugbytx.core.source.stream_selection import MAX_ASPECT

MATCH = Profile(
    name="match",
    rungs=(
        Rung(height=1080, rate_bps=6_000_000, high_motion_rate_bps=7_800_000),
        Rung(height=720, rate_bps=3_000_000, high_motion_rate_bps=4_500_000),
        Rung(height=540, rate_bps=2_000_000, high_motion_rate_bps=2_500_000),
        Rung(height=360, rate_bps=600_000, high_motion_rate_bps=900_000),
    ),
)
SOURCE = Source(bucket="b", key="k", etag="e", size_bytes=4_000_000_000)


def stream(
    *,
    size: tuple[int, int] = (1920, 1080),
    average: Fraction = Fraction(25),
    base: Fraction | None = None,
    rate_bps: int = 20_000_000,
    codec: str = "h264",
    rotation: int = 0,
    field_order: str = "progressive",
) -> VideoStream:
    """Return a video stream; constant rate unless ``base`` differs."""
    return VideoStream(
        index=0,
        codec=codec,
        pixel_format="yuv420p",
        width=size[0],
        height=size[1],
        rotation=rotation,
        average_rate=average,
        base_rate=base or average,
        rate_bps=rate_bps,
        field_order=field_order,
    )


def media(video: VideoStream, *, end_s: Fraction = Fraction(7200), audio: bool = True) -> MediaInfo:
    """Return a source of that picture."""
    sound = AudioStream(index=1, codec="aac", channels=2, sample_rate=48_000) if audio else None
    return MediaInfo(
        container="mov,mp4",
        size_bytes=4_000_000_000,
        start_s=Fraction(0),
        end_s=end_s,
        video=video,
        audio=sound,
    )


NTSC = Fraction(30000, 1001)

RATES = [
    # what the container says: average, base -> the grid's rate
    (Fraction(25), Fraction(25), Fraction(25)),
    (Fraction(24), Fraction(24), Fraction(24)),
    (Fraction(24000, 1001), Fraction(24000, 1001), Fraction(24000, 1001)),
    (Fraction(2997, 100), Fraction(2997, 100), NTSC),  # 29.97 written short
    (Fraction(25, 2), Fraction(25, 2), Fraction(25, 2)),
    (Fraction(50), Fraction(50), Fraction(50)),
    (Fraction(60), Fraction(60), Fraction(60)),
    (Fraction(120), Fraction(120), Fraction(60)),  # halved
    (Fraction(120000, 1001), Fraction(120000, 1001), Fraction(60000, 1001)),
    (Fraction(240), Fraction(240), Fraction(60)),  # halved twice
    (Fraction(1, 10), Fraction(1, 10), Fraction(1)),  # raised
    (Fraction(2994, 100), Fraction(60), NTSC),  # a phone's 29.94 on average
    (Fraction(30), Fraction(90_000), Fraction(30)),
    (Fraction(47), Fraction(120), Fraction(48)),  # the next standard rate above
    (Fraction(58), Fraction(60), Fraction(60000, 1001)),
    (Fraction(2397, 100), Fraction(24), Fraction(24000, 1001)),  # off by too much to be 24 with gaps
    (Fraction(11796480, 491900), Fraction(24), Fraction(24)),  # 24 with a gap here and there
    (
        Fraction(27000000, 1221719),
        Fraction(27000000, 1221719),
        Fraction(2210, 100),
    ),  # no ticks below a microsecond
]


@pytest.mark.parametrize(("average", "base", "expected"), RATES)
def test_grid_rate_is_the_rate_that_the_source_means(
    average: Fraction, base: Fraction, expected: Fraction
) -> None:
    """A constant rate is kept, a variable one goes to a standard rate, a high one is halved."""
    rate, reason = planner.grid_rate(stream(average=average, base=base))
    assert rate == expected
    assert reason


FIELDS = [
    # what the container counts, on average and at the base -> frames a second
    (Fraction(25), Fraction(25), Fraction(50)),
    (Fraction(25), Fraction(50), Fraction(50)),  # H.264's base rate is that of its fields
    (Fraction(50), Fraction(50), Fraction(50)),  # a packet for each field
    (NTSC, NTSC, 2 * NTSC),
    (Fraction(2997, 100), 2 * NTSC, 2 * NTSC),
    (Fraction(2470, 100), Fraction(25), Fraction(50)),  # one frame in eighty is missing
]


@pytest.mark.parametrize(("average", "base", "expected"), FIELDS)
def test_each_field_becomes_a_frame(average: Fraction, base: Fraction, expected: Fraction) -> None:
    """Whether a container counts frames or fields, motion keeps its full rate."""
    rate, reason = planner.grid_rate(stream(average=average, base=base, field_order="tt"))
    assert rate == expected
    assert "fields" in reason


CHUNKS = [
    # duration, asked for -> frames at 25 fps, chunk, chunks
    (Fraction(7200), None, 180_000, 1500, 120),
    (Fraction(30), None, 750, 750, 1),  # 30 s is a whole number of segments
    (Fraction(89), None, 2225, 2250, 1),  # below 90 s: one chunk
    (Fraction(90), None, 2250, 1500, 2),
    (Fraction(30), 5.0, 750, 150, 5),  # 5 s is 2.5 GOPs: one segment of 6 s
    (Fraction(32), 2.0, 800, 50, 16),  # one GOP
    (Fraction(33), 2.0, 825, 50, 16),  # a tail below two GOPs joins its neighbour
    (Fraction(61), 60.0, 1525, 1500, 1),
    (Fraction(65), 60.0, 1625, 1500, 2),
    (Fraction(1, 100), None, 1, 150, 1),
]

PAIRS = [
    # rate, duration -> frames, gop
    (Fraction(50), Fraction(10), 500, 100),
    (Fraction(50), Fraction(501, 50), 502, 100),  # an odd frame is shown twice
    (Fraction(60000, 1001), Fraction(1001, 60), 1000, 120),
    (Fraction(75, 2), Fraction(10), 376, 76),  # a rate of no camera's: 75 frames would be no pairs
]


@pytest.mark.parametrize(("rate", "end_s", "frames", "gop"), PAIRS)
def test_a_fast_grid_holds_whole_pairs(rate: Fraction, end_s: Fraction, frames: int, gop: int) -> None:
    """Frames, GOPs, segments and chunks can be halved, and begin and end at the same instants then."""
    grid, _ = planner.lay_grid(media(stream(average=rate), end_s=end_s), chunk_s=3.0)
    half = grid.thinned(2)
    assert (grid.frames, grid.gop) == (frames, gop)
    assert half.duration_s == grid.duration_s
    starts = [
        [one.chunk_frames(index).start / one.rate for index in range(one.chunks)] for one in (grid, half)
    ]
    assert starts[0] == starts[1]
    assert (half.gop, half.segment, half.chunk) == (grid.gop // 2, grid.segment // 2, grid.chunk // 2)


@pytest.mark.parametrize(("end_s", "asked_s", "frames", "chunk", "chunks"), CHUNKS)
def test_chunks_are_whole_segments(
    end_s: Fraction, asked_s: float | None, frames: int, chunk: int, chunks: int
) -> None:
    """Chunks are whole segments, or whole GOPs where less was asked for; a short tail joins."""
    grid, _ = planner.lay_grid(media(stream(), end_s=end_s), chunk_s=asked_s)
    assert (grid.frames, grid.chunk, grid.chunks) == (frames, chunk, chunks)


rates = st.sampled_from(planner.STANDARD_RATES)


@given(
    rate=rates,
    end_s=st.fractions(min_value=Fraction(1, 1000), max_value=20_000, max_denominator=90_000),
    asked_s=st.none() | st.floats(min_value=0.1, max_value=3600),
)
def test_chunks_partition_the_frames(rate: Fraction, end_s: Fraction, asked_s: float | None) -> None:
    """Every frame lies in exactly one chunk, every chunk starts on the keyframe grid and holds a frame."""
    grid, _ = planner.lay_grid(media(stream(average=rate), end_s=end_s), chunk_s=asked_s)
    runs = [grid.chunk_frames(index) for index in range(grid.chunks)]
    assert runs[0].start == 0
    assert runs[-1].stop == grid.frames
    assert all(left.stop == right.start for left, right in pairwise(runs))
    assert all(run.start % grid.gop == 0 and len(run) > 0 for run in runs)
    assert grid.chunk % grid.gop == 0
    pair = 2 if rate > 30 else 1
    assert abs(grid.duration_s - end_s) <= max((pair - Fraction(1, 2)) / rate, pair / rate - end_s)


any_rate = st.fractions(min_value=Fraction(1, 100), max_value=1000)


@given(average=any_rate, base=any_rate, length_s=st.integers(min_value=1, max_value=12 * 3600))
def test_ticks_are_coarser_than_microseconds(average: Fraction, base: Fraction, length_s: int) -> None:
    """Ffmpeg takes a chunk's offset in microseconds: rounded, it must still be the right tick."""
    source = media(stream(average=average, base=base), end_s=Fraction(length_s))
    grid, _ = planner.lay_grid(source, chunk_s=None)
    assert grid.timescale <= 500_000
    assert Fraction(grid.frame_ticks, grid.timescale) == 1 / grid.rate


@given(average=any_rate)
def test_a_constant_rate_is_kept_as_near_as_ticks_allow(average: Fraction) -> None:
    """What is not halved, raised or a standard rate is the nearest rate that can be written in ticks."""
    rate, _ = planner.grid_rate(stream(average=average))
    if 1 <= average <= 60 and rate not in planner.STANDARD_RATES:
        assert abs(rate - average) <= Fraction(1, 2002)


@given(rate=rates)
def test_a_frame_is_a_whole_number_of_ticks(rate: Fraction) -> None:
    """The timescale divides evenly, so that no timestamp is ever rounded."""
    grid, _ = planner.lay_grid(media(stream(average=rate)), chunk_s=None)
    assert Fraction(grid.frame_ticks, grid.timescale) == 1 / grid.rate


LADDERS = [
    # size, source rate -> renditions
    ((1920, 1080), 20_000_000, [(1920, 1080), (1280, 720), (960, 540), (640, 360)]),
    ((3840, 2160), 50_000_000, [(1920, 1080), (1280, 720), (960, 540), (640, 360)]),  # the profile's top
    ((1280, 720), 9_000_000, [(1280, 720), (960, 540), (640, 360)]),
    ((854, 480), 9_000_000, [(854, 480), (640, 360)]),  # well above 360: its own size on top
    ((768, 432), 9_000_000, [(768, 432), (640, 360)]),
    ((640, 400), 9_000_000, [(576, 360)]),  # 400 is not well above 360
    ((320, 180), 9_000_000, [(320, 180)]),  # below every rung
    ((1080, 1920), 9_000_000, [(1080, 1920), (720, 1280), (540, 960), (360, 640)]),  # portrait
    ((1440, 1080), 9_000_000, [(1440, 1080), (960, 720), (720, 540), (480, 360)]),
    ((128, 96), 9_000_000, [(194, 146)]),  # as small as a GPU encodes
    ((8192, 1080), 90_000_000, [(3840, 506), (2732, 360)]),  # as wide as a Jetson does
]


@pytest.mark.parametrize(("size", "rate_bps", "expected"), LADDERS)
def test_ladder(size: tuple[int, int], rate_bps: int, expected: list[tuple[int, int]]) -> None:
    """The ladder is cut down to what the source deserves."""
    renditions, _ = bitrate_ladder.decide(
        stream(size=size), MATCH, rate=Fraction(25), source_rate_bps=rate_bps
    )
    assert [(rendition.width, rendition.height) for rendition in renditions] == expected


def test_rotation_turns_the_ladder() -> None:
    """A landscape picture that is shown upright gets a portrait ladder."""
    renditions, _ = bitrate_ladder.decide(stream(rotation=90), MATCH, rate=Fraction(25), source_rate_bps=0)
    assert (renditions[0].width, renditions[0].height) == (1080, 1920)


def test_high_motion_gets_the_higher_rates() -> None:
    """Above 30 frames a second the profile's second column holds, where every frame is shown."""
    calm, _ = bitrate_ladder.decide(stream(), MATCH, rate=Fraction(25), source_rate_bps=0)
    fast, _ = bitrate_ladder.decide(stream(), MATCH, rate=Fraction(50), source_rate_bps=0)
    assert [rendition.rate_bps for rendition in calm] == [6_000_000, 3_000_000, 2_000_000, 600_000]
    assert [rendition.rate_bps for rendition in fast] == [7_800_000, 4_500_000, 2_500_000, 600_000]


@pytest.mark.parametrize(
    ("size", "rate", "steps"),
    [
        ((1920, 1080), Fraction(50), [1, 1, 1, 2]),
        ((1920, 1080), Fraction(60000, 1001), [1, 1, 1, 2]),
        ((1920, 1080), Fraction(30), [1, 1, 1, 1]),
        ((854, 480), Fraction(50), [1, 2]),  # the best there is moves as the source does
        ((320, 180), Fraction(60), [1]),
        ((1080, 1920), Fraction(50), [1, 1, 1, 2]),
    ],
)
def test_small_pictures_show_every_other_frame(
    size: tuple[int, int], rate: Fraction, steps: list[int]
) -> None:
    """High motion is kept from 540 lines up, and a note says where it is not."""
    renditions, notes = bitrate_ladder.decide(stream(size=size), MATCH, rate=rate, source_rate_bps=0)
    assert [rendition.frame_step for rendition in renditions] == steps
    assert sum("every other frame" in note for note in notes) == steps.count(2)


sides = st.integers(min_value=2, max_value=8192)
shapes = st.tuples(sides, sides).filter(lambda size: max(size) <= MAX_ASPECT * min(size))


@given(size=shapes, source_rate_bps=st.integers(min_value=0, max_value=100_000_000))
def test_ladder_laws(size: tuple[int, int], source_rate_bps: int) -> None:
    """Nothing is scaled up beyond need, an AWS host takes every size, sides are even, names differ, and sizes and rates fall together."""
    renditions, _ = bitrate_ladder.decide(
        stream(size=size), MATCH, rate=Fraction(25), source_rate_bps=source_rate_bps
    )
    assert renditions
    assert len({rendition.name for rendition in renditions}) == len(renditions)
    for rendition in renditions:
        assert rendition.width % 2 == rendition.height % 2 == 0
        made = (rendition.width, rendition.height)
        assert min(made) <= max(bitrate_ladder.LEAST_SIDE, min(size))
        assert bitrate_ladder.LEAST_SIDE <= min(made) <= max(made) <= bitrate_ladder.MOST_SIDE
        way = encoder_recipe.first(Family.NVENC, stream(size=size), renditions, is_bt709=True, is_last=False)
        assert way.recipe.family is Family.NVENC
        assert rendition.rate_bps <= max(bitrate_ladder.LEAST_RATE_BPS, source_rate_bps or 1 << 40)
        assert rendition.rate_bps <= rendition.peak_bps <= 2 * rendition.rate_bps
    rates_bps = [rendition.rate_bps for rendition in renditions]
    assert rates_bps == sorted(rates_bps, reverse=True)


def test_a_better_codec_says_more_with_its_bits() -> None:
    """HEVC's bits are worth more H.264 bits than H.264's own."""
    plain, _ = bitrate_ladder.decide(stream(), MATCH, rate=Fraction(25), source_rate_bps=1_000_000)
    hevc, _ = bitrate_ladder.decide(stream(codec="hevc"), MATCH, rate=Fraction(25), source_rate_bps=1_000_000)
    assert hevc[0].rate_bps == 1.6 * plain[0].rate_bps


def test_a_plan_survives_being_written_down() -> None:
    """A plan read back from its JSON is the same plan, with the same digest."""
    plan = planner.decide(media(stream(average=NTSC)), SOURCE, MATCH)
    again = type(plan).model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.digest() == plan.digest()


def test_a_silent_source_has_no_audio_plan() -> None:
    """Without an audio stream there is nothing to encode, and the plan says so."""
    plan = planner.decide(media(stream(), audio=False), SOURCE, MATCH)
    assert plan.audio is None
    assert any("no audio" in note for note in plan.notes)
