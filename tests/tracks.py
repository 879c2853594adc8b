"""Tracks as a faultless encoder would make them, without an encoder."""

import hashlib

from rugbytx.core.cmaf.track_parser import Fragment, Track
from rugbytx.core.plan.plan import BASE_OFFSET_S, Plan, Rendition
from rugbytx.core.verify.chunk import AAC_FRAME

INIT_BYTES = 40
SAMPLE_BYTES = 10


def video_track(plan: Plan, index: int, rendition: Rendition, *, encoder: str = "x264") -> Track:
    """Return the track of one chunk in one rendition."""
    grid = plan.grid_of(rendition)
    frames = grid.chunk_frames(index)
    fragments = []
    offset = INIT_BYTES
    for first in range(frames.start, frames.stop, grid.gop):
        count = min(grid.gop, frames.stop - first)
        fragments.append(
            Fragment(
                offset=offset,
                size_bytes=count * SAMPLE_BYTES,
                decode_time=BASE_OFFSET_S * grid.timescale + first * grid.frame_ticks,
                durations=(grid.frame_ticks,) * count,
                composition_offsets=(0,) * count,
                sizes=(SAMPLE_BYTES,) * count,
                sync=(True, *(False,) * (count - 1)),
                first_sample_bytes=SAMPLE_BYTES,
                first_nal_types=(7, 8, 5),
            )
        )
        offset += count * SAMPLE_BYTES
    return Track(
        init_bytes=INIT_BYTES,
        init_sha256=hashlib.sha256(f"{encoder} {rendition.name}".encode()).hexdigest(),
        timescale=grid.timescale,
        codec="avc1.64001f",
        width=rendition.width,
        height=rendition.height,
        fragments=tuple(fragments),
    )


def audio_track(plan: Plan) -> Track:
    """Return the audio track: one frame of priming, then fragments of about two seconds."""
    assert plan.audio
    rate = plan.audio.sample_rate
    left = -(-int(plan.grid.duration_s * rate) // AAC_FRAME) + 1
    now, offset = BASE_OFFSET_S * rate - AAC_FRAME, INIT_BYTES
    fragments = []
    while left:
        count = min(94, left)
        fragments.append(
            Fragment(
                offset=offset,
                size_bytes=count * SAMPLE_BYTES,
                decode_time=now,
                durations=(AAC_FRAME,) * count,
                composition_offsets=(0,) * count,
                sizes=(SAMPLE_BYTES,) * count,
                sync=(True,) * count,
            )
        )
        now, offset, left = now + count * AAC_FRAME, offset + count * SAMPLE_BYTES, left - count
    return Track(
        init_bytes=INIT_BYTES,
        init_sha256=hashlib.sha256(b"aac").hexdigest(),
        timescale=rate,
        codec="mp4a.40.2",
        width=0,
        height=0,
        fragments=tuple(fragments),
    )
