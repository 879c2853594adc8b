"""Thumbnails and poster: a table of films, and the laws of the WebVTT file."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.plan import planner, thumbnails
from rugbytx.core.plan.plan import Grid, Plan, Rendition
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.errors import VerificationError
from tests.plans import PROFILE, SOURCE, small_media, small_plan
from tests.stills import jpeg


def rendition(width: int, height: int) -> Rendition:
    """Return a rendition of this size."""
    return Rendition(name=f"{height}p", width=width, height=height, rate_bps=1, peak_bps=1, buffer_bits=1)


def grid(length_s: int) -> Grid:
    """Return a grid at 25 frames a second with chunks of a minute."""
    chunks = max(1, length_s // 60)
    return Grid(rate=Fraction(25), frames=25 * length_s, gop=50, segment=150, chunk=1500, chunks=chunks)


LANDSCAPE = [rendition(1920, 1080), rendition(1280, 720), rendition(640, 360)]

CASES = [
    # length, renditions -> seconds apart, thumbnail, chunk of the poster, poster
    (30, LANDSCAPE, 2, (160, 90), 0, (1280, 720)),
    (600, LANDSCAPE, 2, (160, 90), 1, (1280, 720)),  # 300 GOPs: a thumbnail for each
    (1200, LANDSCAPE, 4, (160, 90), 2, (1280, 720)),  # 600 GOPs, 300 thumbnails
    (7200, LANDSCAPE, 10, (160, 90), 12, (1280, 720)),  # never farther apart than ten seconds
    (30, [rendition(1080, 1920), rendition(360, 640)], 2, (90, 160), 0, (360, 640)),
    (30, [rendition(1920, 1080)], 2, (160, 90), 0, (1920, 1080)),
    (30, [rendition(114, 64)], 2, (114, 64), 0, (114, 64)),  # nothing is scaled up
]


@pytest.mark.parametrize(("length_s", "renditions", "apart_s", "thumbnail", "chunk", "poster"), CASES)
def test_which_stills_a_film_gets(
    length_s: int,
    renditions: list[Rendition],
    apart_s: int,
    thumbnail: tuple[int, int],
    chunk: int,
    poster: tuple[int, int],
) -> None:
    """About three hundred thumbnails at most, and a poster from a tenth of the film."""
    stills = thumbnails.decide(grid(length_s), renditions)
    assert stills.every == 25 * apart_s
    assert (stills.width, stills.height) == thumbnail
    assert stills.poster_chunk == chunk
    assert (stills.poster_width, stills.poster_height) == poster


def test_a_profile_may_do_without() -> None:
    """Then no chunk makes a picture."""
    profile = PROFILE.model_copy(update={"stills": False})
    plan = planner.decide(small_media(end_s=Fraction(12)), SOURCE, profile, chunk_s=6.0)
    assert plan.stills is None
    assert not thumbnails.pictures(plan, 0)


PLAN = small_plan(chunks=3)


def sheets(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return the sheets' sizes by their paths."""
    return {
        f"{index}.jpg": thumbnails.pictures(plan, index)[Picture.SHEET] for index in range(plan.grid.chunks)
    }


def webvtt(plan: Plan) -> str:
    """Return the plan's WebVTT file."""
    assert plan.stills
    return thumbnails.webvtt(plan.stills, plan.grid, list(sheets(plan)))


def test_the_storyboard_of_a_small_film() -> None:
    """Three thumbnails a chunk, each on the sheet of its chunk."""
    assert webvtt(PLAN).startswith(
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.000\n0.jpg#xywh=0,0,160,90\n\n"
        "00:00:02.000 --> 00:00:04.000\n0.jpg#xywh=160,0,160,90\n\n"
        "00:00:04.000 --> 00:00:06.000\n0.jpg#xywh=320,0,160,90\n\n"
        "00:00:06.000 --> 00:00:08.000\n1.jpg#xywh=0,0,160,90\n\n"
    )


@given(
    st.sampled_from(planner.STANDARD_RATES),
    st.integers(1, 20_000),
    st.sampled_from([None, 2.0, 6.0, 60.0, 600.0]),
)
def test_every_storyboard_covers_its_film(rate: Fraction, frames: int, chunk_s: float | None) -> None:
    """Cue after cue from zero to the end, and each piece lies on its sheet."""
    media = small_media(end_s=frames / rate)
    video = media.video.model_copy(update={"average_rate": rate, "base_rate": rate})
    plan = planner.decide(media.model_copy(update={"video": video}), SOURCE, PROFILE, chunk_s=chunk_s)
    assert not list(thumbnails.faults(webvtt(plan), sheets(plan), duration_s=plan.grid.duration_s))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("WEBVTT", "WEBVT", "does not begin as a WebVTT file"),
        ("1.jpg", "9.jpg", "names 9.jpg, which is no sheet"),
        ("xywh=320,", "xywh=480,", "lies outside 0.jpg"),
        ("00:00:02.000 -->", "00:00:02.500 -->", "should begin at 2000 ms"),
        ("--> 00:00:18.000", "--> 00:00:17.000", "end at 17000 ms, and the film at 18000 ms"),
        ("#xywh=0,0", "#xywh=a,0", "none of ours"),
    ],
)
def test_a_wrong_storyboard_is_found(old: str, new: str, sentence: str) -> None:
    """A sentence for each fault."""
    text = webvtt(PLAN)
    assert old in text
    found = thumbnails.faults(text.replace(old, new, 1), sheets(PLAN), duration_s=Fraction(18))
    assert any(sentence in one for one in found)


def test_a_jpeg_tells_its_size() -> None:
    """Behind whatever stands before its frame."""
    assert thumbnails.jpeg_size(jpeg(480, 90), name="it") == (480, 90)


@pytest.mark.parametrize("body", [b"", b"GIF89a", jpeg(480, 90)[:-1], jpeg(480, 90)[:8] + b"\xff\xd9"])
def test_what_is_no_whole_jpeg_is_refused(body: bytes) -> None:
    """Cut off, empty or something else."""
    with pytest.raises(VerificationError, match="it is no whole JPEG picture"):
        thumbnails.jpeg_size(body, name="it")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_jpeg_or_refused(tail: bytes) -> None:
    """No header makes the reader fail otherwise."""
    with pytest.raises(VerificationError):
        thumbnails.jpeg_size(b"\xff\xd8" + tail, name="it")
