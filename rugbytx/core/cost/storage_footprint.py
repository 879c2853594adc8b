"""What a plan would leave in the bucket: how many objects and bytes, and the requests to put them there."""

from dataclasses import dataclass

from rugbytx.core.plan import thumbnails
from rugbytx.core.plan.plan import Plan

#: Master, manifest and report, and the samples held against the source afterwards.
_BESIDES = 4
#: A playlist has some 90 bytes a segment, and a report more than that; all of them are small beside a chunk.
_TEXT_BYTES = 4096
#: A sheet of six thumbnails, or a poster, as JPEG.
_STILL_BYTES = 40_000
#: A multipart upload is begun and completed by a request each.
_AROUND_PARTS = 2


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Objects, their bytes at the planned rates, and the requests of S3's PUT class."""

    objects: int
    stored_bytes: int
    put_requests: int


def decide(plan: Plan, *, part_bytes: int) -> Footprint:
    """Return the footprint where objects of more than ``part_bytes`` go up in parts of that size.

    Rates are averages that the encoders are held to, so the bytes are what is
    expected for pictures that need them; a quiet film takes less.
    """
    grid = plan.grid
    sizes = [_TEXT_BYTES] * (len(plan.renditions) + bool(plan.audio) + _BESIDES)
    for rendition in plan.renditions:
        for index in range(grid.chunks):
            length_s = len(grid.chunk_frames(index)) / grid.rate
            sizes.append(int(rendition.rate_bps * length_s / 8))
    sizes += [_STILL_BYTES for index in range(grid.chunks) for _ in thumbnails.pictures(plan, index)]
    sizes += [_TEXT_BYTES] * (len(plan.renditions) + bool(plan.stills))
    sound_bytes = int(plan.audio.rate_bps * grid.duration_s / 8) if plan.audio else 0
    if plan.audio:
        sizes.append(sound_bytes)
    if plan.mp4:
        sizes.append(int(plan.renditions[0].rate_bps * grid.duration_s / 8) + sound_bytes)
    return Footprint(
        objects=len(sizes),
        stored_bytes=sum(sizes),
        put_requests=sum(requests(size_bytes, part_bytes=part_bytes) for size_bytes in sizes),
    )


def requests(size_bytes: int, *, part_bytes: int) -> int:
    """Return how many requests put one object there.

    >>> [requests(size_bytes, part_bytes=16) for size_bytes in (15, 16, 17, 33)]
    [1, 3, 4, 5]
    """
    if size_bytes < part_bytes:
        return 1
    return -(-size_bytes // part_bytes) + _AROUND_PARTS
