"""What jobs cost, who did them, and what was done in vain: sums over units and spans.

A job is charged with the time that its units took on a worker's slot, finished
attempts and those that failed.  What a worker cost while it idled or started is
no job's; it stands in the spans' totals beside them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rugbytx.core.cost import usage
from rugbytx.core.cost.usage import Span, Total
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.failed_attempt import Fate
from rugbytx.core.lease.unit import Kind, State, Unit

#: The class of a worker; None of one that fell silent and has no span.
Class = WorkerClass | None
#: Bytes in the gigabyte that egress is paid by.
GIGABYTE = 1e9


@dataclass(frozen=True, kw_only=True)
class SlotPrices:
    """What an hour of a slot costs, by worker, and by class for workers that nothing is known of."""

    by_class: Mapping[WorkerClass, float]
    by_worker: Mapping[str, float] = field(default_factory=dict)
    #: The class of each worker that has a span.
    classes: Mapping[str, WorkerClass] = field(default_factory=dict)
    #: What a gigabyte costs on its way to a class.
    usd_per_gb: Mapping[WorkerClass, float] = field(default_factory=dict)

    def usd_per_h(self, worker: str, worker_class: Class) -> float:
        """Return a worker's own rate, or else its class's."""
        return self.by_worker.get(worker, _of(self.by_class, worker_class))


def rates(spans: Iterable[Span], by_class: Mapping[WorkerClass, float]) -> SlotPrices:
    """Return the rates that spans show; of several spans of a worker, the last one's."""
    ordered = sorted(spans, key=lambda span: span.started_at)
    return SlotPrices(
        by_worker={span.worker: span.usd_per_h / span.slots for span in ordered},
        by_class=by_class,
        classes={span.worker: span.worker_class for span in ordered},
    )


def usd_of(unit: Unit, priced: SlotPrices) -> float:
    """Return what a unit cost: the time on a slot of each of its attempts.

    A unit that was taken over has no claim of its own (its fence is 0), and cost nothing here.

    >>> from rugbytx.core.lease.unit import Measured
    >>> done = Measured(worker_class="aws", elapsed_s=3600.0)
    >>> unit = Unit(key="PLAN", generation=1, state=State.DONE, fence=1, measured=done)
    >>> usd_of(unit, SlotPrices(by_class={"aws": 0.5}))
    0.5
    """
    if unit.fence == 0:
        return 0.0
    attempts = [
        (failed.worker, failed.worker_class or priced.classes.get(failed.worker), failed.elapsed_s)
        for failed in unit.lost
    ]
    if unit.state in {State.DONE, State.FAILED}:
        done = unit.measured
        attempts.append((done.worker, done.worker_class, done.elapsed_s))
    return sum(
        elapsed_s / 3600 * priced.usd_per_h(worker, worker_class)
        for worker, worker_class, elapsed_s in attempts
    )


def egress_usd_of(unit: Unit, priced: SlotPrices) -> float:
    """Return what the bytes cost that left AWS for the attempt that finished a unit.

    >>> from rugbytx.core.lease.unit import Measured
    >>> done = Measured(worker_class="jetson", bytes_read=4_000_000_000)
    >>> unit = Unit(key="PLAN", generation=1, state=State.DONE, fence=1, measured=done)
    >>> egress_usd_of(unit, SlotPrices(by_class={}, usd_per_gb={"jetson": 0.1}))
    0.4
    """
    if unit.fence == 0 or unit.state not in {State.DONE, State.FAILED}:
        return 0.0
    done = unit.measured
    return done.bytes_read / GIGABYTE * _of(priced.usd_per_gb, done.worker_class)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What one job took and cost, in all of its generations."""

    job_id: str
    status: Status
    profile: str
    submitted_at: float
    ended_at: float | None
    is_late: bool
    #: The class that encoded most of its frames; None before the first.
    worker_class: Class = None
    #: Frames by class, and seconds of slots by class; those of attempts that failed are among the seconds.
    frames: Mapping[Class, int] = field(default_factory=dict)
    busy_s: Mapping[Class, float] = field(default_factory=dict)
    usd: float = 0.0
    #: Attempts that came to nothing, by class and fate.
    lost: Mapping[tuple[Class, Fate], int] = field(default_factory=dict)
    #: Frames that were encoded in vain.
    lost_frames: int = 0


def bill(job: Job, units: Iterable[Unit], priced: SlotPrices) -> Bill:
    """Return a job's bill from the units of all its generations.

    A unit that a generation took over from the one before has no claim of its
    own (its fence is 0), and is counted once.
    """
    frames: Counter[Class] = Counter()
    busy_s: defaultdict[Class, float] = defaultdict(float)
    lost: Counter[tuple[Class, Fate]] = Counter()
    usd, lost_frames = 0.0, 0
    for unit in units:
        if unit.fence == 0:
            continue
        usd += usd_of(unit, priced)
        done = unit.measured
        is_video = unit.key.kind is Kind.VIDEO
        if unit.state in {State.DONE, State.FAILED}:
            frames[done.worker_class] += done.frames if is_video else 0
            busy_s[done.worker_class] += done.elapsed_s
        for failed in unit.lost:
            worker_class = failed.worker_class or priced.classes.get(failed.worker)
            lost[worker_class, failed.fate] += 1
            lost_frames += failed.frames if is_video else 0
            busy_s[worker_class] += failed.elapsed_s
    made = {name: count for name, count in frames.items() if count}
    return Bill(
        job_id=job.id,
        status=job.status,
        profile=job.profile.name,
        submitted_at=job.submitted_at,
        ended_at=job.ended_at,
        is_late=job.ended_at is not None and job.ended_at > job.deadline_at,
        worker_class=max(_ordered(made), key=made.__getitem__, default=None),
        frames=made,
        busy_s=dict(busy_s),
        usd=usd,
        lost=dict(lost),
        lost_frames=lost_frames,
    )


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one class did of all work."""

    worker_class: Class
    #: Jobs of which it encoded most frames.
    jobs: int
    frames: int
    #: Seconds of slots, by units.
    busy_s: float
    #: What its jobs cost at work.
    usd: float
    #: What its workers' time was spent on, by spans.
    total: Total
    #: Units that a worker of it left unfinished: it fell silent, or was told to leave.
    silent: int
    left: int


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """A stretch of time, as an operator watches it."""

    since: float
    until: float
    bills: tuple[Bill, ...]
    shares: tuple[Share, ...]
    #: Spans of AWS workers that ended in each way; ``silent`` for those that said no last word.
    endings: Mapping[str, int]
    #: Attempts that came to nothing for other reasons, by fate.
    lost: Mapping[str, int]
    frames: int
    lost_frames: int
    #: By class, since the month began.
    month_usd: Mapping[str, float]

    @property
    def premature(self) -> int:
        """Return how many units a worker left unfinished: whoever fell silent, and AWS workers told to leave."""
        return sum(
            share.silent + (share.left if share.worker_class is WorkerClass.AWS else 0)
            for share in self.shares
        )


