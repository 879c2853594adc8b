"""Films that are whole, however odd, are never called cut off or damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx.media.source import probe
from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import film, make, plan_for
from tests.pulse import FakePulse

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

COPY = ("-c", "copy")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("trimmed-by-an-edit-list.mp4", ("-ss", "2.5"), ()),
        ("trimmed-at-both-ends.mov", ("-ss", "1.5", "-t", "3.3"), ()),
        ("fragmented.mp4", (), ("-movflags", "frag_keyframe+empty_moov")),
        ("late.mkv", ("-itsoffset", "3"), ()),
        ("late.mp4", ("-itsoffset", "3"), ()),
        ("copied.ts", (), ()),
        ("copied.avi", (), ()),
    ],
)
def test_a_film_that_was_cut_well_is_whole(
    once: Once, tmp_path: Path, pulse: FakePulse, name: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """Its header says where it ends, and there it ends."""
    whole = once("whole.mp4", lambda path: film(path, "-g", "25", sound=True))
    path = tmp_path / name
    make(path, *before, "-i", str(whole), *COPY, *after)
    assert probe.read(path, pulse=pulse).missing_s == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_seek_into_a_film_is_no_damage(
    once: Once, tmp_path: Path, pulse: FakePulse, codec: str, suffix: str
) -> None:
    """Decoding begins before a chunk, at open GOPs too, where frames lack what they refer to."""
    open_gops = ("-x264-params", "open-gop=1:keyint=40") if codec == "libx264" else ("-g", "40")
    made = once(f"{codec}.{suffix}", lambda path: film(path, *open_gops, codec=codec, length_s=12))
    media = FfmpegMedia(preset="ultrafast", threads=1)
    arrived, path = tmp_path / "arrived", tmp_path / "source"
    shutil.copy(made, arrived)
    media.ingest(arrived, path, pulse=pulse)
    plan = plan_for(probe.read(path, pulse=pulse), chunk_gops=5)
    for index in range(1, plan.grid.chunks):
        assert media.encode_chunk(plan, index, path, tmp_path, pulse=pulse).damaged == 0
