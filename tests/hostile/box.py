"""QuickTime boxes put together by hand: what no muxer would write."""

import struct


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, body: bytes, *, flags: int = 0) -> bytes:
    """Return a box that begins with a version and flags."""
    return box(kind, struct.pack(">I", flags) + body)


def film_elsewhere(path: str, *, extra: bytes = b"") -> bytes:
    """Return a QuickTime film of one track whose pictures lie in another file, at ``path`` by its alias.

    ``extra`` stands behind the track.  ffprobe does not open the other file,
    and says so with the path as it stands here.
    """
    entry = b"mjpg" + _picture()
    description = full(b"stsd", struct.pack(">II", 1, 4 + len(entry)) + entry)
    table = box(
        b"stbl",
        description
        + full(b"stts", struct.pack(">III", 1, 10, 1))
        + full(b"stsc", struct.pack(">IIII", 1, 1, 10, 1))
        + full(b"stsz", struct.pack(">II", 100, 10))
        + full(b"stco", struct.pack(">II", 1, 8)),
    )
    alias = full(b"alis", _alias(path))
    where = box(b"dinf", full(b"dref", struct.pack(">I", 1) + alias))
    media = box(
        b"mdia",
        full(b"mdhd", struct.pack(">IIIIHH", 0, 0, 10, 10, 0, 0))
        + full(b"hdlr", bytes(4) + b"vide" + bytes(13))
        + box(b"minf", full(b"vmhd", bytes(8), flags=1) + where + table),
    )
    header = full(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, 10) + bytes(16) + _MATRIX + _SIZE, flags=3)
    movie = full(
        b"mvhd", struct.pack(">IIIIIH", 0, 0, 10, 10, 1 << 16, 1 << 8) + bytes(10) + _MATRIX + bytes(28)
    )
    return (
        box(b"ftyp", b"qt  \0\0\0\0qt  ")
        + box(b"moov", movie + box(b"trak", header + media) + extra)
        + box(b"mdat", bytes(1000))
    )


#: A track whose description of its samples is cut off, which ends the reading of the whole file.
BROKEN_TRACK = box(
    b"trak", box(b"mdia", box(b"minf", box(b"stbl", full(b"stsd", struct.pack(">I", (1 << 24) - 1)))))
)

_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_SIZE = struct.pack(">II", 64 << 16, 48 << 16)


def _picture() -> bytes:
    """Return a sample description of 64x48 pixels, but for its kind."""
    return struct.pack(">6xH16xHHIII", 1, 64, 48, 72 << 16, 72 << 16, 0) + struct.pack(">H32xHh", 1, 24, -1)


def _alias(path: str) -> bytes:
    """Return the record of a Macintosh alias: a volume, a name, how near it is, and the path."""
    text = path.encode()
    volume = bytes(10) + bytes([27]) + b"v" * 27 + bytes(12)
    name = bytes([min(63, len(text))]) + text[:63].ljust(63, b"\0")
    near = bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    padding = bytes(len(text) % 2)
    record = (
        volume + name + near + struct.pack(">hH", 2, len(text)) + text + padding + struct.pack(">hH", -1, 0)
    )
    return record.ljust(200, b"\0")
