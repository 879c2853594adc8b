"""Uploaded track files made by hand."""

from collections.abc import Sequence

from rugbytx.core.lease.result import Segment, TrackFile


def track_file(
    durations: Sequence[int],
    sizes: Sequence[int],
    *,
    key: str = "0.mp4",
    rendition: str = "720p",
    timescale: int = 1000,
    codec: str = "avc1.64001f",
    start: int = 0,
    sample_ticks: int = 40,
) -> TrackFile:
    """Return a file of segments that stand one behind the other, behind an init segment of 700 bytes."""
    segments, offset = [], 700
    for duration, size in zip(durations, sizes, strict=True):
        segments.append(Segment(offset=offset, size_bytes=size, duration=duration))
        offset += size
    return TrackFile(
        rendition=rendition,
        key=key,
        size_bytes=offset,
        sha256="",
        init_bytes=700,
        init_sha256="",
        timescale=timescale,
        codec=codec,
        start=start,
        samples=sum(durations) // sample_ticks,
        keyframes=len(segments),
        segments=tuple(segments),
        iframes=() if codec.startswith("mp4a") else tuple(map(_iframe, segments)),
    )


def _iframe(segment: Segment) -> Segment:
    """Return the keyframe of a segment that is one GOP: a tenth of it."""
    return segment.model_copy(update={"size_bytes": segment.size_bytes // 10})
