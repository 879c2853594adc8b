"""A chunk's two ends are decoded before it is uploaded."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.errors import VerificationError
from rugbytx.media import chunk_ends
from rugbytx.media.encode import command_line, track_file
from rugbytx.media.encode.encoder_options import X264
from rugbytx.media.process import ffmpeg
from rugbytx.media.source import probe
from tests.footage import film, plan_for
from tests.pulse import FakePulse

pytestmark = pytest.mark.process


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk of three GOPs of 25 frames."""

    path: Path
    track: Track


@pytest.fixture
def chunk(tmp_path: Path) -> Chunk:
    """Return a fresh one."""
    source = film(tmp_path / "film.mp4", length_s=3)
    plan = plan_for(probe.read(source, pulse=FakePulse()), chunk_gops=3)
    paths = [tmp_path / "90p.mp4", tmp_path / "46p.mp4"]
    ffmpeg.run(
        command_line.chunk(plan, 0, source, paths, encoder=X264(preset="superfast")), pulse=FakePulse()
    )
    return Chunk(path=paths[0], track=track_file.track(paths[0]))


def spoil(chunk: Chunk, gop: int) -> None:
    """Overwrite the middle of a GOP's pictures."""
    fragment = chunk.track.fragments[gop]
    body = bytearray(chunk.path.read_bytes())
    middle = fragment.offset + fragment.size_bytes - sum(fragment.sizes) + fragment.sizes[0] // 2
    body[middle : middle + 200] = bytes(200)
    chunk.path.write_bytes(body)


def test_a_good_chunk_passes_and_leaves_nothing(chunk: Chunk) -> None:
    """Only its ends are decoded."""
    pulse = FakePulse()
    chunk_ends.check(chunk.path, chunk.track, pulse=pulse)
    assert pulse.steps == ["verify"]
    assert not list(chunk.path.parent.glob("*.ends.mp4"))
    spoil(chunk, 1)
    chunk_ends.check(chunk.path, chunk.track, pulse=pulse)


@pytest.mark.parametrize("gop", [0, 2])
def test_a_spoilt_end_is_found_though_all_boxes_are_whole(chunk: Chunk, gop: int) -> None:
    """By what the decoder says."""
    spoil(chunk, gop)
    assert track_file.track(chunk.path) == chunk.track
    with pytest.raises(VerificationError, match=r"the ends of 90p\.mp4 do not decode: "):
        chunk_ends.check(chunk.path, chunk.track, pulse=FakePulse())


def test_frames_that_do_not_come_out_are_found(chunk: Chunk) -> None:
    """Though the decoder says nothing."""
    more = replace(chunk.track.fragments[2], sizes=(*chunk.track.fragments[2].sizes, 1))
    track = replace(chunk.track, fragments=(*chunk.track.fragments[:2], more))
    with pytest.raises(VerificationError, match=r"have 51 frames, and 50 decode"):
        chunk_ends.check(chunk.path, track, pulse=FakePulse())
