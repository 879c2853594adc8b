"""What the gate reads."""

from datetime import UTC, time
from pathlib import Path

import pytest

from rugbytx.core.fleet import receive_window
from rugbytx.worker.gate import gate
from rugbytx.worker.gate.gate import View
from rugbytx.worker.gate.temperature import Heat
from rugbytx.worker.presence import presence
from tests.fakes.clock import Clock
from tests.fakes.store import FakeStore

PERIOD_S = 5.0


class Bench:
    """A view and what it looks at."""

    def __init__(self, scratch: Path) -> None:
        self.clock = Clock()
        self.store = FakeStore()
        self.is_draining = False
        self.scratch = scratch
        self.view = self.make()

    def make(self, *, scratch_floor_bytes: int = 0, heat: Heat | None = None) -> View:
        """Return a view that has not looked yet."""
        return View(
            store=self.store,
            scratch=self.scratch,
            scratch_floor_bytes=scratch_floor_bytes,
            view_s=PERIOD_S,
            is_draining=lambda: self.is_draining,
            heat=heat,
            monotonic=self.clock,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a view that has not looked yet."""
    return Bench(tmp_path / "scratch")


def test_it_is_closed_until_it_has_looked(bench: Bench) -> None:
    """A worker that knows nothing receives nothing."""
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.UNSEEN)
    bench.view.refresh()
    assert (bench.view.is_open(), bench.view.reason) == (True, gate.OPEN)


def test_it_closes_when_the_last_look_is_too_old(bench: Bench) -> None:
    """A look that hangs with the store is as good as none."""
    bench.view.refresh()
    bench.clock.advance(3 * PERIOD_S)
    assert bench.view.is_open()
    bench.clock.advance(0.1)
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.STALE)


def test_it_is_closed_while_the_store_cannot_be_reached(bench: Bench) -> None:
    """Receiving then would only spend the message's receive count."""
    bench.store.table.down = True
    bench.view.refresh()
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.STORE_UNREACHABLE)
    bench.store.table.down = False
    bench.view.refresh()
    assert bench.view.is_open()


def test_it_is_closed_while_scratch_is_low(bench: Bench) -> None:
    """Below the floor no source would fit."""
    low = bench.make(scratch_floor_bytes=1 << 62)
    low.refresh()
    assert (low.is_open(), low.reason) == (False, gate.SCRATCH_LOW)


def test_it_closes_at_once_when_the_worker_drains(bench: Bench) -> None:
    """Not with the next look only."""
    bench.view.refresh()
    bench.is_draining = True
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.DRAINING)


def test_what_breaks_a_look_closes_it_and_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The thread lives on."""
    bench.scratch.write_text("a file, and no folder")
    bench.view.refresh()
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.LOOK_BROKE)
    assert "look-broke" in caplog.messages


def test_each_change_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """With its reason, however often the gate is asked."""
    caplog.set_level("INFO")
    for reachable in (True, True, False, False):
        bench.store.table.down = not reachable
        bench.view.refresh()
        bench.view.is_open()
        bench.view.is_open()
    told = [(record.getMessage(), vars(record)["reason"]) for record in caplog.records]
    assert told == [("gate-open", gate.OPEN), ("gate-closed", gate.STORE_UNREACHABLE)]


def test_its_thread_looks_at_once(bench: Bench) -> None:
    """The first receive waits for it."""
    bench.view.start(name="jetson-1")
    try:
        wait_until_open(bench.view)
        assert bench.view.reason == gate.OPEN
    finally:
        bench.view.stop()


def wait_until_open(gate: View) -> None:
    """Return when the gate is open, which takes a thread's first round."""
    import time

    until = time.monotonic() + 10
    while not gate.is_open():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_it_is_closed_while_the_host_is_too_hot(bench: Bench) -> None:
    """And opens only once it has cooled down, so that it does not flap at the edge."""
    hottest_c = 90.0
    hot = bench.make(heat=Heat(hottest_c=90.0, read=lambda: hottest_c))
    hot.refresh()
    assert (hot.is_open(), hot.reason) == (False, gate.TOO_HOT)
    hottest_c = 85.0
    hot.refresh()
    assert not hot.is_open()
    hottest_c = 80.0
    hot.refresh()
    assert hot.is_open()


def test_it_is_closed_outside_its_hours(bench: Bench) -> None:
    """By the store's clock; the lane in work stops after its unit, as at a pause, and nobody counts on this worker."""
    halted: list[bool] = []
    night = View(
        store=bench.store,
        scratch=bench.scratch,
        scratch_floor_bytes=0,
        view_s=PERIOD_S,
        is_draining=lambda: False,
        work_hours=receive_window.Hours(begin=time(22), end=time(6), zone=UTC),
        on_halt=halted.append,
        monotonic=bench.clock,
    )
    reasons = []
    for hour in (21.9, 22.0, 29.9, 30.0):
        bench.store.clock.at = hour * 3600
        night.refresh()
        reasons.append(night.reason)
    assert reasons == [receive_window.OUTSIDE, gate.OPEN, gate.OPEN, receive_window.OUTSIDE]
    assert halted == [True, False, False, True]
    assert receive_window.OUTSIDE not in presence.ABLE
