"""The heartbeat: what renews a lease, what stops the work, and that it is gone before the commit."""

import threading
from pathlib import Path

import pytest

from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import PLAN, Lease, UnitProgress
from rugbytx.errors import Draining, LeaseLost, Stalled
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker.lane.heartbeat import Heartbeat
from rugbytx.worker.shutdown.drain import Leave, Notice
from tests.fakes.clock import Clock
from tests.fakes.media import FakeMedia
from tests.fakes.queue import FakeQueue
from tests.fakes.storage import FakeStorage
from tests.fakes.store import FakeStore
from tests.fakes.table import FakeTable
from tests.fakes.units import FakeUnits
from tests.plans import PROFILE, SOURCE

LEASE_S, STALL_S = 12.0, 30.0


class World:
    """One claimed unit, and a heartbeat whose time the test moves."""

    def __init__(self, scratch: Path) -> None:
        self.clock = Clock(0.0)
        self.store = FakeStore()
        self.queue = FakeQueue()
        self.settings = Settings(
            lease_s=LEASE_S, heartbeat_s=4.0, visibility_s=12.0, stall_s=STALL_S, scratch=scratch
        )
        now = self.store.now()
        self.job = self.store.jobs.create(
            Job(id="j", source=SOURCE, profile=PROFILE, submitted_at=now, deadline_at=now, wake_at=now)
        )
        self.lease = self.claim("first")
        self.notice = Notice()
        self.heartbeat = Heartbeat(
            self.lease,
            "receipt",
            ports=Ports(store=self.store, queue=self.queue, storage=FakeStorage(), media=FakeMedia()),
            settings=self.settings,
            notice=self.notice,
            granted_at=self.clock(),
            monotonic=self.clock,
        )

    def claim(self, owner: str) -> Lease:
        """Claim the unit as it stands."""
        seen = self.store.units.read("j", 1).get(PLAN)
        lease = self.store.units.claim(self.job, PLAN, seen, owner=owner, lease_s=LEASE_S)
        assert lease
        return lease

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the worker and for the store."""
        self.clock.advance(seconds)
        self.store.clock.advance(seconds)

    def lease_until(self) -> float:
        """Return the end of the lease as the store has it."""
        return self.store.units.read("j", 1)[PLAN].lease_until


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a fresh world."""
    return World(tmp_path)


def test_a_beat_renews_the_lease_and_wakes_the_job_after_it(world: World) -> None:
    """The lease runs on from the beat, and the sweep looks 5 s after its end."""
    world.pass_time(4)
    world.heartbeat.advance(frames=10)
    world.heartbeat.beat()
    assert world.lease_until() == world.store.now() + LEASE_S
    job = world.store.jobs.read("j")
    assert job
    assert job.wake_at == world.lease_until() + 5


def test_a_beat_carries_progress(world: World) -> None:
    """What the step reported last stands in the unit's record."""
    world.heartbeat.step("encode")
    world.heartbeat.advance(frames=77, fps=12.5)
    world.heartbeat.beat()
    assert world.store.units.read("j", 1)[PLAN].progress == UnitProgress(step="encode", frames=77, fps=12.5)


def test_work_that_stands_still_is_not_renewed_and_ends(world: World) -> None:
    """Reports without growth are not life: after stall_s the beat is silent and the work is told."""
    world.heartbeat.step("encode")
    world.heartbeat.advance(frames=5)
    for _ in range(8):
        world.pass_time(4)
        world.heartbeat.advance(frames=5, fps=30.0)
        world.heartbeat.beat()
    until = world.lease_until()
    world.heartbeat.beat()
    assert world.lease_until() == until
    with pytest.raises(Stalled, match="encode stood still for 30 s"):
        world.heartbeat.check()


def test_an_unreachable_store_ends_the_work_at_the_deadline(world: World) -> None:
    """Missed beats are survived until our own deadline, and not a moment longer."""
    world.store.table.down = True
    world.pass_time(LEASE_S - 1)
    world.heartbeat.advance(frames=1)
    world.heartbeat.beat()
    world.heartbeat.check()
    world.pass_time(2)
    world.heartbeat.advance(frames=2)
    with pytest.raises(LeaseLost, match="could not be renewed in time"):
        world.heartbeat.check()


