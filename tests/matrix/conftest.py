"""A Debian that is made in a moment: the shell and a few programs of this system, as debootstrap would put them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What scripts/on-debian runs inside, and what the tests do there.
PROGRAMS = ("bash", "cat", "env", "ls", "mkdir", "mount", "sh", "sleep", "touch", "umount")

DEBOOTSTRAP = """#!/bin/bash
# debootstrap --variant=minbase SUITE FOLDER
set -eu
echo "$2" >> "$FAKE_LOG"
root=$3
mkdir -p "$root"/usr/{bin,lib,lib64} "$root"/{etc,proc,sys,dev,root,tmp,var/log}
for folder in bin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
if [ -e "$FAKE_LOG.break" ]; then echo "E: the mirror is gone"; exit 1; fi
for program in $FAKE_PROGRAMS; do
    cp --dereference "$(command -v "$program")" "$root/usr/bin/"
    ldd "$(command -v "$program")" | grep -o '/[^ ]*' | while read -r library; do
        cp --dereference --parents "$library" "$root"
    done
done
printf '#!/bin/bash\\necho "$@" >> /var/log/apt\\n' > "$root/usr/bin/apt-get"
chmod +x "$root/usr/bin/apt-get"
"""


@dataclass(frozen=True, kw_only=True)
class OnDebian:
    """``scripts/on-debian`` with a debootstrap of ours, and what it keeps."""

    folder: Path
    environ: dict[str, str]

    @property
    def kept(self) -> Path:
        """Return where systems and calls lie."""
        return self.folder / "rugbytx-debian"

    @property
    def made(self) -> list[str]:
        """Return the suites that debootstrap was asked for, in order."""
        log = Path(self.environ["FAKE_LOG"])
        return log.read_text().split() if log.exists() else []

    @property
    def calls(self) -> list[Path]:
        """Return the folders of calls that are there."""
        return list(self.kept.glob("*.call.*"))

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start it with these arguments; it can be spoken to."""
        return subprocess.Popen(
            [ROOT / "scripts" / "on-debian", *words],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture
def on_debian() -> Iterator[OnDebian]:
    """Give the script, in a folder in memory: an overlay does not lie on another one, as this system's may."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "debootstrap").write_text(DEBOOTSTRAP)
        (programs / "debootstrap").chmod(0o755)
        environ = {
            **os.environ,
            "TMPDIR": name,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "FAKE_LOG": str(folder / "made"),
            "FAKE_PROGRAMS": " ".join(PROGRAMS),
        }
        yield OnDebian(folder=folder, environ=environ)
