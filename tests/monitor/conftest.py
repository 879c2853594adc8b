"""A browser, a running local system, and Flower on it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.player.chromium import PROGRAM, Chromium

#: More than anything that is waited for here takes on a busy machine.
PATIENCE_S = 120.0
_READY = re.compile(r"Visit me at (http://\S+)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Return a browser; without one a laptop leaves these tests out, and CI fails."""
    if not shutil.which(PROGRAM):
        sentence = f"{PROGRAM} missing: scripts/setup installs it"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with Chromium() as running:
        yield running


class Flower:
    """A process that serves the pages; its log is read for the address, and kept."""

    def __init__(self, argv: list[str]) -> None:
        self.log = ""
        self.address = ""
        self._told = threading.Event()
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_ready(self) -> None:
        """Return once it serves; fails with its log if it does not."""
        self._told.wait(PATIENCE_S)
        assert self.address, self.log

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as stream:
            for line in stream:
                self.log += line
                if found := _READY.search(line):
                    self.address = found[1].rstrip("/")
                    self._told.set()
        self._told.set()


@contextmanager
def flower(*argv: str) -> Iterator[Flower]:
    """Run ``celery -A rugbytx flower``, or another command, while the context is open."""
    plain = (sys.executable, "-m", "celery", "-A", "rugbytx", "flower", "--port=0")
    running = Flower(list(argv or plain))
    try:
        running.wait_ready()
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a counting test picture with a tone."""
    path = tmp_path_factory.mktemp("film") / "final.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=12"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=12"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return path


_HELD_BACK = r"""#!/bin/bash
# Real ffmpeg, whose Nth chunk begins once {folder}/allowed says N or more.
case "$*" in *libx264*/unit/*)
    printf . >> "{folder}/begun"
    while [ "$(cat "{folder}/allowed")" -lt "$(wc -c < "{folder}/begun")" ]; do sleep 0.05; done ;;
esac
exec ffmpeg "$@"
"""


class HeldBack:
    """An ffmpeg that encodes as many chunks as it is allowed to, however fast the machine is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.allow(0)
        script = folder / "ffmpeg"
        script.write_text(_HELD_BACK.format(folder=folder))
        script.chmod(0o755)
        self.program = str(script)

    def allow(self, chunks: int) -> None:
        """Let so many chunks be encoded in all."""
        draft = self._folder / "draft"
        draft.write_text(str(chunks))
        draft.replace(self._folder / "allowed")


@pytest.fixture
def held_back(tmp_path: Path) -> HeldBack:
    """Return an ffmpeg that waits to be allowed."""
    return HeldBack(tmp_path)
