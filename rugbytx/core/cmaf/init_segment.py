"""The init segment of a CMAF track: what its moov box says about every sample (ISO/IEC 14496-12, 8.2 and 8.8)."""

from collections.abc import Sequence
from dataclasses import dataclass

from rugbytx.core.cmaf.box import Box, Fields, broken, only


@dataclass(frozen=True, kw_only=True)
class SampleEntry:
    """What the sample entry says."""

    codec: str
    width: int = 0
    height: int = 0
    #: A pixel's width to its height, where the entry says it.
    pixel_shape: tuple[int, int] = (1, 1)
    #: How many bytes give a NAL unit's length; 0 for audio.
    nal_length_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a sample is that does not say otherwise: trex, then tfhd."""

    track_id: int
    duration: int
    size: int
    flags: int


@dataclass(frozen=True, kw_only=True)
class TrackSetup:
    """What a track's fragments are read with."""

    timescale: int
    entry: SampleEntry
    defaults: Defaults


def read(moov: Box) -> TrackSetup:
    """Return what the moov box says; raises VerificationError where it is broken or holds several tracks."""
    parts = tuple(moov.children())
    mdia = tuple(only(only(parts, "trak").children(), "mdia").children())
    stbl = only(only(mdia, "minf").children(), "stbl")
    header = only(mdia, "mdhd").fields()
    header.skip(19 if header.uint(1) == 1 else 11)
    timescale = header.uint(4)
    if timescale == 0:
        raise broken("its timescale is 0")
    trex = only(only(parts, "mvex").children(), "trex").fields()
    trex.skip(4)
    track_id, _, duration, size, flags = trex.words(5)
    return TrackSetup(
        timescale=timescale,
        entry=_read_stsd(only(stbl.children(), "stsd")),
        defaults=Defaults(track_id=track_id, duration=duration, size=size, flags=flags),
    )


def _read_stsd(stsd: Box) -> SampleEntry:
    entries = tuple(stsd.children(behind=8))
    if len(entries) != 1:
        raise broken(f"there should be one sample entry and there are {len(entries)}")
    entry = entries[0]
    match entry.kind:
        case "avc1":
            fields = entry.fields()
            fields.skip(24)
            width, height = fields.uint(2), fields.uint(2)
            boxes = tuple(entry.children(behind=78))
            record = only(boxes, "avcC").fields()
            _, profile, compatibility, level, last = record.take(5)
            nal_length_bytes = (last & 3) + 1
            if nal_length_bytes == 3:
                raise broken("the avcC box has a NAL length size that the format does not know")
            codec = f"avc1.{profile:02x}{compatibility:02x}{level:02x}"
            return SampleEntry(
                codec=codec,
                width=width,
                height=height,
                pixel_shape=_read_pasp(boxes),
                nal_length_bytes=nal_length_bytes,
            )
        case "mp4a":
            return SampleEntry(codec=_read_esds(only(entry.children(behind=28), "esds")))
        case _:
            raise broken("its sample entry is neither avc1 nor mp4a")


def _read_pasp(boxes: Sequence[Box]) -> tuple[int, int]:
    """Return the shape of the pixels, which need not be told (ISO/IEC 14496-12, 12.1.4)."""
    if not any(box.kind == "pasp" for box in boxes):
        return 1, 1
    across, down = only(boxes, "pasp").fields().words(2)
    return across, down


def _read_esds(esds: Box) -> str:
    """Return the codec that the descriptors name (ISO/IEC 14496-1, 7.2.6)."""
    fields = esds.fields()
    fields.skip(4)
    stream = _descriptor(fields, 3)
    stream.skip(2)
    flags = stream.uint(1)
    stream.skip(2 if flags & 0x80 else 0)
    stream.skip(stream.uint(1) if flags & 0x40 else 0)
    stream.skip(2 if flags & 0x20 else 0)
    config = _descriptor(stream, 4)
    object_type = config.uint(1)
    config.skip(12)
    specific = _descriptor(config, 5)
    first = specific.uint(1)
    audio_type = first >> 3
    if audio_type == 31:
        audio_type = 32 + ((first & 7) << 3 | specific.uint(1) >> 5)
    return f"mp4a.{object_type:02x}.{audio_type}"


def _descriptor(fields: Fields, tag: int) -> Fields:
    """Return the body of the next descriptor, whose size stands in up to four groups of seven bits."""
    if fields.uint(1) != tag:
        raise broken(f"the esds box has no descriptor {tag} in its place")
    size = 0
    for _ in range(4):
        group = fields.uint(1)
        size = size << 7 | group & 0x7F
        if group < 0x80:
            return fields.inner(size)
    raise broken("the esds box has a descriptor size without an end")
