"""Makers of films that were cut off or damaged, from whole ones."""

import random
from pathlib import Path

from tests.footage import show


def cut(whole: Path, path: Path, *, keep: float) -> Path:
    """Write the first part of a file, ``keep`` of its bytes."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def cut_before(whole: Path, path: Path, *, packet: int) -> Path:
    """Write a file up to where a packet of its video begins, so that exactly those before it are there."""
    path.write_bytes(whole.read_bytes()[: _places(whole)[packet][0]])
    return path


def overwrite(whole: Path, path: Path, *, packets: range, stream: str = "v:0", begin: bytes = b"") -> Path:
    """Write a file in which some packets hold noise and everything else is as it was.

    They ``begin`` with what no decoder takes, where noise alone would pass with one by chance.
    """
    data = bytearray(whole.read_bytes())
    noise = random.Random(1)  # noqa: S311  the same noise each time, not a secret
    for place, size_bytes in _places(whole, stream)[packets.start : packets.stop]:
        data[place : place + size_bytes] = (begin + noise.randbytes(size_bytes))[:size_bytes]
    path.write_bytes(data)
    return path


def _places(path: Path, stream: str = "v:0") -> list[tuple[int, int]]:
    """Return where each packet of a stream lies in its file, and how many bytes it has."""
    packets = show(path, "packet=pos,size", "-select_streams", stream)["packets"]
    return [(int(packet["pos"]), int(packet["size"])) for packet in packets]
