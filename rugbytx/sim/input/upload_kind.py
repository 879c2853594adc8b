"""How large an upload is, and how much work: the match and clip of docs/origin/note.md, and what lies between."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import ClassVar

from pydantic import ConfigDict

from rugbytx.core.cost.forecast import frame_px
from rugbytx.core.fleet.worker_class import TWO_CORES
from rugbytx.core.job.job import Source
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.plan import planner
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream
from rugbytx.errors import SettingsError

#: The built-in profiles, as far as they concern the work; a test holds them to ``rugbytx/profiles``.
_HEIGHTS = {"match": (1080, 720, 540, 360), "clip": (720, 540, 360)}
_FPS = 30


@dataclass(frozen=True, kw_only=True)
class Size:
    """One kind of upload."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    profile: str
    size_bytes: float
    video_s: int
    #: The time on any host to probe, and to publish (with the MP4, where there is one).
    plan_s: float
    publish_s: float
    width: int = 1920
    height: int = 1080
    fps: int = _FPS
    #: The renditions; none for those of the built-in profile of this name.
    heights: tuple[int, ...] = ()

    @property
    def audio_s(self) -> float:
        """Return how long the sound takes on any host's processor."""
        return self.video_s / TWO_CORES.audio_s_per_s.value

    @property
    def px(self) -> float:
        """Return the work: the pixels of all renditions."""
        return _px(self)

    def whole_s(self, px_per_s: float) -> float:
        """Return how long one host takes for all of it, as the note counts: 35 and 25 minutes for a match.

        >>> [round(SIZES["match"].whole_s(speed) / 60, 1) for speed in (400e6, 570e6)]
        [35.1, 25.1]
        >>> round(SIZES["clip"].whole_s(400e6))
        45
        """
        return self.plan_s + self.audio_s + self.px / px_per_s + self.publish_s


#: The note's match of 4 GB and clip of 60 MB (45 s on the Jetson), and half a match.
SIZES = {
    size.name: size
    for size in (
        Size(name="match", profile="match", size_bytes=4e9, video_s=7200, plan_s=3.0, publish_s=3.0),
        Size(name="half", profile="match", size_bytes=2e9, video_s=3600, plan_s=3.0, publish_s=3.0),
        Size(name="clip", profile="clip", size_bytes=60e6, video_s=120, plan_s=3.0, publish_s=25.6),
    )
}


def of(name: str) -> Size:
    """Return the size of that name; raises SettingsError where there is none."""
    if name not in SIZES:
        raise SettingsError(f"there is no upload of kind {name!r}; there is {', '.join(SIZES)}")
    return SIZES[name]


@cache
def profile_of(size: Size) -> Profile:
    """Return the built-in profile, as far as it makes work."""
    rungs = tuple(
        Rung(height=height, rate_bps=rate, high_motion_rate_bps=rate)
        for height, rate in zip(
            size.heights or _HEIGHTS[size.profile], (3_000_000, 2_000_000, 1_000_000, 600_000), strict=False
        )
    )
    is_clip = size.profile == "clip"
    return Profile(name=size.profile, rungs=rungs, mp4=is_clip, splice=not is_clip)


@cache
def plan_of(size: Size, chunk_s: float | None) -> Plan:
    """Return the plan that production would make of such an upload."""
    video = VideoStream(
        index=0,
        codec="h264",
        pixel_format="yuv420p",
        width=size.width,
        height=size.height,
        average_rate=Fraction(size.fps),
        base_rate=Fraction(size.fps),
        rate_bps=round(size.size_bytes * 8 / size.video_s),
    )
    media = MediaInfo(
        container="mov,mp4",
        size_bytes=round(size.size_bytes),
        start_s=Fraction(0),
        end_s=Fraction(size.video_s),
        video=video,
        audio=AudioStream(index=1, codec="aac", channels=2, sample_rate=48_000),
    )
    source = Source(bucket="source", key=size.name, etag="e", size_bytes=round(size.size_bytes))
    return planner.decide(media, source, profile_of(size), chunk_s=chunk_s)


@cache
def _px(size: Size) -> float:
    plan = plan_of(size, None)
    return frame_px(plan) * plan.grid.frames
