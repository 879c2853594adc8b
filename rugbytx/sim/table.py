"""The job table of a simulated day: open jobs with production's own records of their units."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rugbytx.core.estimate import PX_PER_BYTE
from rugbytx.core.forecast import frame_px
from rugbytx.core.job import Status
from rugbytx.core.next import unit_count
from rugbytx.core.pin import Pin
from rugbytx.core.plan import Plan
from rugbytx.core.scaling_facts import JobFact
from rugbytx.core.unit import Kind, State, Unit, UnitKey
from rugbytx.sim.book import Ticket
from rugbytx.sim.size import plan_of


@dataclass(eq=False)
class Row:
    """One open job."""

    ticket: Ticket
    #: The plan that the PLAN unit will write.
    plan: Plan
    units: dict[UnitKey, Unit] = field(default_factory=dict)
    is_planned: bool = False
    done: int = 0
    left_px: float = 0.0
    #: Lanes at it, and when pointers went out that have become none yet.
    lanes: int = 0
    assists: list[float] = field(default_factory=list)
    #: When the sweep looks, while no lane is at it.
    wake_at: float = 0.0
    resends: int = 0
    pin: str = ""
    repinned: int = 0
    _fact: JobFact | None = None

    @property
    def status(self) -> Status:
        """Return the job's status."""
        if self.ticket.done_at is not None:
            return Status.SUCCEEDED
        return Status.QUEUED if self.ticket.started_at is None else Status.RUNNING

    @property
    def known_plan(self) -> Plan | None:
        """Return the plan once it is made."""
        return self.plan if self.is_planned else None

    def unit_px(self, key: UnitKey) -> float:
        """Return the pixels of a unit; 0 for what is no video."""
        if key.kind is not Kind.VIDEO:
            return 0.0
        return len(self.plan.grid.chunk_frames(key.index)) * frame_px(self.plan)

    def put(self, unit: Unit, key: UnitKey) -> None:
        """Write a unit's record, and what the job's record says because of it."""
        self.units[key] = unit
        if unit.state is State.DONE:
            self.done += 1
            if key.kind is Kind.PLAN:
                self.is_planned = True
                self.left_px = self.ticket.size.px
            self.left_px -= self.unit_px(key)
        self._fact = None

    def changed(self) -> None:
        """Forget the fact that was made of the row."""
        self._fact = None

    def pin_of(self, lives_until: float) -> Pin | None:
        """Return the job's pin, as ``core.pin.of`` does of a record."""
        if self.ticket.size.profile != "clip":
            return None
        return Pin(maker=self.pin, times=self.repinned, lives_until=lives_until)

    def fact(self) -> JobFact:
        """Return the job as scaling sees it: guessed from the source's size before it is planned."""
        if self._fact is None:
            size = self.ticket.size
            guess_px = size.size_bytes * PX_PER_BYTE
            units = unit_count(self.plan) if self.is_planned else 1
            self._fact = JobFact(
                job_id=str(self.ticket.number),
                generation=1,
                submitted_at=self.ticket.at,
                deadline_at=self.ticket.deadline_at,
                work_px=size.px if self.is_planned else guess_px,
                left_px=max(0.0, self.left_px) if self.is_planned else guess_px,
                units_left=max(1, units - self.done),
                is_queued=self.status is Status.QUEUED,
                lanes=self.lanes,
                assists=len(self.assists),
                size_bytes=round(size.size_bytes),
            )
        return self._fact


@dataclass(eq=False)
class Table:
    """All open jobs, by number."""

    chunk_s: float | None
    rows: dict[int, Row] = field(default_factory=dict)

    def submit(self, ticket: Ticket) -> Row:
        """Write a job's record."""
        row = Row(ticket=ticket, plan=plan_of(ticket.size, self.chunk_s))
        self.rows[ticket.number] = row
        return row

    def close(self, row: Row) -> None:
        """Take an ended job out; what asks for it later finds it ended."""
        del self.rows[row.ticket.number]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())
