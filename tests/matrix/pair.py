"""The ffmpegs of this machine, each with the ffprobe that goes with it."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

WHEEL = "imageio-ffmpeg"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two programs, which need not be of one version."""

    ffmpeg: Path
    ffprobe: Path

    def link(self, folder: Path) -> None:
        """Put both into a folder under the names by which PATH is searched."""
        (folder / "ffmpeg").symlink_to(self.ffmpeg)
        (folder / "ffprobe").symlink_to(self.ffprobe)


def pairs() -> list[Pair]:
    """Return the system's own pair, and the wheel's ffmpeg with the system's ffprobe: it brings none."""
    own = Pair(ffmpeg=_on_path("ffmpeg"), ffprobe=_on_path("ffprobe"))
    return [own, Pair(ffmpeg=_of_the_wheel(), ffprobe=own.ffprobe)]


def version(program: Path) -> str:
    """Return what a program calls itself, as in ``5.1.9-0+deb12u1``."""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=20)
    return said.stdout.split()[2]


def _on_path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not in PATH")
    return Path(found)


def _of_the_wheel() -> Path:
    """Return the binary in the wheel; the package's own function would fall back on the system's."""
    [found] = [
        Path(str(file.locate()))
        for file in metadata.files(WHEEL) or ()
        if re.search(r"/binaries/ffmpeg-", str(file))
    ]
    return found
