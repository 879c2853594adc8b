"""A store in memory that keeps the real one's rules, and whose time the test moves."""

from rugbytx.ports.store import Store, Units, Workers
from tests.fakes.jobs import FakeCleanups, FakeJobs
from tests.fakes.outbox import FakeAuditTrails, FakeOutbox
from tests.fakes.table import FakePort, FakeTable, sent
from tests.fakes.units import FakeLeases, FakeUnits
from tests.fakes.workers import FakeHalts, FakeScalingDecisions, FakeWorkers


class FakeClock(FakePort):
    """The store's time, which is as hard to reach as the rest of the store."""

    @sent
    def now(self) -> float:
        """Return the clock's time."""
        return self.table.clock()


class FakeStore(Store):
    """``ports.store.Store`` in memory, round one table, with a port of a test's own where it has one."""

    def __init__(
        self,
        table: FakeTable | None = None,
        *,
        jobs: FakeJobs | None = None,
        units: Units | None = None,
        workers: Workers | None = None,
    ) -> None:
        if table is None:
            table = FakeTable()
        super().__init__(
            now=FakeClock(table).now,
            jobs=jobs or FakeJobs(table),
            units=units or FakeUnits(table),
            leases=FakeLeases(table),
            cleanups=FakeCleanups(table),
            workers=workers or FakeWorkers(table),
            halts=FakeHalts(table),
            scaling=FakeScalingDecisions(table),
            audit=FakeAuditTrails(table),
            outbox=FakeOutbox(table),
            unreadable=lambda: 0,
        )
        self.table = table
        self.clock = table.clock
