"""Small films made by ffmpeg, and small plans for them."""

import json
import math
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from rugbytx.core.job.job import Source
from rugbytx.core.plan.plan import AudioPlan, Grid, Plan, Rendition
from rugbytx.core.source.media_info import MediaInfo

SIZES = ((160, 90), (80, 46))

#: Frames fall out and others come late, as from a phone.
UNEVEN = ("-vf", "select='mod(n,7)-3',setpts='PTS+0.011*mod(N,3)/TB'", "-fps_mode", "vfr")


#: Neighbouring frames become the fields of one, the top field first.
FIELDS = (
    *("-vf", "tinterlace=mode=interleave_top,fieldorder=tff"),
    *("-flags", "+ilme+ildct", "-x264-params", "tff=1"),
)


def film(
    path: Path,
    *options: str,
    rate: str = "25",
    length_s: float = 7.4,
    codec: str = "libx264",
    sound: bool = False,
) -> Path:
    """Make a film in which every frame differs, and return its path."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=size=192x108:rate={rate}:duration={length_s}"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={length_s}"]
    speed = ["-preset", "ultrafast", "-bf", "2"] if codec.startswith("libx26") else []
    make(path, *inputs, "-c:v", codec, *speed, *options)
    return path


def make(path: Path, *options: str) -> None:
    """Have ffmpeg write ``path``."""
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *options, str(path)]
    subprocess.run(argv, check=True, timeout=120)


def plan_for(media: MediaInfo, *, rate: Fraction | None = None, chunk_gops: int = 2) -> Plan:
    """Return a plan with GOPs of one second and two small renditions, the smaller at half of a fast rate."""
    rate = rate or media.video.average_rate
    step = 2 if rate > 30 else 1
    frames = -(-math.floor(media.end_s * rate + Fraction(1, 2)) // step) * step
    gop = round(rate / step) * step
    chunk = chunk_gops * gop
    return Plan(
        source=Source(bucket="source", key="film", etag="e", size_bytes=1),
        media=media,
        grid=Grid(
            rate=rate, frames=frames, gop=gop, segment=gop, chunk=chunk, chunks=max(1, frames // chunk)
        ),
        renditions=tuple(
            Rendition(
                name=f"{height}p",
                width=width,
                height=height,
                rate_bps=100_000,
                peak_bps=150_000,
                buffer_bits=200_000,
                frame_step=frame_step,
            )
            for (width, height), frame_step in zip(SIZES, (1, step), strict=True)
        ),
        audio=AudioPlan(stream_index=media.audio.index, rate_bps=64_000) if media.audio else None,
    )


def frame_hashes(argv: Sequence[str]) -> list[str]:
    """Run ffmpeg with the ``framemd5`` muxer at the end and return the hash of each frame."""
    done = subprocess.run(
        [*argv, "-f", "framemd5", "-"], check=True, capture_output=True, text=True, timeout=120
    )
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def show(path: Path, entries: str, *options: str) -> dict[str, list[dict[str, str]]]:
    """Return what ffprobe shows of a file."""
    argv = ["ffprobe", "-loglevel", "error", "-show_entries", entries, "-of", "json", *options, str(path)]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=60)
    shown: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return shown
