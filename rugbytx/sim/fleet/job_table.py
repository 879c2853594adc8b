"""The job table of a simulated day: production's own records of open jobs and of their units."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rugbytx.core.cost.forecast import frame_px
from rugbytx.core.job.job import Job, Source, Status
from rugbytx.core.lease.unit import PLAN, Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.scaling import workload
from rugbytx.core.scaling.facts import JobFact
from rugbytx.core.scaling.pace import Assumed
from rugbytx.core.schedule.encoder_pin import EncoderPin
from rugbytx.core.schedule.next_unit import unit_count
from rugbytx.sim.input.upload_kind import Size, plan_of, profile_of
from rugbytx.sim.recorder import Ticket


@dataclass(eq=False)
class Row:
    """One open job."""

    ticket: Ticket
    #: The plan that the PLAN unit will write.
    plan: Plan
    units: dict[UnitKey, Unit] = field(default_factory=dict)
    is_planned: bool = False
    done: set[str] = field(default_factory=set)
    #: Lanes at it.
    lanes: int = 0
    #: When the sweep looks, while no lane is at it.
    wake_at: float = 0.0
    resends: int = 0
    pin: str = ""
    repinned: int = 0
    #: The job's id, and whether its profile allows chunks of unlike encoders.
    id: str = field(init=False)
    splices: bool = field(init=False)
    _record: Job | None = None
    _fact: JobFact | None = None
    _fact_of: tuple[int, int, float] = (0, 0, 0.0)

    def __post_init__(self) -> None:
        self.id = str(self.ticket.number)
        self.splices = profile_of(self.ticket.size).splice

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
            self.done.add(str(key))
            self.is_planned = self.is_planned or key.kind is Kind.PLAN
            self._record = self._fact = None

    def begin(self, now: float) -> None:
        """Record that a lane has begun with the job."""
        if self.ticket.started_at is None:
            self.ticket.started_at = now
            self._record = self._fact = None

    def pin_of(self, lives_until: float) -> EncoderPin | None:
        """Return the job's pin, as ``core.pin.of`` does of a record."""
        if self.splices:
            return None
        return EncoderPin(maker=self.pin, times=self.repinned, lives_until=lives_until)

    @property
    def record(self) -> Job:
        """Return the job's record."""
        if self._record is None:
            ticket = self.ticket
            changed: dict[str, Any] = {
                "id": self.id,
                "status": self.status,
                "submitted_at": ticket.at,
                "deadline_at": ticket.deadline_at,
                "wake_at": self.wake_at,
                "resends": self.resends,
                "done": frozenset(self.done),
            }
            if self.is_planned:
                changed |= {"units": unit_count(self.plan), "work_px": ticket.size.px}
            self._record = _blank(ticket.size).model_copy(update=changed)
        return self._record

    def fact(self, *, lanes: int, assists: int, assumed: Assumed) -> JobFact:
        """Return the job as production's ``backlog`` sees it; made anew only when something of it has changed."""
        of = (lanes, assists, 0.0 if self.is_planned else assumed.px_per_byte)
        if self._fact is None or self._fact_of != of:
            self._fact = workload.fact(
                self.record,
                lanes=lanes,
                assists=assists,
                px_per_byte=assumed.px_per_byte,
                overhead_px=assumed.overhead_px,
            )
            self._fact_of = of
        return self._fact


@cache
def _blank(size: Size) -> Job:
    """Return a record to copy: to make one anew checks each of its fields."""
    source = Source(bucket="source", key=size.name, etag="e", size_bytes=round(size.size_bytes))
    return Job(id="", source=source, profile=profile_of(size), submitted_at=0, deadline_at=0, wake_at=0)


@dataclass(eq=False)
class JobTable:
    """All open jobs, by number, the oldest first."""

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


#: Records are copies of this one: to make one anew checks and fills each of its fields.
_UNIT = Unit(key=PLAN, generation=1, state=State.WAITING, fence=0)


def unit_record(
    key: UnitKey, before: Unit | None, *, state: State, maker: str, lease_until: float = 0.0
) -> Unit:
    """Return a unit's record; what it has been through is kept."""
    before = before or _UNIT
    return before.model_copy(
        update={
            "key": key,
            "state": state,
            "fence": before.fence + (state is State.LEASED),
            "maker": maker,
            "lease_until": lease_until,
            "retry_at": 0.0,
        }
    )
