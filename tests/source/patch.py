"""MP4 files changed by hand, where ffmpeg cannot make what cameras do."""

import re
import struct
from collections.abc import Set as AbstractSet
from pathlib import Path

from tests.boxes import box

#: Rows ``a b`` and ``c d`` of a display matrix: (x, y) is shown at (a*x + c*y, b*x + d*y).
Matrix = tuple[int, int, int, int]

_ONE = 1 << 16
#: From a track header's name to its matrix (ISO/IEC 14496-12, 8.3.2, version 0).
_TO_MATRIX = 4 + 40
#: Kinds of NAL units (ITU-T H.264, table 7-1): of an ordinary picture, and of one at which decoding may begin.
SLICE, KEY_SLICE = 1, 5
#: Start code, SEI, display orientation of three bytes: 90 degrees in 65536ths of a turn, until another is said (D.1.26).
_TURN = bytes.fromhex("000001 06 2f 03 080009 80")
#: What holds a sample entry, from the outside in.
_AROUND = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def show_by(path: Path, matrix: Matrix) -> Path:
    """Set the display matrix of the first track, and return the path."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + _TO_MATRIX
    a, b, c, d = (part * _ONE for part in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def turn_pictures(path: Path, slices: AbstractSet[int]) -> Path:
    """Have pictures of an H.264 stream say that they are to be turned anticlockwise by 90 degrees, and return the path.

    The message stands before each of these ``slices``, of which a picture has one.
    """
    data = re.sub(
        rb"\x00\x00\x01(?=(.))",
        lambda found: (_TURN if found[1][0] & 31 in slices else b"") + found[0],
        path.read_bytes(),
        flags=re.DOTALL,
    )
    path.write_bytes(data)
    return path


def call_dolby_vision(
    path: Path, *, entry: bytes = b"hev1", profile: int = 5, compatibility: int = 0
) -> Path:
    """Say of the first track that it is Dolby Vision, and return the path.

    (Dolby Vision Streams within the ISO Base Media File Format, 2.1.2).
    """
    level, rpu, enhancement, base = 4, 1, 0, 1
    bits = profile << 9 | level << 3 | rpu << 2 | enhancement << 1 | base
    return _describe(
        path, entry, box("dvcC", struct.pack(">BBHB", 1, 0, bits, compatibility << 4), bytes(19))
    )


def tell_light(path: Path, *, entry: bytes) -> Path:
    """Say of the first track on which screen and in what room it was graded, and return the path.

    A mastering display of BT.2020 with 1000 nits, the brightest pixel and frame,
    and a dim room (ISO/IEC 14496-12, 12.1.6 to 12.1.9).
    """
    screen = struct.pack(">8H2I", 8500, 39850, 6550, 2300, 35400, 14600, 15635, 16450, 10_000_000, 50)
    brightest = box("clli", struct.pack(">2H", 1000, 400))
    room = box("amve", struct.pack(">I2H", 3_140_000, 15635, 16450))
    return _describe(path, entry, box("mdcv", screen) + brightest + room)


def _describe(path: Path, entry: bytes, extra: bytes) -> Path:
    """Add boxes to the first track's sample entry; the index must stand behind the pictures."""
    data = bytearray(path.read_bytes())
    moov = data.index(b"moov")
    assert moov > data.index(b"mdat")
    at = moov
    for name in (*_AROUND, entry):
        at = data.index(name, at)
        (size,) = struct.unpack_from(">I", data, at - 4)
        struct.pack_into(">I", data, at - 4, size + len(extra))
    end = at - 4 + size
    data[end:end] = extra
    path.write_bytes(data)
    return path
