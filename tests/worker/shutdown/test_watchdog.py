"""What the main loop says of itself, to systemd and to a health check."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rugbytx.worker.shutdown.watchdog import BEAT_S, FILE, Alive


@pytest.fixture
def line(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(line: socket.socket) -> list[str]:
    """Return what was said since the last call."""
    words = []
    while True:
        try:
            words.append(line.recv(100).decode())
        except BlockingIOError:
            return words


def test_it_is_said_at_once_and_then_every_beat(tmp_path: Path, line: socket.socket) -> None:
    """However often the loop turns, and only while it turns."""
    now = 100.0
    alive = Alive(tmp_path, environ={"NOTIFY_SOCKET": line.getsockname()}, monotonic=lambda: now)
    alive.ready()
    assert heard(line) == ["READY=1", "WATCHDOG=1"]
    alive.tick()
    assert heard(line) == []
    os.utime(tmp_path / "alive", (0, 0))
    now += BEAT_S
    alive.tick()
    alive.tick()
    assert heard(line) == ["WATCHDOG=1"]
    assert (tmp_path / "alive").stat().st_mtime > 0


def test_systemd_hears_it_three_times_in_its_patience(tmp_path: Path, line: socket.socket) -> None:
    """WATCHDOG_USEC says how patient it is."""
    now = 0.0
    environ = {"NOTIFY_SOCKET": line.getsockname(), "WATCHDOG_USEC": "6000000"}
    alive = Alive(tmp_path, environ=environ, monotonic=lambda: now)
    for now in (0.0, 1.0, 2.0, 3.0, 4.0):  # noqa: B007  read by the clock
        alive.tick()
    assert heard(line) == ["WATCHDOG=1"] * 3


def test_nobody_who_listens_and_no_disk_are_no_error(tmp_path: Path) -> None:
    """The loop goes on."""
    Alive(tmp_path / "absent", environ={"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    assert list(tmp_path.iterdir()) == []
    Alive(tmp_path, environ={"NOTIFY_SOCKET": "@rugbytx-nobody"}).ready()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
