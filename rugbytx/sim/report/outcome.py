"""What a run came to, in figures: one for each run, and the mean of several."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.schedule.next_unit import unit_count
from rugbytx.sim.input.upload_kind import Size, plan_of
from rugbytx.sim.recorder import Ticket
from rugbytx.sim.report import lower_bound
from rugbytx.sim.report.lower_bound import Hosts, JobLoad
from rugbytx.sim.simulation import Case, Run


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run came to.  Durations in seconds; None where an upload was never finished."""

    scenario: str
    policy: str
    seed: int
    uploads: int
    never_finished: int
    is_drained: bool
    #: When the first upload came.
    first_s: float
    #: The time from the first upload to the last end.
    makespan_s: float | None
    #: How long each upload took, the shortest first.
    turnarounds_s: tuple[float, ...] = field(repr=False)
    p50_s: float
    p95_s: float
    missed: int
    usd_busy: float
    usd_cold: float
    usd_idle: float
    usd_egress: float
    usd_requests: float
    duplicates: int
    wasted_s: float
    kills: dict[str, int]
    most_units_lost_at_once: int
    jetson_h: float
    aws_h: float
    hosts: int
    refused_protections: int
    dead_letters: int
    decisions: int
    #: Deliveries, units of work and scaling decisions.
    events: int
    simulated_s: float
    cpu_s: float

    @property
    def usd(self) -> float:
        """Return what all of it cost; S3's requests, fractions of a cent a match under every policy, are left out."""
        return self.usd_hosts + self.usd_egress + self.usd_requests

    @property
    def usd_hosts(self) -> float:
        """Return what AWS hosts cost: what the bounds bound."""
        return self.usd_busy + self.usd_cold + self.usd_idle

    @property
    def killed(self) -> int:
        """Return how often a worker was killed at work."""
        return sum(self.kills.values())

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name; the names stay."""
        values = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "turnarounds_s"
        }
        rounded = {
            name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()
        }
        return {**rounded, "usd": round(self.usd, 4)}


def outcome(run: Run) -> Outcome:
    """Return what a run came to."""
    book, case = run.book, run.case
    tickets = book.tickets
    turnarounds = sorted(
        (ticket.done_at if ticket.done_at is not None else inf) - ticket.at for ticket in tickets
    )
    first = min((ticket.at for ticket in tickets), default=0.0)
    unfinished = sum(ticket.done_at is None for ticket in tickets)
    prices, bill = case.prices, book.bill
    return Outcome(
        scenario=case.scenario.name,
        policy=case.policy.name,
        seed=case.seed,
        uploads=len(tickets),
        never_finished=unfinished,
        is_drained=run.is_drained,
        first_s=first,
        turnarounds_s=tuple(turnarounds),
        makespan_s=None
        if unfinished
        else max((ticket.done_at or 0.0 for ticket in tickets), default=0.0) - first,
        p50_s=quantile(turnarounds, 0.5),
        p95_s=quantile(turnarounds, 0.95),
        missed=sum(_is_late(ticket) for ticket in tickets),
        usd_busy=bill.usd_busy,
        usd_cold=bill.usd_cold,
        usd_idle=bill.usd_idle,
        usd_egress=prices.egress_usd(book.egress_bytes / 1e9, over_s=run.ended_at),
        usd_requests=prices.sqs_usd(run.queue.requests, over_s=run.ended_at)
        + prices.store_usd(writes=book.store_writes, reads=book.store_reads),
        duplicates=sum(ticket.duplicates for ticket in tickets),
        wasted_s=sum(ticket.wasted_s for ticket in tickets),
        kills=dict(sorted(book.kills.items())),
        most_units_lost_at_once=book.most_lost_at_once,
        jetson_h=book.worked_s.get(WorkerClass.JETSON, 0.0) / 3600,
        aws_h=book.worked_s.get(WorkerClass.AWS, 0.0) / 3600,
        hosts=bill.hosts,
        refused_protections=book.refusals,
        dead_letters=len(run.queue.dead),
        decisions=book.decisions,
        events=run.queue.deliveries + book.works + book.decisions,
        simulated_s=run.ended_at,
        cpu_s=run.cpu_s,
    )


def _is_late(ticket: Ticket) -> bool:
    return ticket.done_at is None or ticket.done_at > ticket.deadline_at


def job_rows(run: Run) -> list[dict[str, Any]]:
    """Return each upload's fate, by name; the names stay."""
    return [
        {
            "policy": run.case.policy.name,
            "seed": run.case.seed,
            "job": ticket.number,
            "size": ticket.size.name,
            "at_s": ticket.at,
            "deadline_s": ticket.deadline_at - ticket.at,
            "started_s": None if ticket.started_at is None else ticket.started_at - ticket.at,
            "done_s": None if ticket.done_at is None else ticket.done_at - ticket.at,
            "done_by": ticket.done_by,
            "is_late": _is_late(ticket),
            "duplicates": ticket.duplicates,
            "kills": ticket.kills,
            "wasted_s": ticket.wasted_s,
        }
        for ticket in run.book.tickets
    ]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the ordered values do not exceed; 0 for none.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([1.0, 2.0, 3.0, 4.0], 0.95)
    (2.0, 4.0)
    """
    if not ordered:
        return 0.0
    place = -int(-share * len(ordered) // 1) - 1
    return ordered[max(0, place)]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The best that any policy could do with the scenario's uploads, knowing the future."""

    fluid_s: float
    atomic_s: float | None
    #: The least that AWS hosts cost where every deadline is met, chunked.
    usd: float
    #: The same with what each chunk costs besides its pictures: its claim, start, check and upload.
    usd_chunks: float
    frontier: tuple[lower_bound.FrontierPoint, ...]


