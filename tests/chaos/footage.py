"""What is submitted: small films, no two the same object, and two that are no videos."""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.footage import make

CHUNK_S = 2.0
#: Of the sources, and of the largest rendition.
LINES = 90

#: The picture's smaller sizes are below what any ladder wants; so are the rates.
PROFILE = """\
name = "{name}"
audio_rate_bps = 32_000
mp4 = {mp4}
splice = true
rungs = [
    {{ height = 90, rate_bps = 100_000, high_motion_rate_bps = 150_000 }},
    {{ height = 64, rate_bps = 64_000, high_motion_rate_bps = 90_000 }},
]
"""


@dataclass(frozen=True, kw_only=True)
class Film:
    """A source, and what is known of it without asking anybody."""

    path: Path
    profile: str
    #: Of a job of chunks of ``CHUNK_S``: the plan's own, audio, chunks, MP4, publishing.
    units: int
    rate: Fraction = Fraction(25)
    length_s: int = 8
    has_sound: bool = False
    has_mp4: bool = False
    #: A bad one ends FAILED.
    is_bad: bool = False

    def rate_of(self, lines: int) -> Fraction:
        """Return how many frames a second its rendition of so many lines must show: half of many in the smaller one."""
        return self.rate / 2 if self.rate > 30 and lines < LINES else self.rate


def write_profiles(folder: Path) -> None:
    """Write the profiles that the films are submitted with."""
    for name, mp4 in (("chaos", "false"), ("chaos-mp4", "true")):
        (folder / f"{name}.toml").write_text(PROFILE.format(name=name, mp4=mp4))


def films(folder: Path, count: int) -> Sequence[Film]:
    """Make ``count`` sources in ``folder``; the third and the last are bad."""
    masters = [
        _master(folder / "silent.mp4", rate=Fraction(25), length_s=8, sound=False),
        _master(folder / "loud.mp4", rate=Fraction(25), length_s=6, sound=True),
        _master(folder / "smooth.mp4", rate=Fraction(50), length_s=4, sound=True),
    ]
    bad = {
        2: b"This is a match report, not a match.\n" * 99,
        count - 1: masters[1].path.read_bytes()[:20_000],
    }
    made = []
    for number in range(count):
        master = masters[number % len(masters)]
        path = folder / f"film-{number:03d}.mp4"
        if content := bad.get(number):
            path.write_bytes(content)
            made.append(Film(path=path, profile="chaos", units=0, is_bad=True))
            continue
        path.write_bytes(master.path.read_bytes() + _free_box(number))
        has_mp4 = number % 2 == 1
        made.append(
            Film(
                path=path,
                profile="chaos-mp4" if has_mp4 else "chaos",
                units=2 + master.has_sound + has_mp4 + round(master.length_s / CHUNK_S),
                rate=master.rate,
                length_s=master.length_s,
                has_sound=master.has_sound,
                has_mp4=has_mp4,
            )
        )
    return made


def _master(path: Path, *, rate: Fraction, length_s: int, sound: bool) -> Film:
    inputs = ["-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={rate}:duration={length_s}"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={length_s}"]
    look = ("-vf", "noise=alls=15:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    make(path, *inputs, *look)
    return Film(path=path, profile="", units=0, rate=rate, length_s=length_s, has_sound=sound)


def _free_box(number: int) -> bytes:
    """Return a box that players skip (ISO/IEC 14496-12, 8.1.2) and that makes a file differ from the others."""
    content = struct.pack(">Q", number) + os.urandom(8)
    return struct.pack(">I4s", 8 + len(content), b"free") + content
