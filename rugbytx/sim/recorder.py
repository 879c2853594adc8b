"""What a run writes down: who did what when, what it cost, and what was lost."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.sim.input.upload_kind import Size

#: Two spells of one worker at one job that lie no farther apart are drawn as one.
JOIN_S = 2.0


@dataclass(slots=True, eq=False)
class Ticket:
    """One upload on its way."""

    number: int
    size: Size
    at: float
    deadline_at: float
    #: How its service time differs from the mean, whoever serves it.
    share: float
    started_at: float | None = None
    done_at: float | None = None
    done_by: str = ""
    #: Attempts under way.
    running: int = 0
    duplicates: int = 0
    kills: int = 0
    #: Seconds of work that came to nothing, or was done already.
    wasted_s: float = 0.0


@dataclass(slots=True)
class WorkSpan:
    """What one worker did for a while; ``job`` is -1 for a cold start."""

    worker: str
    job: int
    start: float
    end: float
    is_wasted: bool = False


@dataclass(frozen=True, slots=True)
class FleetSample:
    """The queue and the fleet from an instant on."""

    at: float
    visible: int
    in_flight: int
    desired: int
    running: int


@dataclass(frozen=True, slots=True)
class Said:
    """A scaling decision that differs from the one before it."""

    at: float
    desired: int
    wanted: int
    reason: str


@dataclass(slots=True)
class HostBill:
    """What AWS hosts were paid for, in seconds."""

    cold_s: float = 0.0
    busy_s: float = 0.0
    idle_s: float = 0.0
    usd_cold: float = 0.0
    usd_busy: float = 0.0
    usd_idle: float = 0.0
    hosts: int = 0
    spot_hosts: int = 0


@dataclass(eq=False)
class Book:
    """The record of one run; ``is_kept`` says whether timelines are wanted, which a year's would not fit."""

    now: Callable[[], float]
    is_kept: bool = True
    tickets: list[Ticket] = field(default_factory=list)
    open_tickets: int = 0
    spans: list[WorkSpan] = field(default_factory=list)
    samples: list[FleetSample] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    #: Seconds at work by class.
    worked_s: dict[WorkerClass, float] = field(default_factory=dict)
    bill: HostBill = field(default_factory=HostBill)
    egress_bytes: float = 0.0
    store_reads: float = 0.0
    store_writes: float = 0.0
    refusals: int = 0
    #: Units that were lost to each kill, at most, and in all.
    units_lost: int = 0
    most_lost_at_once: int = 0
    decisions: int = 0
    #: Units, or whole messages, that somebody worked on.
    works: int = 0
    _last: dict[str, WorkSpan] = field(default_factory=dict)

    def accept(self, ticket: Ticket) -> None:
        """Write down an upload."""
        self.tickets.append(ticket)
        self.open_tickets += 1

    def record_end(self, ticket: Ticket, worker: str) -> bool:
        """Write down that an upload is finished; False where it was already."""
        if ticket.done_at is not None:
            return False
        ticket.done_at, ticket.done_by = self.now(), worker
        self.open_tickets -= 1
        return True

    def record_work(self, worker: str, job: int, start: float, *, is_wasted: bool = False) -> None:
        """Write down that a worker was at a job from ``start`` until now."""
        end = self.now()
        self.works += 1
        worker_class = WorkerClass(worker.partition("-")[0])
        self.worked_s[worker_class] = self.worked_s.get(worker_class, 0.0) + end - start
        if not self.is_kept:
            return
        last = self._last.get(worker)
        if last and last.job == job and last.is_wasted == is_wasted and start - last.end < JOIN_S:
            last.end = end
            return
        self._last[worker] = WorkSpan(worker, job, start, end, is_wasted)
        self.spans.append(self._last[worker])

    def record_cold_start(self, worker: str, start: float) -> None:
        """Write down a cold start that ends here."""
        if self.is_kept:
            self.spans.append(WorkSpan(worker, -1, start, self.now()))

    def sample(self, visible: int, in_flight: int, desired: int, running: int) -> None:
        """Write down the queue and the fleet, where they changed."""
        if not self.is_kept:
            return
        sample = FleetSample(self.now(), visible, in_flight, desired, running)
        if self.samples and self.samples[-1].at == sample.at:
            self.samples[-1] = sample
        else:
            self.samples.append(sample)

    def record_kill(self, ticket: Ticket, cause: str, *, lost_s: float, units: int) -> None:
        """Write down a kill at work."""
        self.kills[cause] += 1
        ticket.kills += 1
        ticket.wasted_s += lost_s
        self.units_lost += units
        self.most_lost_at_once = max(self.most_lost_at_once, units)

    def paid(self, *, cold_s: float, busy_s: float, alive_s: float, usd_per_h: float, is_spot: bool) -> None:
        """Write down what one AWS host cost from its launch to its end."""
        bill, rate = self.bill, usd_per_h / 3600
        idle_s = max(0.0, alive_s - cold_s - busy_s)
        bill.cold_s += cold_s
        bill.busy_s += busy_s
        bill.idle_s += idle_s
        bill.usd_cold += cold_s * rate
        bill.usd_busy += busy_s * rate
        bill.usd_idle += idle_s * rate
        bill.hosts += 1
        bill.spot_hosts += is_spot
