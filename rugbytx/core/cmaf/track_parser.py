"""A CMAF track as its boxes tell it (ISO/IEC 14496-12 and 23000-19).

ffprobe reads a track without an edit list one frame late, so gates and
playlists rest on the boxes themselves::

    ftyp moov | moof mdat | moof mdat | ... | moof mdat
    |- init -| |fragment | |fragment |      |fragment |
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from rugbytx.core.cmaf.box import Box, Data, Fields, broken, only
from rugbytx.core.cmaf.init_segment import Defaults, TrackSetup
from rugbytx.core.cmaf.init_segment import read as read_moov
from rugbytx.core.lease.result import Segment

#: The sample's flag ``sample_is_non_sync_sample`` (ISO/IEC 14496-12, 8.8.3.1).
_NON_SYNC = 0x1_0000


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """One moof with its mdat.  Times are ticks of the track's timescale.

    Boxes that stand between two fragments belong to the later one, and what
    follows the last mdat to the last, so that fragments tile the file.
    """

    offset: int
    size_bytes: int
    decode_time: int
    durations: tuple[int, ...]
    composition_offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    #: Which samples say that they are sync samples.
    sync: tuple[bool, ...]
    #: How many bytes lie between its beginning and the end of its first sample.
    first_sample_bytes: int = 0
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
    #: A pixel's width to its height; players take pixels of which nothing is said for square ones.
    pixel_shape: tuple[int, int] = (1, 1)
    fragments: tuple[Fragment, ...]

    @property
    def shown(self) -> tuple[int, int]:
        """Return when the first and the last sample are shown, in ticks."""
        times = [time for fragment in self.fragments for time in fragment.presentation_times]
        return min(times), max(times)

    @property
    def level(self) -> int:
        """Return the level that the parameter sets declare, in tenths; 0 for audio.

        Level 1b is 9, or 11 with a flag that 1.1 lacks (ITU-T H.264, A.3.1).
        """
        return int(self.codec[9:11], 16) if self.codec.startswith("avc1.") else 0


def segments(track: Track, *, segment_ticks: int) -> tuple[Segment, ...]:
    """Return the track's fragments grouped into playlist segments of about ``segment_ticks``.

    A segment takes one more fragment for as long as that brings its length
    nearer to the wish.  Three video GOPs of 2 s thus make exactly 6 s, and so
    do three audio fragments of 2.005 s, although a strict ceiling of 6 s would
    leave them at 4.  A last segment shorter than a second joins the one before:
    a handful of frames is not worth a request.  Renditions of one chunk have
    equal fragments and so get equal segments.

    >>> def fragment(offset: int, duration: int) -> Fragment:
    ...     return Fragment(offset=offset, size_bytes=100, decode_time=0, durations=(duration,),
    ...         composition_offsets=(0,), sizes=(92,), sync=(True,))
    >>> track = Track(init_bytes=50, init_sha256="", timescale=10, codec="", width=0, height=0,
    ...     fragments=tuple(fragment(50 + 100 * n, length) for n, length in enumerate([21, 21, 21, 21, 21, 20, 9])))
    >>> [(segment.offset, segment.size_bytes, segment.duration) for segment in segments(track, segment_ticks=60)]
    [(50, 300, 63), (350, 400, 71)]
    """
    groups: list[list[Fragment]] = []
    length = 0
    for fragment in track.fragments:
        longer = length + fragment.duration
        if groups and abs(segment_ticks - longer) < abs(segment_ticks - length):
            groups[-1].append(fragment)
            length = longer
        else:
            groups.append([fragment])
            length = fragment.duration
    if len(groups) > 1 and length < track.timescale:
        groups[-2:] = [groups[-2] + groups[-1]]
    return tuple(
        Segment(
            offset=group[0].offset,
            size_bytes=sum(fragment.size_bytes for fragment in group),
            duration=sum(fragment.duration for fragment in group),
        )
        for group in groups
    )


def iframes(track: Track) -> tuple[Segment, ...]:
    """Return the track's keyframes: each from its fragment's beginning to its own end, lasting until the next.

    That is what an I-frame playlist names (RFC 8216, 4.3.3.6): a moof, and the
    first sample of the mdat behind it.
    """
    return tuple(
        Segment(offset=fragment.offset, size_bytes=fragment.first_sample_bytes, duration=fragment.duration)
        for fragment in track.fragments
    )


def parse(data: Data) -> Track:
    """Return the track that a whole CMAF file holds; raises VerificationError for anything else.

    Media bytes are not copied, so a view of a mapped file serves as well.  Each
    sample must lie inside the mdat behind its moof, so a file that was cut off,
    as on a full disk, is found out; where whole fragments are missing at its
    end, the frame count tells (``core.check``).  Unknown boxes are skipped.
    """
    boxes = tuple(Box.walk(data, start=0, end=len(data)))
    setup = read_moov(only(boxes, "moov"))
    pairs = tuple(_pairs(boxes))
    if not pairs:
        raise broken("it has no fragments")
    init_bytes = pairs[0][0].start
    if init_bytes < only(boxes, "moov").end:
        raise broken("a fragment stands before the moov box")
    # Where each fragment begins, and behind them the end of the file.
    bounds = (init_bytes, *(mdat.end for _, mdat in pairs[:-1]), len(data))
    return Track(
        init_bytes=init_bytes,
        init_sha256=hashlib.sha256(data[:init_bytes]).hexdigest(),
        timescale=setup.timescale,
        codec=setup.entry.codec,
        width=setup.entry.width,
        height=setup.entry.height,
        pixel_shape=setup.entry.pixel_shape,
        fragments=tuple(
            _read_fragment(moof, mdat, setup, offset=start, size_bytes=end - start)
            for (moof, mdat), (start, end) in zip(pairs, pairwise(bounds), strict=True)
        ),
    )


def _pairs(boxes: Sequence[Box]) -> Iterator[tuple[Box, Box]]:
    """Yield each moof with the mdat that must stand right behind it."""
    moof: Box | None = None
    for box in boxes:
        if (box.kind == "mdat") != (moof is not None):
            raise broken(f"moof and mdat do not alternate at byte {box.start}")
        if moof is not None:
            yield moof, box
        moof = box if box.kind == "moof" else None
    if moof is not None:
        raise broken(f"the moof box at byte {moof.start} has no mdat behind it")


def _read_fragment(moof: Box, mdat: Box, setup: TrackSetup, *, offset: int, size_bytes: int) -> Fragment:
    traf = tuple(only(moof.children(), "traf").children())
    defaults, base = _read_tfhd(only(traf, "tfhd"), setup.defaults, moof)
    tfdt = only(traf, "tfdt").fields()
    decode_time = tfdt.uint(8 if tfdt.uint(4) >> 24 == 1 else 4)
    runs: list[_Run] = []
    for box in traf:
        if box.kind == "trun":
            run = _read_trun(box, defaults, base=base, begin=runs[-1].end if runs else base, mdat=mdat)
            runs.append(run)
    if not runs:
        raise broken(f"the moof box at byte {moof.start} lists no samples")
    begin, size = runs[0].begin, runs[0].sizes[0]
    first = Fields(mdat.data, start=begin, end=begin + size, name=f"the sample at byte {begin}")
    return Fragment(
        offset=offset,
        size_bytes=size_bytes,
        decode_time=decode_time,
        durations=tuple(chain.from_iterable(run.durations for run in runs)),
        composition_offsets=tuple(chain.from_iterable(run.composition_offsets for run in runs)),
        sizes=tuple(chain.from_iterable(run.sizes for run in runs)),
        sync=tuple(not flags & _NON_SYNC for run in runs for flags in run.flags),
        first_sample_bytes=begin + size - offset,
        first_nal_types=tuple(_nal_types(first, setup.entry.nal_length_bytes)),
    )


def _read_tfhd(tfhd: Box, defaults: Defaults, moof: Box) -> tuple[Defaults, int]:
    """Return what the fragment's samples are by default, and where its data offsets count from."""
    fields = tfhd.fields()
    given = fields.uint(4)
    if fields.uint(4) != defaults.track_id:
        raise broken(f"the moof box at byte {moof.start} is of another track")
    base = fields.uint_if(given & 0x1, 8, otherwise=moof.start)
    fields.uint_if(given & 0x2, 4)
    own = Defaults(
        track_id=defaults.track_id,
        duration=fields.uint_if(given & 0x8, 4, otherwise=defaults.duration),
        size=fields.uint_if(given & 0x10, 4, otherwise=defaults.size),
        flags=fields.uint_if(given & 0x20, 4, otherwise=defaults.flags),
    )
    return own, base


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One trun; ``begin`` and ``end`` are where its samples' bytes stand in the file."""

    begin: int
    end: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    flags: tuple[int, ...]
    composition_offsets: tuple[int, ...]


