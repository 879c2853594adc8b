"""CMAF files made by hand, box by box."""

import struct
from collections.abc import Sequence

NON_SYNC = 0x1_0000
#: One access unit: SPS, PPS and an IDR slice, each behind its length; and one plain slice.
KEYFRAME = b"".join(struct.pack(">IB", 3, kind) + b"xx" for kind in (0x67, 0x68, 0x65))
SLICE = struct.pack(">IB", 3, 0x41) + b"yy"
SAMPLES = (KEYFRAME, SLICE, SLICE)


def box(kind: str, *parts: bytes) -> bytes:
    """Return a box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def words(*numbers: int) -> bytes:
    """Return numbers of four bytes each; a negative one as its two's complement."""
    return b"".join(struct.pack(">I", number % (1 << 32)) for number in numbers)


def avc1(
    *, width: int = 64, height: int = 48, avcc: bytes = bytes.fromhex("0164001fff e1"), more: bytes = b""
) -> bytes:
    """Return the sample entry of a video track, with more boxes in it."""
    return box("avc1", bytes(24), struct.pack(">HH", width, height), bytes(50), box("avcC", avcc), more)


def mp4a(esds: str = "038080801f000100 04808080174015 0000000001f4000001f400 0580808005119056e500") -> bytes:
    """Return the sample entry of an audio track, with its descriptors in hex."""
    return box("mp4a", bytes(28), box("esds", bytes(4), bytes.fromhex(esds)))


def moov(
    entry: bytes | None = None,
    *,
    mdhd: bytes | None = None,
    trex: Sequence[int] = (1, 1, 0, 0, 0),
    traks: int = 1,
) -> bytes:
    """Return the moov box of a video track with 1000 ticks a second."""
    stsd = box("stsd", words(0, 1), avc1() if entry is None else entry)
    media = box("mdia", mdhd or box("mdhd", words(0, 0, 0, 1000, 0)), box("minf", box("stbl", stsd)))
    return box("moov", *(box("trak", media) for _ in range(traks)), box("mvex", box("trex", words(0, *trex))))


def fragment(
    *truns: tuple[int, Sequence[int]],
    tfhd: bytes | None = None,
    tfdt: bytes | None = None,
    samples: Sequence[bytes] = SAMPLES,
) -> bytes:
    """Return moof and mdat; each trun is (version and flags, fields), and -1 stands for the data's offset."""

    def moof(size: int) -> bytes:
        runs = [
            box("trun", words(flags, *(size + 8 if field == -1 else field for field in fields)))
            for flags, fields in truns
        ]
        head = box("tfhd", tfhd or words(0x20000, 1))
        return box(
            "moof",
            box("mfhd", words(0, 1)),
            box("traf", head, box("tfdt", tfdt or words(1 << 24, 0, 10_000)), *runs),
        )

    return moof(len(moof(0))) + box("mdat", *samples)


#: Every field in the rows themselves.
FULL = (
    0x0100_0F01,
    (3, -1, 40, 21, 0, 0, 40, 7, NON_SYNC, 80, 40, 7, NON_SYNC, -40),
)
FTYP = box("ftyp", b"cmfc", bytes(4))
WHOLE = FTYP + moov() + fragment(FULL) + fragment(FULL)
