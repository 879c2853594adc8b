"""What is submitted: matches and a clip of tiny frames, no two the same object."""

import os
import struct
from pathlib import Path

from tests.footage import make

#: Seconds of video in a chunk.
CHUNK_S = 6.0
MATCH_S, CLIP_S = 60, 6
RATE = 25
WIDTH, HEIGHT = 160, 90

PROFILE = """\
name = "hybrid"
audio_rate_bps = 32_000
splice = true
rungs = [{ height = 90, rate_bps = 100_000, high_motion_rate_bps = 150_000 }]
"""


def work_px(length_s: float) -> float:
    """Return the work of a film: the pixels of its one rendition."""
    return length_s * RATE * WIDTH * HEIGHT


class Reel:
    """Makes films in a folder, each once and then copies that differ in a box that players skip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        (folder / "hybrid.toml").write_text(PROFILE)
        self._masters = {length_s: self._master(length_s) for length_s in (MATCH_S, CLIP_S)}

    def film(self, length_s: int) -> Path:
        """Return another film of that length."""
        self._count += 1
        path = self._folder / f"film-{self._count:03d}-{length_s}s.mp4"
        box = struct.pack(">I4s", 16, b"free") + os.urandom(8)
        path.write_bytes(self._masters[length_s] + box)
        return path

    def bytes_of(self, length_s: int) -> int:
        """Return how large such a film is."""
        return len(self._masters[length_s])

    def _master(self, length_s: int) -> bytes:
        path = self._folder / f"master-{length_s}.mp4"
        picture = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE}:duration={length_s}"
        sound = f"sine=frequency=440:duration={length_s}"
        look = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        make(path, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *look)
        return path.read_bytes()
