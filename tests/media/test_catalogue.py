"""Laws over everything that ffprobe ever said here: ``probes/`` is the catalogue.

Most answers are those of the films of ``tests/source`` (``python -m
tests.source.save``); what ffmpeg cannot make was written by hand, and says so.
"""

import json
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.plan import encoder_recipe, planner
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source import ffprobe_parser
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.errors import UnsupportedMedia
from rugbytx.media.encode import filter_graph
from tests.core.plan.test_planner import MATCH, SOURCE
from tests.source.catalogue import KINDS
from tests.source.save import slug

PROBES = Path(__file__).parent / "probes"

REFUSED = {
    "audio-only": "no video stream",
    "bomb": "no picture size",
    "cover-art-only": "only a cover picture",
    "dolby-vision-without-a-base-layer": "Dolby Vision profile 5",
    "phone-turned-by-its-keyframes-alone": "its turn in the container",
}
NAMES = sorted(path.stem for path in PROBES.glob("*.json") if path.stem not in REFUSED)


def saved(name: str) -> dict[str, Any]:
    """Return what was saved under a name."""
    found: dict[str, Any] = json.loads((PROBES / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def parse(name: str) -> MediaInfo:
    """Return a source as planning sees it."""
    found = saved(name)
    return ffprobe_parser.parse(
        found["answer"], tail=found["tail"], first=found.get("first", ()), size_bytes=10**7
    )


@cache
def plan_of(name: str) -> Plan:
    """Return the plan for a source."""
    return planner.decide(parse(name), SOURCE, MATCH)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_is_refused(name: str) -> None:
    """With a sentence that says why."""
    with pytest.raises(UnsupportedMedia, match=REFUSED[name]):
        parse(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_grid_keeps_the_motion(name: str) -> None:
    """At most 60 frames a second, at least what the source has below that, and each field of its own."""
    video, rate = parse(name).video, plan_of(name).grid.rate
    assert 0 < rate <= 60
    fields = 2 if video.is_interlaced and video.average_rate <= 30 else 1
    shown = fields * video.average_rate
    assert rate >= Fraction(999, 1000) * (shown if shown <= 60 else 30)
    if video.is_interlaced:
        assert rate >= 48


@pytest.mark.parametrize("name", NAMES)
def test_the_grid_is_as_long_as_the_source(name: str) -> None:
    """To half a frame, after a move of at most half a frame; a fast grid has an even number, so one more perhaps."""
    info, grid = parse(name), plan_of(name).grid
    assert abs(grid.move_s) <= Fraction(1, 2) / grid.rate
    longer = (grid.duration_s - info.end_s - grid.move_s) * grid.rate
    assert Fraction(-1, 2) <= longer <= Fraction(1, 2) + (grid.rate > 30)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_keeps_its_shape(name: str) -> None:
    """No side is odd, nothing is made larger, and the shape is the source's to one percent."""
    width, height = parse(name).video.display_size
    for rendition in plan_of(name).renditions:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert rendition.width <= width
        assert rendition.height <= height
        assert abs(Fraction(rendition.width, rendition.height) / Fraction(width, height) - 1) <= 0.01


@pytest.mark.parametrize("name", NAMES)
def test_renditions_fall(name: str) -> None:
    """In size and in rate, each under its own name."""
    renditions = plan_of(name).renditions
    pixels = [rendition.width * rendition.height for rendition in renditions]
    rates_bps = [rendition.rate_bps for rendition in renditions]
    assert pixels == sorted(set(pixels), reverse=True)
    assert rates_bps == sorted(rates_bps, reverse=True)
    assert len({rendition.name for rendition in renditions}) == len(renditions) > 0


@pytest.mark.parametrize("name", NAMES)
def test_notes_are_sentences(name: str) -> None:
    """Each of some words in one line, and none said twice."""
    notes = plan_of(name).notes
    assert len(set(notes)) == len(notes) > 0
    for note in notes:
        assert re.fullmatch(r"[^\n|{}]*[^\s.|{}]", note), note
        assert len(note.split()) >= 4
        assert "None" not in note
        assert "Fraction" not in note


@pytest.mark.parametrize("name", NAMES)
def test_what_the_gpu_cannot_do_is_done_before_it(name: str) -> None:
    """A turn, a mirror, fields and a tone mapping, in a middle chunk."""
    video = parse(name).video
    way = encoder_recipe.first(
        Family.NVENC, video, plan_of(name).renditions, is_bt709=filter_graph.is_bt709(video), is_last=False
    )
    needs_cpu = video.rotation or video.mirrored or video.is_interlaced or encoder_recipe.is_hdr(video)
    assert not (needs_cpu and way.recipe is Recipe.NVENC_A), way
    filters = filter_graph.graph(plan_of(name), 0, Recipe.X264)
    assert ("bwdif" in filters) == video.is_interlaced
    assert ("tonemap" in filters) == encoder_recipe.is_hdr(video)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_survives_being_written_down(name: str) -> None:
    """Exactly, and with the same digest."""
    plan = plan_of(name)
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.digest() == plan.digest()


@pytest.mark.parametrize(
    ("name", "rate", "words"),
    [
        ("by-hand-1080i-base-rate-of-fields", 50, ["50 fields", "comes as MPEG-TS"]),
        ("by-hand-1080i-field-packets", 50, ["50 fields"]),
        ("by-hand-camera-1080i-anamorphic", Fraction(60000, 1001), ["pixels of 4:3", "1920x1080"]),
        ("by-hand-phone-dolby-vision-8-4", Fraction(60000, 1001), ["turned by 90 degrees", "(HLG)"]),
        ("broadcast-50i", 50, ["50 fields", "pixels of 64:45", "mono", "comes as MPEG-TS"]),
        ("hdr-hlg", 25, ["(HLG)", "yuv420p10le"]),
        ("two-sounds", Fraction(30000, 1001), ["1 other audio track is left out"]),
        ("big-buck-bunny", 24, ["6 channels"]),
    ],
)
def test_a_plan_says_what_is_done_to_its_source(name: str, rate: Fraction, words: list[str]) -> None:
    """Each thing in its own words."""
    plan = plan_of(name)
    assert plan.grid.rate == rate
    assert [word for word in words if word not in "; ".join(plan.notes)] == []


def test_every_kind_of_source_is_in_the_catalogue() -> None:
    """And what was written by hand says so, and why."""
    assert {slug(kind.name) for kind in KINDS} <= {*NAMES, *REFUSED}
    for name in NAMES:
        by_hand = saved(name).get("made", "").startswith("by hand: ")
        assert by_hand == name.startswith("by-hand-")
