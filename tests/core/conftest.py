"""A plan, and what a real encoder made of its second chunk and of its audio."""

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.core.job.job import Source
from rugbytx.core.plan.plan import AudioPlan, Grid, Plan, Rendition
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream

RATE = Fraction(30000, 1001)


@pytest.fixture(scope="session")
def ntsc_plan() -> Plan:
    """Return a plan of 330 frames at 29.97 fps: a chunk of 180, and one of 150 whose last GOP is a half."""
    video = VideoStream(
        index=0,
        codec="h264",
        pixel_format="yuv420p",
        width=320,
        height=180,
        average_rate=RATE,
        base_rate=RATE,
    )
    return Plan(
        source=Source(bucket="source", key="match.mp4", etag="e", size_bytes=1),
        media=MediaInfo(
            container="mov,mp4",
            size_bytes=1,
            start_s=Fraction(0),
            end_s=330 / RATE,
            video=video,
            audio=AudioStream(index=1, codec="aac", channels=2, sample_rate=44_100),
        ),
        grid=Grid(rate=RATE, frames=330, gop=60, segment=180, chunk=180, chunks=2),
        renditions=(
            Rendition(
                name="180p", width=320, height=180, rate_bps=200_000, peak_bps=300_000, buffer_bits=400_000
            ),
        ),
        audio=AudioPlan(stream_index=1, rate_bps=128_000),
    )


def _ffmpeg(path: Path, argv: str) -> bytes:
    # The recipe under test needs these flags: decode times that do not restart
    # in each file, no edit list, and a fragment for each GOP (video) or 2 s (audio).
    flags = "+cmaf+frag_discont+negative_cts_offsets+skip_trailer"
    flags += "+frag_keyframe" if "libx264" in argv else " -frag_duration 2000000"
    command = f"ffmpeg -nostdin -v error -y {argv} -f mp4 -use_editlist 0 -movflags {flags} {path}"
    subprocess.run(command.split(), check=True, timeout=60)
    return path.read_bytes()


@pytest.fixture(scope="session")
def video_sample(tmp_path_factory: pytest.TempPathFactory, ntsc_plan: Plan) -> bytes:
    """Return chunk 1 as libx264 and ffmpeg's muxer make it."""
    first = ntsc_plan.grid.chunk_frames(1).start
    offset_s = float(10 + first / RATE)
    return _ffmpeg(
        tmp_path_factory.mktemp("video") / "v.mp4",
        f"-f lavfi -i testsrc2=size=320x180:rate={RATE} -vf trim=start_pts={first},setpts=PTS-STARTPTS,"
        "format=yuv420p -frames:v 150 -c:v libx264 -preset superfast -b:v 200k -bf 2 -g 60 -keyint_min 60 "
        f"-sc_threshold 0 -flags +cgop -bsf:v dump_extra=freq=keyframe -output_ts_offset {offset_s:.9f} "
        "-video_track_timescale 30000",
    )


@pytest.fixture(scope="session")
def audio_sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return 11.011 s of sound as ffmpeg's AAC encoder and muxer make it."""
    return _ffmpeg(
        tmp_path_factory.mktemp("audio") / "a.mp4",
        "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=11.011 -af aresample=async=1:first_pts=0:"
        "osr=48000,aformat=channel_layouts=stereo,apad,atrim=end=11.011 -c:a aac -b:a 128k -output_ts_offset 10",
    )
