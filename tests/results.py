"""Results of units, as lanes leave them, made from faultless tracks."""

from rugbytx.core.cmaf import track_parser
from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.plan.plan import Plan
from tests.tracks import audio_track, video_track


def file_of(track: track_parser.Track, rendition: str, key: str, *, segment_ticks: int) -> TrackFile:
    """Return a track as it was uploaded."""
    first_shown, last_shown = track.shown
    return TrackFile(
        rendition=rendition,
        key=key,
        size_bytes=track.init_bytes + sum(fragment.size_bytes for fragment in track.fragments),
        sha256="",
        init_bytes=track.init_bytes,
        init_sha256=track.init_sha256,
        timescale=track.timescale,
        codec=track.codec,
        width=track.width,
        height=track.height,
        first_shown=first_shown,
        last_shown=last_shown,
        start=track.fragments[0].decode_time,
        samples=sum(len(fragment.sizes) for fragment in track.fragments),
        keyframes=sum(sum(fragment.sync) for fragment in track.fragments),
        segments=track_parser.segments(track, segment_ticks=segment_ticks),
        iframes=track_parser.iframes(track) if track.width else (),
    )


def chunk(plan: Plan, index: int, *, encoder: str = "x264") -> TracksResult:
    """Return a chunk as the lane's unit leaves it."""
    segment_s = plan.grid.segment / plan.grid.rate
    files = tuple(
        file_of(
            video_track(plan, index, rendition, encoder=encoder),
            rendition.name,
            f"{rendition.name}/{index}.mp4",
            segment_ticks=int(segment_s * plan.grid_of(rendition).timescale),
        )
        for rendition in plan.renditions
    )
    return TracksResult(fingerprint=encoder, files=files)


def sound(plan: Plan) -> TracksResult:
    """Return the audio as its unit leaves it."""
    file = file_of(audio_track(plan), "audio", "audio/0.mp4", segment_ticks=6 * 48_000)
    return TracksResult(fingerprint="aac", files=(file,))