def loads(case: Case, *, is_chunked: bool = False) -> list[JobLoad]:
    """Return the uploads as the bounds see them: with their mean service times, and those of their units where asked."""
    figures, scenario = case.figures, case.scenario

    def besides_s(size: Size) -> float:
        units = unit_count(plan_of(size, scenario.chunk_s)) if is_chunked else 0
        return units * figures.unit_overhead_s

    return [
        JobLoad(
            at=upload.at_s,
            deadline_at=upload.at_s + upload.deadline_s,
            edge_s=size.whole_s(figures.jetson_px_per_s) + besides_s(size),
            cloud_s=size.whole_s(figures.aws_px_per_s) + besides_s(size),
        )
        for upload in scenario.draw(case.seed)
        for size in (scenario.size(upload.size),)
    ]


#: The atomic bound is for equal jobs, and takes the square of their number.
MOST_ATOMIC = 40


def bound(case: Case, *, detect_s: float = 0.0) -> Bound:
    """Return the lower bounds of a scenario; outages are not in them, which only lowers them."""
    figures, jobs = case.figures, loads(case)
    has_jetson = not any(fault.kind == "jetson-off" and fault.at_s <= 0 for fault in case.scenario.faults)
    hosts = Hosts(
        edge=int(has_jetson),
        cloud=figures.max_hosts,
        start_s=figures.cold_mean_s,
        detect_s=detect_s,
        usd_per_h=case.prices.host_h(figures.purchase),
    )
    is_equal = len({load.edge_s for load in jobs}) == 1 and len(jobs) <= MOST_ATOMIC
    return Bound(
        fluid_s=lower_bound.fluid_makespan_s(jobs, hosts),
        atomic_s=lower_bound.atomic_makespan_s(jobs, hosts) if is_equal else None,
        usd=lower_bound.cheapest_usd(jobs, hosts),
        usd_chunks=lower_bound.cheapest_usd(loads(case, is_chunked=True), hosts),
        frontier=lower_bound.frontier(jobs, hosts) if is_equal else (),
    )


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Several runs of one case under different seeds."""

    policy: str
    runs: tuple[Outcome, ...]

    def of(self, name: str) -> float:
        """Return the mean of a figure over the runs that have it; infinity where none has."""
        values = [value for run in self.runs if (value := getattr(run, name)) is not None]
        return sum(values) / len(values) if values else inf

    def worst(self, name: str) -> float:
        """Return the largest of a figure; infinity where a run has none."""
        values = [getattr(run, name) for run in self.runs]
        return max((inf if value is None else value for value in values), default=0.0)

    @property
    def drained(self) -> int:
        """Return in how many runs the queue drained."""
        return sum(run.is_drained for run in self.runs)

    def kills(self) -> dict[str, float]:
        """Return the mean number of kills at work by cause."""
        causes = sorted({cause for run in self.runs for cause in run.kills})
        return {cause: sum(run.kills.get(cause, 0) for run in self.runs) / len(self.runs) for cause in causes}


def mediaconvert_usd(case: Case) -> float:
    """Return what AWS Elemental MediaConvert would ask for the same uploads, by its list price."""
    minutes = sum(case.scenario.size(upload.size).video_s / 60 for upload in case.scenario.draw(case.seed))
    return minutes * case.prices.mediaconvert_min.usd
