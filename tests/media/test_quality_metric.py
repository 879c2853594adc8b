"""Comparing what was made with the source: frame by frame, and by number."""

from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.core.lease.result import Metric
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.errors import RugbytxError, TranscodeError, VerificationError
from rugbytx.media import quality_metric
from rugbytx.media.encode import command_line
from rugbytx.media.encode.encoder_options import X264
from rugbytx.media.process import ffmpeg
from rugbytx.media.source import probe
from tests.footage import UNEVEN, film, plan_for
from tests.plans import small_plan
from tests.pulse import FakePulse

#: Each ffmpeg has one of them.
GOOD = {Metric.SSIM: 0.97, Metric.VMAF: 95.0}
SOURCE, MADE, PICTURES = Path("/s/match.mp4"), Path("/s/window.mp4"), Path("/s/window.gray")


def test_the_source_is_cut_as_for_a_chunk() -> None:
    """The window is a chunk of its own on the same absolute grid, in the first rendition's size."""
    plan = small_plan(chunks=3)
    argv = quality_metric.argv(plan, range(90, 150), SOURCE, MADE, PICTURES, first=60, metric=Metric.SSIM)
    [graph] = [argv[at + 1] for at, word in enumerate(argv) if word == "-filter_complex"]
    assert "fps=fps=10/1:start_time=0" in graph
    assert "trim=start_pts=90:end_pts=150" in graph
    assert "scale=320:180" in graph
    assert "[1:v:0]trim=start_frame=30:end_frame=90" in graph
    assert graph.count("settb=1/1000,setpts=N*10") == 2
    assert ";[made][source]ssim=stats_file=-:shortest=1:repeatlast=0[out];" in graph
    assert argv[argv.index("-ss") + 1] == "7.000000"
    assert [argv[at + 1] for at, word in enumerate(argv) if word == "-i"] == [
        "file:/s/match.mp4",
        "file:/s/window.mp4",
    ]


def test_vmaf_is_taken_where_there_is_one() -> None:
    """Its log is JSON on the standard output."""
    plan = small_plan(chunks=1)
    argv = quality_metric.argv(plan, range(20), SOURCE, MADE, PICTURES, first=0, metric=Metric.VMAF)
    assert (
        ";[made][source]libvmaf=log_fmt=json:log_path=/dev/stdout:shortest=1:repeatlast=0[out];"
        in argv[argv.index("-filter_complex") + 1]
    )


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"frames": [{"metrics": {}}]}'])
def test_a_vmaf_log_that_is_none_is_an_error(said: str) -> None:
    """And not a score."""
    with pytest.raises(TranscodeError, match="no log of its own"):
        quality_metric.parse(said, Metric.VMAF)


@pytest.mark.parametrize("frames", [range(20), range(60, 80), range(100, 101)])
def test_a_window_is_a_chunk_of_a_plan(frames: range) -> None:
    """Of exactly its frames."""
    plan, index = quality_metric.window_of(small_plan(chunks=3), frames)
    assert plan.grid.chunk_frames(index) == frames
    assert len(plan.renditions) == 1


Chunk = tuple[Plan, Path, Path]


def encoded(media: MediaInfo, source: Path, folder: Path) -> Chunk:
    """Return a plan, its source, and the first rendition of its second chunk, in good quality."""
    plan = plan_for(media, rate=Fraction(30) if media.video.average_rate != 25 else None)
    top = plan.renditions[0].model_copy(
        update={"rate_bps": 2_000_000, "peak_bps": 3_000_000, "buffer_bits": 4_000_000}
    )
    plan = plan.model_copy(update={"renditions": (top,)})
    path = folder / "chunk.mp4"
    ffmpeg.run(
        command_line.chunk(plan, 1, source, [path], encoder=X264(preset="superfast")), pulse=FakePulse()
    )
    return plan, source, path


@pytest.fixture(scope="module", params=[(), UNEVEN], ids=["even", "uneven"])
def chunk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chunk:
    """Return a chunk of a film of constant or of variable rate."""
    folder = tmp_path_factory.mktemp("quality")
    source = film(folder / "film.mp4", *request.param, rate="30" if request.param else "25")
    return encoded(probe.read(source, pulse=FakePulse()), source, folder)


@pytest.mark.process
def test_a_good_encode_is_like_its_source_in_every_frame(chunk: Chunk) -> None:
    """Windows at the chunk's start, inside it and at its end."""
    plan, source, path = chunk
    frames = plan.grid.chunk_frames(1)
    for window in (frames[:10], frames[20:30], frames[-10:]):
        pulse = FakePulse()
        found = quality_metric.compare(plan, window, source, path, first=frames.start, pulse=pulse)
        assert found.metric is quality_metric.metric_of("ffmpeg")
        assert len(found.values) == 10
        assert min(found.values) > GOOD[found.metric]
        assert len(found.pairs) == 10
        assert max(pair.difference for pair in found.pairs) < 2
        assert pulse.advances


@pytest.mark.process
def test_one_frame_off_is_seen(chunk: Chunk) -> None:
    """So frames are paired as they should be: any other pairing scores lower."""
    plan, source, path = chunk
    frames = plan.grid.chunk_frames(1)
    window = frames[10:30]
    right = quality_metric.compare(plan, window, source, path, first=frames.start, pulse=FakePulse()).values
    late = quality_metric.compare(
        plan, window, source, path, first=frames.start - 1, pulse=FakePulse()
    ).values
    early = quality_metric.compare(
        plan, window, source, path, first=frames.start + 1, pulse=FakePulse()
    ).values
    assert sum(right) > max(sum(late), sum(early)) + 0.02 * len(window)


@pytest.mark.process
def test_frames_that_are_missing_are_an_error(chunk: Chunk) -> None:
    """The metric alone would compare what there is."""
    plan, source, path = chunk
    frames = plan.grid.chunk_frames(1)
    beyond = range(frames.stop - 10, frames.stop + 10)
    with pytest.raises(VerificationError, match=r"^10 of 20 frames could be compared with the source$"):
        quality_metric.compare(plan, beyond, source, path, first=frames.start, pulse=FakePulse())


@pytest.mark.process
def test_a_damaged_window_is_an_error_of_ffmpegs(tmp_path: Path, chunk: Chunk) -> None:
    """And none of ours."""
    plan, source, _ = chunk
    (tmp_path / "made.mp4").write_bytes(b"not a film")
    with pytest.raises(RugbytxError):
        quality_metric.compare(plan, range(10), source, tmp_path / "made.mp4", first=0, pulse=FakePulse())
