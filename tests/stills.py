"""Pictures that hold nothing but their size."""

import struct


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG file as its header tells it (ITU-T T.81, B.2), without a picture."""
    frame = struct.pack(">HHBHHB", 0xFFC0, 11, 8, height, width, 1) + bytes(3)
    return b"\xff\xd8" + struct.pack(">HH", 0xFFE0, 4) + bytes(2) + frame + b"\xff\xd9"
