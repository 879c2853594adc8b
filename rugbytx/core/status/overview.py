"""A job at a glance: how far it has come, on which hosts, for how much, and who did which unit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rugbytx.core.cost import ledger
from rugbytx.core.cost.ledger import SlotPrices
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import PLAN, Kind, State, Unit, UnitKey
from rugbytx.core.output.result import plan_of
from rugbytx.core.schedule.next_unit import stages
from rugbytx.core.status.progress import Outlook, outlook

#: A unit that nobody has claimed yet.
FREE = "FREE"
#: A unit whose lease has run out: nobody is at work on it.
LAPSED = "LAPSED"


@dataclass(frozen=True, kw_only=True)
class UnitOverview:
    """One unit: where it stands, and who did it, or is at it."""

    key: UnitKey
    #: A unit's state, FREE or LAPSED.
    state: str
    worker: str = ""
    worker_class: WorkerClass | None = None
    encoder: str = ""
    gpu: str = ""
    #: The step that its heartbeat last named.
    step: str = ""
    started_at: float = 0.0
    elapsed_s: float = 0.0
    frames: int = 0
    fps: float = 0.0
    fence: int = 0
    verdicts: int = 0
    deaths: int = 0
    reason: str = ""
    #: Whether it was taken over from the generation before.
    is_adopted: bool = False
    #: Whether it follows a chunk of another encoder, so that a player starts its decoder anew.
    is_splice: bool = False
    usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class JobOverview:
    """A job with what its units show."""

    job: Job
    outlook: Outlook
    units: tuple[UnitOverview, ...]
    #: The classes of the workers that have or had a unit of it, the one with most units first.
    worker_classes: tuple[WorkerClass, ...]
    #: What this generation's attempts cost that have ended: slots by the second, and bytes out of AWS.
    usd: float
    #: Store time.
    at: float

    @property
    def percent(self) -> int | None:
        """Return how much is encoded, in whole per cent, or None while nobody can tell.

        100 only once it has ended: what follows the last frame takes time too.
        """
        if self.job.status is Status.SUCCEEDED:
            return 100
        if not self.job.is_open or not self.outlook.frames:
            return None
        return min(99, 100 * self.outlook.frames_done // self.outlook.frames)

    @property
    def is_late(self) -> bool:
        """Return whether its deadline has passed, or passed before it ended."""
        return (self.job.ended_at or self.at) > self.job.deadline_at


def summarize(
    job: Job, units: Mapping[UnitKey, Unit], workers: Sequence[Worker], *, priced: SlotPrices, now: float
) -> JobOverview:
    """Return the job at a glance at store time ``now``.

    ``workers`` are those that live.
    """
    classes = {unit.measured.worker: unit.measured.worker_class for unit in units.values()}
    classes |= {worker.name: worker.worker_class for worker in workers}
    costs = {
        key: ledger.usd_of(unit, priced) + ledger.egress_usd_of(unit, priced) for key, unit in units.items()
    }
    overviews = tuple(
        replace(overview, usd=costs.get(overview.key, 0.0))
        for overview in _overviews(job, units, classes, now=now)
    )
    counts: dict[WorkerClass, int] = {}
    for overview in overviews:
        if overview.worker_class:
            counts[overview.worker_class] = counts.get(overview.worker_class, 0) + 1
    return JobOverview(
        job=job,
        outlook=outlook(job, units.values(), now=now),
        units=overviews,
        worker_classes=tuple(sorted(counts, key=lambda name: (-counts[name], name))),
        usd=sum(costs.values()),
        at=now,
    )


def _overviews(
    job: Job, units: Mapping[UnitKey, Unit], classes: Mapping[str, WorkerClass | None], *, now: float
) -> Iterator[UnitOverview]:
    """Yield an overview of each unit that the plan has, in order, and for those beside the plan that were begun."""
    planned = [key for stage in stages(plan_of(units)) for key in stage]
    keys = planned + sorted(set(units) - set(planned))
    adopted = frozenset(job.adopted)
    before = ""
    for key in keys:
        unit = units.get(key)
        if unit is None:
            yield UnitOverview(key=key, state=FREE, is_adopted=str(key) in adopted)
            before = "" if key.kind is Kind.VIDEO else before
            continue
        made_by = unit.measured.fingerprint if unit.state is State.DONE else ""
        is_chunk = key.kind is Kind.VIDEO
        yield _overview(
            key,
            unit,
            classes,
            now=now,
            is_adopted=str(key) in adopted,
            is_splice=is_chunk and bool(before and made_by) and made_by != before,
        )
        before = made_by if is_chunk else before


def _overview(
    key: UnitKey,
    unit: Unit,
    classes: Mapping[str, WorkerClass | None],
    *,
    now: float,
    is_adopted: bool,
    is_splice: bool,
) -> UnitOverview:
    """Return the overview of a unit that was claimed at least once."""
    measured = unit.measured
    at_work = unit.state is State.LEASED and unit.lease_until > now
    if unit.state is State.LEASED:
        return UnitOverview(
            key=key,
            state=str(unit.state) if at_work else LAPSED,
            worker=unit.owner,
            worker_class=classes.get(unit.owner),
            step=unit.progress.step,
            frames=unit.progress.frames,
            fps=unit.progress.fps if at_work else 0.0,
            fence=unit.fence,
            verdicts=unit.verdicts,
            deaths=unit.deaths,
            reason=unit.reason,
        )
    return UnitOverview(
        key=key,
        state=str(unit.state),
        worker=measured.worker,
        worker_class=measured.worker_class,
        encoder=measured.encoder,
        gpu=measured.gpu,
        started_at=measured.started_at,
        elapsed_s=measured.elapsed_s,
        frames=measured.frames,
        fps=measured.frames / measured.elapsed_s if measured.elapsed_s > 0 else 0.0,
        fence=unit.fence,
        verdicts=unit.verdicts,
        deaths=unit.deaths,
        reason=unit.reason,
        is_adopted=is_adopted,
        is_splice=is_splice,
    )


def summarize_unplanned(job: Job, *, now: float) -> JobOverview:
    """Return what the job's own record shows, without its units: of an ended job neither classes nor cost."""
    overviews = (UnitOverview(key=PLAN, state=FREE),) if job.is_open else ()
    return JobOverview(
        job=job, outlook=outlook(job, (), now=now), units=overviews, worker_classes=(), usd=0.0, at=now
    )
