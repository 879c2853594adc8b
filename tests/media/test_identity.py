"""Chunks show the frames that a single pass shows: each one, once, bit for bit before encoding."""

import math
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.core.plan import grid_shift, planner
from rugbytx.core.plan.plan import Grid, Plan
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.media.encode import command_line, filter_graph
from rugbytx.media.source import probe
from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import FIELDS, UNEVEN, film, frame_hashes, plan_for
from tests.pulse import FakePulse

pytestmark = pytest.mark.process

NTSC = Fraction(30000, 1001)

FILMS: dict[str, Callable[[Path], object]] = {
    "24.mp4": lambda path: film(path, rate="24", sound=True),
    "25.mp4": lambda path: film(path, rate="25"),
    "29.97.mp4": lambda path: film(path, rate="30000/1001", sound=True),
    "50.mkv": lambda path: film(path, rate="50", sound=True),
    "uneven.mp4": lambda path: film(path, *UNEVEN, rate="30", sound=True),
    "uneven.mkv": lambda path: film(path, *UNEVEN, rate="30"),
    # The first picture in a GOP may lean on the GOP before.
    "open-gop.mp4": lambda path: film(path, "-g", "40", "-bf", "3", "-x264-params", "open-gop=1"),
    "late-keyframes.ts": lambda path: film(path, "-g", "250", "-bf", "3", length_s=27, sound=True),
    "mpeg4.avi": lambda path: film(path, "-g", "40", codec="mpeg4", sound=True),
    # The clock begins with the sound, 21 ms before a picture that has 24 frames a second.
    "between.mkv": lambda path: film(path, "-c:a", "aac", "-ar", "48000", rate="24", sound=True),
    "120.mkv": lambda path: film(path, rate="120"),
    "fields.mp4": lambda path: film(path, *FIELDS, rate="50"),
    "fields.mkv": lambda path: film(path, *FIELDS, "-g", "40", rate="60000/1001", sound=True),
    # The sound begins at zero and the picture half a second later.
    "late-start.mkv": lambda path: film(
        path, "-vf", "setpts=PTS+0.5/TB", "-fps_mode", "passthrough", sound=True
    ),
    # Nothing moves for five seconds, so a chunk's first frame is from before its preroll.
    "still.mkv": lambda path: film(
        path, "-vf", "select='not(between(t,2,7))'", "-fps_mode", "vfr", length_s=9
    ),
}


def single_pass(plan: Plan, path: Path) -> list[str]:
    """Return the hash of each frame of the whole grid, without a seek and without a cut."""
    before_the_cut, _, _ = filter_graph.cut(plan, 0).partition(",tpad=stop=2")
    clock = ["-copyts", "-itsoffset", str(float(-plan.media.start_s))]
    head = ["ffmpeg", "-nostdin", "-loglevel", "error", *clock, "-i", str(path)]
    return frame_hashes(
        [*head, "-map", f"0:{plan.media.video.index}", "-vf", before_the_cut, "-fps_mode", "passthrough"]
    )


def chunk(plan: Plan, index: int, path: Path) -> list[str]:
    """Return the hash of each frame that one chunk's command decodes and cuts."""
    filters = f"[0:{plan.media.video.index}]{filter_graph.cut(plan, index)}[out]"
    head = ["ffmpeg", "-nostdin", "-loglevel", "error", *command_line.read(plan, index, path)]
    return frame_hashes([*head, "-filter_complex", filters, "-map", "[out]", "-fps_mode", "passthrough"])


def moved(plan: Plan, media: MediaInfo) -> Grid:
    """Return the plan's grid, with the video moved as planning would move it to this grid's rate."""
    move_s = grid_shift.move_s(
        start_s=media.video.start_s, source_rate=planner.constant_rate(media.video), rate=plan.grid.rate
    )
    frames = math.floor((media.end_s + move_s) * plan.grid.rate + Fraction(1, 2))
    return plan.grid.model_copy(update={"move_s": move_s, "frames": frames})


def prepared(path: Path, prepared: Path, pulse: FakePulse) -> None:
    """Turn a copy of a film into what chunks are cut from."""
    arrived = prepared.with_suffix(".arrived")
    shutil.copy(path, arrived)
    FfmpegMedia().ingest(arrived, prepared, pulse=pulse)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("24.mp4", None),
        ("25.mp4", None),
        ("29.97.mp4", None),
        ("50.mkv", None),
        ("uneven.mp4", Fraction(25)),
        ("uneven.mp4", NTSC),
        ("uneven.mkv", Fraction(24)),
        ("uneven.mkv", Fraction(50)),
        ("open-gop.mp4", None),
        ("open-gop.mp4", Fraction(24)),
        ("late-keyframes.ts", None),
        ("mpeg4.avi", None),
        ("29.97.mp4", Fraction(50)),
        ("late-start.mkv", None),
        ("still.mkv", None),
        ("between.mkv", None),
        ("120.mkv", Fraction(60)),
        ("fields.mp4", Fraction(50)),
        ("fields.mkv", Fraction(60000, 1001)),
    ],
)
def test_chunks_are_a_single_pass_cut_up(
    once: Callable[[str, Callable[[Path], object]], Path], pulse: FakePulse, name: str, rate: Fraction | None
) -> None:
    """As many frames as planned, and the same ones, at the source's rate and at others."""
    path = once(f"{name}.prepared", lambda path: prepared(once(name, FILMS[name]), path, pulse))
    media = probe.read(path, pulse=pulse)
    plan = plan_for(media, rate=rate, chunk_gops=2 if media.end_s < 10 else 9)
    plan = plan.model_copy(update={"grid": moved(plan, media)})
    whole = single_pass(plan, path)
    assert plan.grid.frames <= len(whole) <= plan.grid.frames + 1
    assert plan.grid.chunks >= 3
    for index in range(plan.grid.chunks):
        frames = plan.grid.chunk_frames(index)
        assert chunk(plan, index, path) == whole[frames.start : frames.stop], f"chunk {index}"