def report(
    bills: Sequence[Bill], spans: Sequence[Span], month: Sequence[Span], *, since: float, now: float
) -> CostReport:
    """Return the report on ``bills`` and the ``spans`` since an instant; ``month`` are those since the month began."""
    lost: Counter[tuple[Class, Fate]] = Counter()
    for job_bill in bills:
        lost.update(job_bill.lost)
    within = [span for span, end in usage.ends(spans, now=now) if end > since]
    names = {
        *(span.worker_class for span in within),
        *(name for job_bill in bills for name in job_bill.busy_s),
        *(name for name, _ in lost),
    }
    return CostReport(
        since=since,
        until=now,
        bills=tuple(bills),
        shares=tuple(_share(name, bills, within, lost, now) for name in _ordered(names)),
        endings=_endings(within, now=now),
        lost={
            fate: sum(count for (_, ended), count in lost.items() if ended is fate)
            for fate in Fate
            if fate not in {Fate.SILENT, Fate.LEAVING}
        },
        frames=sum(sum(job_bill.frames.values()) for job_bill in bills),
        lost_frames=sum(job_bill.lost_frames for job_bill in bills),
        month_usd={
            name: usage.spent_usd(month, now=now, worker_class=name)
            for name in sorted({span.worker_class for span in month})
        },
    )


def _share(
    name: Class,
    bills: Sequence[Bill],
    spans: Sequence[Span],
    lost: Mapping[tuple[Class, Fate], int],
    now: float,
) -> Share:
    own = [job_bill for job_bill in bills if job_bill.worker_class == name and job_bill.frames]
    return Share(
        worker_class=name,
        jobs=len(own),
        frames=sum(job_bill.frames.get(name, 0) for job_bill in bills),
        busy_s=sum(job_bill.busy_s.get(name, 0.0) for job_bill in bills),
        usd=sum((job_bill.usd for job_bill in own), 0.0),
        total=usage.total((span for span in spans if span.worker_class == name), now=now),
        silent=lost.get((name, Fate.SILENT), 0),
        left=lost.get((name, Fate.LEAVING), 0),
    )


def _ordered(classes: Iterable[Class]) -> list[Class]:
    """Return classes by name, what is unknown last."""
    return sorted(classes, key=lambda name: (name is None, name or ""))


def _of(rates: Mapping[WorkerClass, float], worker_class: Class) -> float:
    """Return a class's rate; what is unknown has none."""
    return rates.get(worker_class, 0.0) if worker_class else 0.0


def _endings(spans: Iterable[Span], *, now: float) -> dict[str, int]:
    """Return how AWS workers ended, a worker that goes on after midnight not at all."""
    counted: Counter[str] = Counter()
    for span in spans:
        if span.worker_class is not WorkerClass.AWS:
            continue
        if usage.is_silent(span, now=now):
            counted["silent"] += 1
        elif span.ending:
            counted[span.ending] += 1
    endings = (str(end) for end in usage.End if end is not usage.End.MIDNIGHT)
    return {name: counted[name] for name in (*endings, "silent")}
