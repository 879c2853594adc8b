"""How long a plan would take."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rugbytx.core.cost import forecast
from rugbytx.core.cost.forecast import Forecast, Observations, Observed
from rugbytx.core.fleet.worker_class import (
    AWS_HOST,
    HOSTS,
    JETSON_HOST,
    Cpu,
    Evidence,
    Figure,
    HostFigures,
    WorkerClass,
)
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.lease.unit import AUDIO, Kind, Measured, State, Unit, UnitKey
from rugbytx.core.plan import planner
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream
from rugbytx.profiles import load
from tests.plans import SOURCE


def figure(value: float) -> Figure:
    """Return a figure of round numbers."""
    return Figure(value=value, source="a test")


#: A million pixels a second on the GPU; the CPU decodes 2, tone-maps 0.5, scales 4 and encodes 0.25 million.
HOST = HostFigures(
    worker_class=WorkerClass.AWS,
    hardware="a host of round numbers",
    family=Family.NVENC,
    gpu_px_per_s=figure(1e6),
    cpu=Cpu(
        decode_px_per_s=figure(2e6),
        tone_map_px_per_s=figure(0.5e6),
        scale_px_per_s=figure(4e6),
        x264_px_per_s=figure(0.25e6),
        audio_s_per_s=figure(10),
    ),
    start_s=20.0,
)
ON_JETSON = replace(HOST, family=Family.NVMPI)
ON_CPU = replace(HOST, family=Family.X264)

#: One rendition of 200x160, which is the source's size: 320,000 pixels a second of film at 10 fps.
RUNG = Rung(height=160, rate_bps=800_000, high_motion_rate_bps=800_000)
SIDE = (200, 160)


def plan(
    *, length_s: float = 100, rungs: tuple[Rung, ...] = (RUNG,), audio: bool = False, **video: Any
) -> Plan:
    """Return the plan of a source of 10 fps in chunks of 6 s."""
    told = {
        "index": 0,
        "codec": "h264",
        "pixel_format": "yuv420p",
        "width": SIDE[0],
        "height": SIDE[1],
        "average_rate": Fraction(10),
        "base_rate": Fraction(10),
    }
    media = MediaInfo(
        container="mov",
        size_bytes=2_000_000_000,
        start_s=Fraction(0),
        end_s=Fraction(length_s),
        video=VideoStream.model_validate(told | video),
        audio=AudioStream(index=1, codec="aac", channels=2, sample_rate=48_000) if audio else None,
    )
    source = SOURCE.model_copy(update={"size_bytes": media.size_bytes})
    return planner.decide(media, source, Profile(name="one", rungs=rungs), chunk_s=6.0)


def cast(
    told: Plan, host: HostFigures = HOST, *, is_bt709: bool = True, observed: Observations | None = None
) -> Forecast:
    """Return the forecast of a plan."""
    return forecast.decide(told, host, is_bt709=is_bt709, observed=observed)


@pytest.mark.parametrize(
    ("told", "host", "is_bt709", "recipe", "encode_s", "narrowest"),
    [
        (plan(), HOST, True, Recipe.NVENC_A, 32 / 1, "gpu"),
        (plan(rotation=90), HOST, True, Recipe.NVENC_B, max(32 / 2, 32 / 1), "gpu"),
        (plan(colour_transfer="smpte2084"), HOST, True, Recipe.NVENC_B, 32 / 2 + 32 / 0.5, "cpu"),
        (plan(), HOST, False, Recipe.NVENC_C, max(32 / 2 + 32 / 4, 32 / 1), "gpu"),
        (plan(), ON_JETSON, True, Recipe.NVMPI, max(32 / 2 + 32 / 4, 32 / 1), "gpu"),
        (plan(), ON_CPU, True, Recipe.X264, 32 / 2 + 32 / 4 + 32 / 0.25, "cpu"),
        (
            plan(average_rate=Fraction(240), base_rate=Fraction(240), rotation=90),
            HOST,
            True,
            Recipe.NVENC_B,
            max(24 * 32 / 2, 6 * 32 / 1),
            "cpu",
        ),
    ],
    ids=[
        "all on the GPU: only encoding counts",
        "decoded beside it by the CPU, which keeps up",
        "tone mapping is slower than the GPU",
        "scaled by the CPU as well",
        "a Jetson's encoder is fed by the CPU",
        "the CPU does one thing after the other",
        "frames that the grid drops are decoded all the same",
    ],
)
def test_the_slower_engine_sets_the_pace(
    told: Plan, host: HostFigures, is_bt709: bool, recipe: Recipe, encode_s: float, narrowest: str
) -> None:
    """100 s of 320,000 pixels a second are 32 million."""
    seen = cast(told, host, is_bt709=is_bt709)
    assert (seen.way.recipe, seen.narrowest) == (recipe, narrowest)
    assert seen.encode_s == pytest.approx(encode_s)
    assert seen.speed.evidence is Evidence.ASSUMED


def test_a_rendition_of_every_other_frame_is_half_the_work() -> None:
    """At 50 fps the second one has 25: 1.6 million pixels a second, and 0.7 of 1.4."""
    smaller = Rung(height=150, rate_bps=400_000, high_motion_rate_bps=400_000)
    told = plan(rungs=(RUNG, smaller), average_rate=Fraction(50), base_rate=Fraction(50))
    assert [(one.width, one.frame_step) for one in told.renditions] == [(200, 1), (188, 2)]
    assert cast(told).encode_s == pytest.approx((5_000 * 200 * 160 + 2_500 * 188 * 150) / 1e6)


def test_sound_takes_its_time() -> None:
    """32 s of pictures and 10 s of sound."""
    seen = cast(plan(audio=True))
    assert (seen.encode_s, seen.audio_s, seen.busy_s) == pytest.approx((32, 10, 42))


def test_what_was_measured_goes_before_what_is_assumed() -> None:
    """But only for the class and the way that it was measured on."""
    observed = {(WorkerClass.AWS, Recipe.NVENC_A): Observed(px_per_s=4e6, chunks=9)}
    seen = cast(plan(), observed=observed)
    assert (seen.encode_s, seen.speed.evidence, seen.narrowest) == (8, Evidence.MEASURED, "")
    assert seen.speed.source == "9 finished chunks of class aws by nvenc/A"
    assert cast(plan(rotation=90), observed=observed).speed.evidence is Evidence.ASSUMED
    assert (
        cast(plan(), replace(HOST, worker_class=WorkerClass.JETSON), observed=observed).speed.evidence
        is Evidence.ASSUMED
    )


def test_a_class_is_believed_to_have_the_encoder_that_most_of_its_chunks_came_from() -> None:
    """A Jetson without an encoder of its own works by x264."""
    observed = {
        (WorkerClass.AWS, Recipe.X264): Observed(px_per_s=1e6, chunks=9),
        (WorkerClass.AWS, Recipe.NVENC_A): Observed(px_per_s=4e6, chunks=8),
    }
    assert cast(plan(), observed=observed).way.recipe is Recipe.X264


def chunk(index: int, *, encode_s: float, state: State = State.DONE, encoder: str = "x264") -> Unit:
    """Return a unit of 60 frames."""
    measured = Measured(worker_class="jetson", encoder=encoder, frames=60, encode_s=encode_s)
    return Unit(key=UnitKey(Kind.VIDEO, index), generation=1, state=state, fence=1, measured=measured)


def test_the_median_of_finished_chunks_is_observed() -> None:
    """60 frames of 32,000 pixels in 1, 2 and 40 s: 0.96 million a second; what is not a finished chunk says nothing."""
    units = [chunk(0, encode_s=1), chunk(1, encode_s=2), chunk(2, encode_s=40)]
    audio = chunk(0, encode_s=1, encoder="aac").model_copy(update={"key": AUDIO})
    others = [audio, chunk(3, encode_s=9, state=State.LEASED), chunk(4, encode_s=0)]
    assert forecast.observe([(plan(), [*units, *others])]) == {
        (WorkerClass.JETSON, Recipe.X264): Observed(px_per_s=0.96e6, chunks=3)
    }


def test_a_match_takes_what_the_note_says() -> None:
    """2 h of 1080p at 30 frames a second: 35 and 25 minutes, as the classes' speeds were made from that."""
    video = {"width": 1920, "height": 1080, "average_rate": Fraction(30), "base_rate": Fraction(30)}
    match = plan(length_s=7200, rungs=load("match", None).rungs, audio=True, **video)
    minutes = {one.worker_class: cast(match, one).busy_s / 60 for one in HOSTS}
    assert minutes == {"jetson": pytest.approx(35, rel=0.01), "aws": pytest.approx(25, rel=0.01)}