def _read_trun(trun: Box, defaults: Defaults, *, base: int, begin: int, mdat: Box) -> _Run:
    """Return the run (ISO/IEC 14496-12, 8.8.8); ``begin`` is where it starts unless it says otherwise.

    The table is read in one go and then by column: a two-hour audio track has
    340 000 rows.
    """
    fields = trun.fields()
    version, given = divmod(fields.uint(4), 1 << 24)
    count = fields.uint(4)
    if not 0 < count <= mdat.body_bytes:
        raise broken(f"the trun box at byte {trun.start} lists {count} samples in {mdat.body_bytes} bytes")
    if given & 0x1:
        begin = base + _signed(fields.uint(4))
    first_flags = fields.uint_if(given & 0x4, 4, otherwise=defaults.flags)
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if given & bit]
    table = fields.words(count * len(columns))

    def column(bit: int, default: int) -> tuple[int, ...]:
        return table[columns.index(bit) :: len(columns)] if given & bit else (default,) * count

    sizes = column(0x200, defaults.size)
    offsets = column(0x800, 0)
    run = _Run(
        begin=begin,
        end=begin + sum(sizes),
        durations=column(0x100, defaults.duration),
        sizes=sizes,
        flags=column(0x400, defaults.flags)
        if given & 0x400
        else (first_flags, *(defaults.flags,) * (count - 1)),
        composition_offsets=tuple(map(_signed, offsets)) if version else offsets,
    )
    if 0 in sizes or run.begin < mdat.body_start or run.end > mdat.end:
        raise broken(f"the trun box at byte {trun.start} lists samples that are not in its mdat")
    return run


def _signed(word: int) -> int:
    """Return an unsigned number of four bytes as the signed one that it stands for."""
    return word - (1 << 32) if word >> 31 else word


def _nal_types(sample: Fields, length_bytes: int) -> Iterator[int]:
    """Yield the type of each NAL unit in a sample (ISO/IEC 14496-15, 5.3.3); none without a length size."""
    while length_bytes and sample.left:
        unit = sample.inner(sample.uint(length_bytes))
        yield unit.uint(1) & 0x1F