def test_a_frozen_worker_stops_although_the_store_would_renew(world: World) -> None:
    """After the deadline no beat is sent: a renewal could only be won from a successor."""
    world.pass_time(LEASE_S + 1)
    world.heartbeat.advance(frames=1)
    before = world.lease_until()
    world.heartbeat.beat()
    assert world.lease_until() == before
    with pytest.raises(LeaseLost):
        world.heartbeat.check()


def test_a_takeover_is_heard_at_the_next_beat(world: World) -> None:
    """Another worker's claim ends our work, whatever our clock says."""
    world.store.clock.advance(LEASE_S + 1)  # the store's time runs ahead of ours
    taken = world.claim("second")
    assert taken.fence == world.lease.fence + 1
    world.heartbeat.advance(frames=1)
    world.heartbeat.beat()
    with pytest.raises(LeaseLost):
        world.heartbeat.check()


class SlowUnits(FakeUnits):
    """Units whose renewals hang until they are let go."""

    def __init__(self, table: FakeTable) -> None:
        super().__init__(table)
        self.begun, self.go = threading.Event(), threading.Event()
        self.returned = False

    def renew(self, lease: Lease, *, lease_s: float, progress: UnitProgress) -> Lease:
        """Hang, then renew."""
        self.begun.set()
        assert self.go.wait(timeout=30)
        renewed = super().renew(lease, lease_s=lease_s, progress=progress)
        self.returned = True
        return renewed


def test_leaving_waits_for_the_beat_under_way(tmp_path: Path) -> None:
    """When the context is left no renewal is in flight that could outlive the commit."""
    table = FakeTable()
    units = SlowUnits(table)
    store = FakeStore(table, units=units)
    now = store.now()
    job = store.jobs.create(
        Job(id="j", source=SOURCE, profile=PROFILE, submitted_at=now, deadline_at=now, wake_at=now)
    )
    lease = store.units.claim(job, PLAN, None, owner="w", lease_s=60)
    assert lease
    heartbeat = Heartbeat(
        lease,
        "receipt",
        ports=Ports(store=store, queue=FakeQueue(), storage=FakeStorage(), media=FakeMedia()),
        settings=Settings(lease_s=60, heartbeat_s=0.2, visibility_s=60, scratch=tmp_path),
        notice=Notice(),
        granted_at=0.0,
        monotonic=lambda: 0.0,
    )
    with heartbeat as pulse:
        pulse.step("encode")
        assert units.begun.wait(timeout=30)
        threading.Timer(0.05, units.go.set).start()
    assert units.returned


def test_the_notice_ends_the_work(world: World) -> None:
    """A worker that is to leave now stops what it does at the next check, and at the next step."""
    world.heartbeat.check()
    world.notice.give(Leave.NOW)
    with pytest.raises(Draining):
        world.heartbeat.check()
    with pytest.raises(Draining):
        world.heartbeat.step("upload")


def test_a_planned_stop_lets_the_unit_go_on(world: World) -> None:
    """A worker that leaves after its unit works on, and the lease is renewed."""
    world.notice.give(Leave.CHUNK)
    world.pass_time(4)
    world.heartbeat.step("encode")
    world.heartbeat.advance(frames=1)
    world.heartbeat.beat()
    world.heartbeat.check()
    assert world.lease_until() == world.store.now() + LEASE_S


def test_a_lost_lease_outweighs_the_notice(world: World) -> None:
    """What is not ours is not handed back either."""
    world.notice.give(Leave.NOW)
    world.pass_time(LEASE_S + 1)
    with pytest.raises(LeaseLost):
        world.heartbeat.check()


def test_finished_work_is_not_thrown_away(world: World) -> None:
    """A notice that comes when the unit is done, uploads and all, leaves it to be committed."""
    with world.heartbeat:
        world.notice.give(Leave.NOW)
    assert world.notice.asked is Leave.NOW


def test_a_failed_unit_leaves_with_its_own_error(world: World) -> None:
    """Leaving the context does not hide what the work raised."""
    with pytest.raises(ZeroDivisionError), world.heartbeat:
        raise ZeroDivisionError
