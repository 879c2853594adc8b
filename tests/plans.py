"""Small plans, made by the real planning from invented sources."""

from fractions import Fraction

from rugbytx.core.job.job import Source
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.plan import planner
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream

SOURCE = Source(bucket="source", key="match.mp4", etag="e1", size_bytes=1000)

PROFILE = Profile(
    name="small",
    rungs=(
        Rung(height=180, rate_bps=300_000, high_motion_rate_bps=300_000),
        Rung(height=90, rate_bps=100_000, high_motion_rate_bps=100_000),
    ),
)


def small_media(*, end_s: Fraction, audio: bool = True) -> MediaInfo:
    """Return a 320x180 source at 10 frames a second."""
    video = VideoStream(
        index=0,
        codec="h264",
        pixel_format="yuv420p",
        width=320,
        height=180,
        average_rate=Fraction(10),
        base_rate=Fraction(10),
        rate_bps=5_000_000,
    )
    sound = AudioStream(index=1, codec="aac", channels=2, sample_rate=48_000) if audio else None
    return MediaInfo(
        container="mov,mp4", size_bytes=1000, start_s=Fraction(0), end_s=end_s, video=video, audio=sound
    )


def small_plan(*, chunks: int, audio: bool = True, mp4: bool = False) -> Plan:
    """Return a plan of so many chunks of one 6 s segment each."""
    media = small_media(end_s=Fraction(6 * chunks), audio=audio)
    profile = PROFILE.model_copy(update={"mp4": mp4})
    return planner.decide(media, SOURCE, profile, chunk_s=6.0)
