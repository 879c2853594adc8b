"""What cutting costs: chunked output beside a single pass of the same encoder, on real footage."""

import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

from rugbytx import profiles
from rugbytx.core.job.job import Source
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.plan import planner
from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify import sample_windows, sampled_quality
from rugbytx.media.quality_metric import compare
from rugbytx.media.transcoder import FfmpegMedia
from tests.pulse import FakePulse

pytestmark = [pytest.mark.process, pytest.mark.long]

FOOTAGE = Path(__file__).parents[3] / "shared" / "media"
#: The clips of 30 s are played four times over, so that the default chunk of 60 s cuts them.
TIMES = 4
MEDIA = FfmpegMedia(preset="veryfast", threads=1)


def encode(source: Path, folder: Path, *, chunk_s: float | None) -> tuple[Plan, Path, list[int]]:
    """Encode a clip; return its plan, the first rendition as one file, and its frames' times."""
    folder.mkdir()
    pulse = FakePulse()
    bounds = Source(bucket="b", key="k", etag="e", size_bytes=source.stat().st_size)
    media = MEDIA.probe(source, pulse=pulse)
    plan = planner.decide(media, bounds, profiles.load("match", None), chunk_s=chunk_s)
    plan = plan.model_copy(update={"renditions": plan.renditions[:1]})
    chunks = [
        MEDIA.encode_chunk(plan, index, source, folder, pulse=pulse) for index in range(plan.grid.chunks)
    ]
    whole = folder / "whole.mp4"
    with whole.open("wb") as file:
        for number, encoded in enumerate(chunks):
            data = encoded.paths[0].read_bytes()
            file.write(data if number == 0 else data[encoded.tracks[0].init_bytes :])
    fragments = chain.from_iterable(encoded.tracks[0].fragments for encoded in chunks)
    return plan, whole, sorted(time for fragment in fragments for time in fragment.presentation_times)


def ssim(plan: Plan, encoded: Path, source: Path) -> float:
    """Return the mean SSIM of all frames, which are paired by their numbers."""
    size = plan.renditions[0]
    graph = (
        "[0:v]settb=1/1000,setpts=N*10[made];"
        f"[1:v]fps=fps={plan.grid.rate}:start_time=0,scale={size.width}:{size.height}:flags=lanczos,"
        "format=yuv420p,settb=1/1000,setpts=N*10[meant];[made][meant]ssim"
    )
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(encoded), "-i", str(source), "-lavfi", graph]
    said = subprocess.run([*argv, "-f", "null", "-"], capture_output=True, text=True, check=True, timeout=300)
    found = re.search(r"All:([0-9.]+)", said.stderr)
    assert found, said.stderr[-500:]
    return float(found[1])


has_footage = pytest.mark.skipif(not FOOTAGE.is_dir(), reason="the real footage is not beside the project")


@has_footage
@pytest.mark.parametrize("name", ["big-buck-bunny-480p-30s.mp4", "car-detection.mp4"])
def test_chunks_cost_nearly_nothing(name: str, tmp_path: Path) -> None:
    """The same frames at the same times, the size within 1 %, SSIM within 0.001."""
    source = tmp_path / name
    loop = ["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", str(TIMES - 1), "-i", str(FOOTAGE / name)]
    subprocess.run([*loop, "-c", "copy", str(source)], check=True, timeout=60)
    plan, single, single_times = encode(source, tmp_path / "single", chunk_s=3600.0)
    cut_plan, chunked, chunked_times = encode(source, tmp_path / "chunked", chunk_s=None)
    assert (plan.grid.chunks, cut_plan.grid.chunks) == (1, 2)
    assert chunked_times == single_times
    assert len(single_times) == plan.grid.frames
    sizes = single.stat().st_size, chunked.stat().st_size
    assert abs(sizes[1] / sizes[0] - 1) <= 0.01, sizes
    likeness = ssim(plan, single, source), ssim(plan, chunked, source)
    assert abs(likeness[1] - likeness[0]) <= 0.001, likeness


@has_footage
@pytest.mark.parametrize("name", ["big-buck-bunny-480p-30s.mp4", "car-detection.mp4", "gesture.mkv"])
def test_good_chunks_raise_no_alarm(name: str, tmp_path: Path) -> None:
    """Neither at the start, nor at any join, nor at twenty places."""
    source = FOOTAGE / name
    plan, whole, _ = encode(source, tmp_path / "made", chunk_s=6.0)
    chunks = [TracksResult(fingerprint="x264", files=())] * plan.grid.chunks
    windows = {window for seed in "abcd" for window in sample_windows.windows(plan, chunks, seed=seed)}
    looked = [
        (window, compare(plan, window.frames, source, whole, first=0, pulse=FakePulse()))
        for window in sorted(windows, key=lambda window: window.frames.start)
    ]
    found = sampled_quality.judge(plan, looked, job_id="7ad4", generation=1, left_out=0)
    assert found.alarms == ()
