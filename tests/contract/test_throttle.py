"""Files move no faster than the line that a worker was given; real requests, and a clock of the test's own."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery import signals

from rugbytx.aws.client import client
from rugbytx.aws.s3 import transfer
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.aws.s3.throttle import SLICE_S, Throttle
from rugbytx.core.job.job import Source
from rugbytx.errors import LeaseLost
from rugbytx.settings import Settings
from rugbytx.worker import app
from rugbytx.worker.process import WorkerProcess
from rugbytx.worker.shutdown.drain import Notice

BUCKET = "throttle"
RATE_BPS = 8_000_000.0
FILE_BYTES = 3_000_000
#: Sums of floats differ by so little.
ROUNDING_S = 1e-6


class Time:
    """A clock of each thread's own, which goes on where that thread sleeps: threads that sleep beside each other lose no time."""

    def __init__(self) -> None:
        self._slept_s: dict[int, float] = {}

    @property
    def now(self) -> float:
        """Return how far the thread is that has come farthest."""
        return max(dict(self._slept_s).values(), default=0.0)

    def monotonic(self) -> float:
        """Return this thread's instant."""
        return self._slept_s.get(threading.get_ident(), 0.0)

    def sleep(self, seconds: float) -> None:
        """Let time pass for this thread."""
        self._slept_s[threading.get_ident()] = self.monotonic() + seconds


@pytest.fixture
def s3(endpoint: str) -> Iterator[Any]:
    """Return a client at the server, with a bucket."""
    assert endpoint
    with closing(client("s3")) as opened:
        try:
            where: Any = {"LocationConstraint": opened.meta.region_name}
            opened.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        except opened.exceptions.BucketAlreadyOwnedByYou:
            pass
        yield opened


@pytest.fixture
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four ranges of one file under way at once, and pieces of them."""
    monkeypatch.setattr(transfer, "PART_BYTES", 512 * 1024)
    monkeypatch.setattr(transfer, "PIECE_BYTES", 64 * 1024)


class Watch:
    """An ``on_bytes`` that holds what has moved against the time that it may take."""

    def __init__(self, time: Time) -> None:
        self.moved_bytes = 0
        self.too_early: list[tuple[int, float]] = []
        self._time = time

    def __call__(self, count: int) -> None:
        """Add up, and remember where the line carried more than it may."""
        self.moved_bytes += count
        now = self._time.now
        if 8 * self.moved_bytes > RATE_BPS * (now + ROUNDING_S):
            self.too_early.append((self.moved_bytes, now))


@pytest.mark.usefixtures("_many_parts")
def test_a_download_keeps_to_its_line_at_every_piece(s3: Any, tmp_path: Path) -> None:
    """Four ranges at once have it together, and what arrives is whole."""
    body = os.urandom(FILE_BYTES)
    etag = s3.put_object(Bucket=BUCKET, Key="down", Body=body)["ETag"].strip('"')
    time = Time()
    watch = Watch(time)
    line = Throttle(RATE_BPS, monotonic=time.monotonic, sleep=time.sleep)
    source = Source(bucket=BUCKET, key="down", etag=etag, size_bytes=FILE_BYTES)
    S3Storage(s3, down=line).download(source, tmp_path / "down", on_bytes=watch)
    assert (tmp_path / "down").read_bytes() == body
    assert (watch.moved_bytes, watch.too_early) == (FILE_BYTES, [])
    assert time.now >= 8 * FILE_BYTES / RATE_BPS - ROUNDING_S


def test_an_upload_keeps_to_its_own(s3: Any, tmp_path: Path) -> None:
    """The line for downloads is another; two files one after the other take as long as both."""
    (tmp_path / "up").write_bytes(os.urandom(FILE_BYTES))
    time = Time()
    watch = Watch(time)
    line = Throttle(RATE_BPS, monotonic=time.monotonic, sleep=time.sleep)
    storage = S3Storage(s3, up=line)
    for key in ("up-1", "up-2"):
        storage.upload(tmp_path / "up", BUCKET, key, content_type="video/mp4", on_bytes=watch)
    assert (watch.moved_bytes, watch.too_early) == (2 * FILE_BYTES, [])
    assert time.now >= 2 * 8 * FILE_BYTES / RATE_BPS - ROUNDING_S


@pytest.mark.usefixtures("_many_parts")
def test_whoever_waits_for_the_line_leaves_with_the_others(s3: Any, tmp_path: Path) -> None:
    """A lost lease ends a throttled download as it ends any."""
    etag = s3.put_object(Bucket=BUCKET, Key="lost", Body=os.urandom(FILE_BYTES))["ETag"].strip('"')
    time = Time()

    def lose(_count: int) -> None:
        raise LeaseLost("gone")

    source = Source(bucket=BUCKET, key="lost", etag=etag, size_bytes=FILE_BYTES)
    line = Throttle(RATE_BPS, monotonic=time.monotonic, sleep=time.sleep)
    with pytest.raises(LeaseLost, match="gone"):
        S3Storage(s3, down=line).download(source, tmp_path / "lost", on_bytes=lose)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("download")]


def test_a_wait_ends_soon_after_its_transfer_has() -> None:
    """Within a slice, however long the line is taken."""
    slept: list[float] = []
    line = Throttle(1_000_000.0, monotonic=lambda: sum(slept), sleep=slept.append)
    line.wait(125_000_000, is_over=lambda: len(slept) == 3)
    assert slept == [SLICE_S] * 3


def test_no_limit_is_no_wait() -> None:
    """The default."""
    slept: list[float] = []
    line = Throttle(Settings().download_bps, sleep=slept.append)
    line.wait(10**12, is_over=lambda: bool(slept))
    assert slept == []


def test_slots_share_a_worker_s_line(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """How many they are Celery says before it forks them."""
    assert endpoint
    settings = Settings(download_bps=40e6, upload_bps=8e6, scratch=tmp_path)
    main = WorkerProcess(name="celery@host", settings=settings, notice=Notice(), main_pid=os.getpid())
    monkeypatch.setattr(app.app, "worker_process", main, raising=False)
    assert app.count_children in [ref() for _, ref in signals.celeryd_after_setup.receivers or []]
    app.count_children(instance=type("Instance", (), {"concurrency": 2}))
    storage = app.app.worker_process.child().ports.storage
    assert isinstance(storage, S3Storage)
    rates = [line._line.rate_bps for line in (storage._down, storage._up) if line._line]
    assert rates == [20e6, 4e6]
