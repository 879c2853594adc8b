"""How fast chunks are done: children note it, the main process reads it."""

from pathlib import Path

import pytest

from rugbytx.core.cost.forecast import frame_px
from rugbytx.core.lease.unit import AUDIO, Kind, Measured, UnitKey
from rugbytx.core.scaling.pace import MOST_SAMPLES
from rugbytx.media.process import shared_log
from rugbytx.worker.presence.chunk_speeds import Speeds
from tests.plans import small_plan

CHUNK = UnitKey(Kind.VIDEO, 1)
PLAN = small_plan(chunks=2)


def measured(frames: int, elapsed_s: float) -> Measured:
    """Return what a finished unit cost."""
    return Measured(frames=frames, elapsed_s=elapsed_s)


@pytest.mark.parametrize("is_shared", [True, False])
def test_the_last_chunks_are_told(tmp_path: Path, *, is_shared: bool) -> None:
    """In pixels of all renditions by seconds, the latest last, and no more than a pace is learned from."""
    path = tmp_path / "scratch" / "speeds" if is_shared else None
    child = Speeds(path)
    main = Speeds(path) if is_shared else child
    assert main.last() == ()
    for number in range(MOST_SAMPLES + 5):
        child.record(PLAN, CHUNK, measured(100 + number, 2.0))
    assert len(main.last()) == MOST_SAMPLES
    assert main.last()[-1] == pytest.approx((100 + MOST_SAMPLES + 4) * frame_px(PLAN) / 2.0, abs=1)
    main.clear()
    main.clear()
    assert main.last() == ()


def test_only_chunks_count(tmp_path: Path) -> None:
    """Audio says nothing of pixels, and what took no time was taken over."""
    speeds = Speeds(tmp_path / "speeds")
    speeds.record(PLAN, AUDIO, measured(100, 1.0))
    speeds.record(None, CHUNK, measured(100, 1.0))
    speeds.record(PLAN, CHUNK, measured(100, 0.0))
    assert speeds.last() == ()


def test_a_full_disk_stops_no_chunk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its speed is not noted, and the log says so."""
    (tmp_path / "file").write_text("no folder")
    speeds = Speeds(tmp_path / "file" / "speeds")
    speeds.record(PLAN, CHUNK, measured(100, 1.0))
    assert "speed-not-noted" in caplog.messages


def test_a_file_that_grew_long_is_cut_to_its_end(tmp_path: Path) -> None:
    """A worker may run for years; the latest lines are kept whole."""
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(40_000)))
    shared_log.append(path, b"the last")
    assert path.stat().st_size <= shared_log.MOST_BYTES + 100
    lines = shared_log.lines(path)
    assert lines[-2:] == [b"0039999", b"the last"]
    assert all(len(line) == 7 for line in lines[1:-1]), "the first may be cut"
    assert [child.name for child in tmp_path.iterdir()] == ["lines"]
