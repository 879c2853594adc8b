"""Every choice of a plan has a reason."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from rugbytx.core.plan import encoder_recipe, explanation, planner
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.explanation import Choice
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import VideoStream
from rugbytx.profiles import load
from tests.plans import SOURCE, small_media, small_plan

GRAPH = "[0:0]fps=fps=25/1,split=1[s0];[s0]scale=2:2,setsar=1[v0]"


def told(
    *, profile: str = "match", chunk_s: float | None = None, graphs: Sequence[str] = (GRAPH,), **video: Any
) -> Mapping[str, Choice]:
    """Return the choices about an invented source, by topic."""
    wanted = load(profile, None)
    plan = planned(profile, chunk_s, **video)
    found = explanation.choices(plan, wanted, chunk_s=chunk_s, graphs=graphs, is_bt709=True)
    assert all(choice.reason for choice in found)
    return {choice.topic: choice for choice in found}


def planned(profile: str = "match", chunk_s: float | None = None, **video: Any) -> Plan:
    """Return the plan of an invented source of 300 s."""
    media = small_media(end_s=Fraction(300))
    asked: dict[str, Any] = {"rate_bps": 50_000_000, **video}
    stream = media.video.model_copy(update=asked)
    return planner.decide(
        media.model_copy(update={"video": stream}), SOURCE, load(profile, None), chunk_s=chunk_s
    )


def test_a_rung_that_is_left_out_says_why() -> None:
    """And one that stays says what it gets."""
    found = told(width=1280, height=720)
    assert (found["1080p"].choice, found["1080p"].reason) == ("left out", "the source has only 720 lines")
    assert (found["720p"].choice, found["720p"].reason) == ("1280x720, 3000 kbit/s", "as the profile asks")


def test_a_rendition_tells_its_own_notes() -> None:
    """Of a rate that was capped, and of a size that no rung has."""
    plan = planned(width=1600, height=900, rate_bps=1_000_000)
    reasons = [explanation.reason_of(plan, rendition) for rendition in plan.renditions]
    assert reasons[0].startswith("keeps the source's own size: it stands well above 720p; gets 1000 kbit/s")
    assert reasons[1].endswith("the source has no more")


@pytest.mark.parametrize(
    ("chunk_s", "choice", "reason"),
    [
        (None, "5 of 60 s", "the default"),
        (30, "10 of 30 s", "asked for"),
        (3600, "1", "the source is no longer than that"),
    ],
)
def test_the_chunks_say_why(chunk_s: float | None, choice: str, reason: str) -> None:
    """Their length is the default, or was asked for, or is the film's."""
    found = told(chunk_s=chunk_s)["chunks"]
    assert found.choice == choice
    assert found.reason.startswith(reason)


def test_a_turned_picture_is_decoded_by_the_cpu() -> None:
    """On a GPU of NVIDIA's; the other encoders are fed by the CPU anyway."""
    found = told(rotation=90)
    assert found["turn"].choice == "90 degrees clockwise"
    assert found["with nvenc"].choice == "nvenc/B then nvenc/C then x264"
    assert "turning the picture is the CPU's work" in found["with nvenc"].reason


def test_pixels_that_are_not_square_are_told() -> None:
    """With the size that a viewer sees."""
    found = told(width=1440, height=1080, sample_aspect=Fraction(4, 3))
    assert found["pixels"].choice == "made square: 1920x1080"


@pytest.mark.parametrize("field_order", ["tt", "bb", "tb"])
def test_interlace_is_told_by_what_becomes_of_it(field_order: str) -> None:
    """By the filter that removes it, or by its absence."""
    without = told(field_order=field_order)
    assert without["fields"].choice == "left as they are"
    graph = "[0:0]bwdif=mode=send_field,fps=fps=50/1[v0]"
    plan = planned(field_order=field_order)
    found = explanation.choices(plan, load("match", None), chunk_s=None, graphs=[graph], is_bt709=True)
    assert "fields" not in {choice.topic for choice in found}
    assert (
        Choice(
            topic="filter", choice="bwdif=mode=send_field", reason="interlaced: each field becomes a frame"
        )
        in found
    )


def test_an_mp4_and_sound_are_told() -> None:
    """Whether there are any, and who asks."""
    clip = told(profile="clip", width=1280, height=720)
    assert (clip["mp4"].choice, clip["mp4"].reason) == ("of 720p", "the profile clip asks for one")
    assert clip["audio"].choice == "AAC-LC stereo at 48 kHz, 128 kbit/s"
    silent = small_plan(chunks=1, audio=False)
    found = explanation.choices(silent, load("match", None), chunk_s=None, graphs=[], is_bt709=True)
    assert Choice(topic="audio", choice="none", reason="the source has none") in found


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("is_bt709", [False, True])
@pytest.mark.parametrize(
    "video",
    [{}, {"rotation": 180}, {"colour_transfer": "arib-std-b67"}, {"codec": "prores"}, {"width": 100}],
    ids=str,
)
def test_every_way_has_a_sentence(video: dict[str, Any], is_bt709: bool, is_last: bool) -> None:
    """A reason is a constant for logs; people read sentences."""
    plan = planned(**video)
    stream: VideoStream = plan.media.video
    for family in Family:
        way = encoder_recipe.first(family, stream, plan.renditions, is_bt709=is_bt709, is_last=is_last)
        assert way.reason in explanation.WAYS


def test_ways_end_with_the_encoder_that_runs_everywhere() -> None:
    """Whichever is the first."""
    assert all(explanation.ways(recipe)[-1] is Recipe.X264 for recipe in Recipe)
