"""A CMAF track as its boxes tell it (ISO/IEC 14496-12 and 23000-19).

ffprobe reads a track without an edit list one frame late, so gates and
playlists rest on the boxes themselves.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """One moof with its mdat.  Times are ticks of the track's timescale."""

    offset: int
    size_bytes: int
    decode_time: int
    durations: tuple[int, ...]
    composition_offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    #: Which samples say that they are sync samples.
    sync: tuple[bool, ...]
    #: The NAL unit types of the first sample (H.264 only; empty for audio).
    first_nal_types: tuple[int, ...] = ()

    @property
    def duration(self) -> int:
        """Return the sum of the samples' durations."""
        return sum(self.durations)

    @property
    def presentation_times(self) -> tuple[int, ...]:
        """Return each sample's presentation time, in decode order."""
        times, now = [], self.decode_time
        for duration, offset in zip(self.durations, self.composition_offsets, strict=True):
            times.append(now + offset)
            now += duration
        return tuple(times)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One CMAF track file: an init segment, then fragments to the end of the file."""

    #: The init segment is the file's first ``init_bytes`` bytes.
    init_bytes: int
    init_sha256: str
    timescale: int
    #: RFC 6381, e.g. ``avc1.64001f`` or ``mp4a.40.2``.
    codec: str
    #: 0 for audio.
    width: int
    height: int
    fragments: tuple[Fragment, ...]
