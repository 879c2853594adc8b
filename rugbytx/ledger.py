"""Read what the ledger sums up: the spans of days, and the jobs of a stretch of time with their units."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from rugbytx import prices
from rugbytx.core.cost import ledger, usage
from rugbytx.core.cost.ledger import Bill, CostReport, SlotPrices
from rugbytx.core.cost.usage import Total
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job
from rugbytx.ports.store import Jobs, Store, Units, Workers
from rugbytx.settings import Settings

#: The most generations of a job that are read, the latest ones.
MOST_GENERATIONS = 5

#: Called with how many jobs have been read, and of how many.
OnRead = Callable[[int, int], None]


def month_start(at: float) -> float:
    """Return when the instant's UTC month began.

    >>> month_start(1_790_000_000.0)
    1788220800.0
    """
    return usage.midnight_before(datetime.fromtimestamp(at, UTC).replace(day=1).timestamp())


def jobs_since(jobs: Jobs, since: float, *, limit: int) -> list[Job]:
    """Return the jobs that were open at or after an instant, of the last ``limit`` that were submitted."""
    return [
        job for job in jobs.list(limit=limit) if job.is_open or (job.ended_at or job.submitted_at) >= since
    ]


def report(store: Store, settings: Settings, *, since_s: float, limit: int, on_read: OnRead) -> CostReport:
    """Return the report on the last ``since_s`` seconds, job by job; raises Unreachable."""
    now = store.now()
    since = now - since_s
    days = usage.days(min(since, month_start(now)), now)
    spans = {day: store.workers.list_spans(day) for day in days}
    within = [bill for day in usage.days(since, now) for bill in spans[day]]
    month = [bill for day in usage.days(month_start(now), now) for bill in spans[day]]
    priced = ledger.rates(within, rates(settings).by_class)
    jobs = jobs_since(store.jobs, since, limit=limit)
    bills = []
    for number, bill in enumerate(_bills(store.units, jobs, priced), start=1):
        bills.append(bill)
        on_read(number, len(jobs))
    return ledger.report(bills, within, month, since=since, now=now)


def _bills(units: Units, jobs: Sequence[Job], priced: SlotPrices) -> Iterator[Bill]:
    for job in jobs:
        first = max(1, job.generation - MOST_GENERATIONS + 1)
        claimed = [
            unit
            for generation in range(first, job.generation + 1)
            for unit in units.show(job.id, generation).values()
        ]
        yield ledger.bill(job, claimed, priced)


def rates(settings: Settings) -> SlotPrices:
    """Return what an hour of a slot of each class costs, where no span says so, and a gigabyte's way to it."""
    return SlotPrices(
        by_class={
            WorkerClass.AWS: settings.aws_usd_per_h / settings.aws_slots,
            WorkerClass.JETSON: prices.built_in().power_h.usd,
        },
        usd_per_gb={WorkerClass.JETSON: settings.jetson_usd_per_gb},
    )


def month_of(now: float, wished: str | None) -> tuple[str, list[str]]:
    """Return a month, this one by default, and its UTC days as far as they have begun.

    >>> month, days = month_of(1_790_000_000.0, None)
    >>> month, days[0], days[-1]
    ('2026-09', '2026-09-01', '2026-09-21')
    >>> month_of(1_790_000_000.0, "2026-02")[1][-1]
    '2026-02-28'
    """
    month = wished or usage.day_of(now)[:7]
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    after = (first + timedelta(days=31)).replace(day=1)
    last = min(now, after.timestamp() - 1)
    return month, usage.days(first.timestamp(), last) if last >= first.timestamp() else []


def days(workers: Workers, wished: Sequence[str], *, now: float) -> dict[tuple[str, WorkerClass], Total]:
    """Return what each class cost on each of the days, without those on which nobody was there."""
    totals = {}
    for day in wished:
        spans = workers.list_spans(day)
        for worker_class in sorted({span.worker_class for span in spans}):
            own = [span for span in spans if span.worker_class == worker_class]
            totals[day, worker_class] = usage.total(own, now=now)
    return totals