def test_every_figure_says_where_it_comes_from() -> None:
    """And none of the classes' own claims to have been measured."""
    for one in HOSTS:
        figures = [one.gpu_px_per_s, *vars(one.cpu).values()]
        assert all(told.source and told.evidence is Evidence.ASSUMED for told in figures)
    assert [one.worker_class for one in HOSTS] == ["jetson", "aws"]


LENGTHS = st.integers(min_value=1, max_value=36_000)
ANY_HOST = st.sampled_from([HOST, ON_JETSON, ON_CPU, JETSON_HOST, AWS_HOST])
#: Neither is taken by another way than the plain source where that is on the CPU anyway.
PICTURES = st.sampled_from([{}, {"rotation": 90}, {"colour_transfer": "smpte2084"}, {"codec": "prores"}])


@given(length_s=LENGTHS, more_s=LENGTHS, host=ANY_HOST, picture=PICTURES, audio=st.booleans())
def test_more_of_a_film_is_never_faster(
    length_s: int, more_s: int, host: HostFigures, picture: dict[str, Any], audio: bool
) -> None:
    """By the same way: a film of one chunk may go through the CPU, and a longer one through the GPU."""
    less = cast(plan(length_s=length_s, audio=audio, **picture), host)
    more = cast(plan(length_s=length_s + more_s, audio=audio, **picture), host)
    assume(less.way.recipe is more.way.recipe)
    assert more.busy_s >= less.busy_s


@given(length_s=LENGTHS, host=ANY_HOST, picture=PICTURES)
def test_one_rendition_more_is_never_faster(
    length_s: int, host: HostFigures, picture: dict[str, Any]
) -> None:
    """It is work as well."""
    smaller = Rung(height=150, rate_bps=400_000, high_motion_rate_bps=400_000)
    one = cast(plan(length_s=length_s, **picture), host)
    two = cast(plan(length_s=length_s, rungs=(RUNG, smaller), **picture), host)
    assert two.busy_s >= one.busy_s


@given(length_s=LENGTHS, host=ANY_HOST, factor=st.floats(min_value=1, max_value=100))
def test_a_faster_gpu_is_never_slower(length_s: int, host: HostFigures, factor: float) -> None:
    """But it may be no faster, where the CPU sets the pace."""
    faster = replace(host, gpu_px_per_s=figure(host.gpu_px_per_s.value * factor))
    assert cast(plan(length_s=length_s), faster).busy_s <= cast(plan(length_s=length_s), host).busy_s
