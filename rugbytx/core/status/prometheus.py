"""Figures for machines: what a system is like, as Prometheus knows it.

Those of ended jobs are over the last ones alone: a gauge that moves with them,
and no counter that would have to be kept somewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import Kind, Unit

#: Values by their labels.
Values = dict[tuple[str, ...], list[float]]


@dataclass(frozen=True, kw_only=True)
class MetricFamily:
    """One figure, with a value for each combination of labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    samples: tuple[tuple[tuple[str, ...], float], ...]


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """What the figures are of."""

    #: The open work, in seconds of one Jetson slot, as the autoscaler last saw it; None where none decides.
    backlog_s: float | None = None
    #: The jobs that ended last, and the units of some of them.
    ended: Sequence[Job] = ()
    units: Mapping[str, Sequence[Unit]] = field(default_factory=dict)
    workers: Sequence[Worker] = ()
    #: What AWS workers cost since midnight, UTC.
    spent_usd: float = 0.0


def families(facts: MetricFacts) -> Iterator[MetricFamily]:
    """Yield the figures, those that nothing is known of without samples."""
    known = () if facts.backlog_s is None else (((), facts.backlog_s),)
    yield MetricFamily(
        name="rugbytx_backlog_seconds", help="Open work, in seconds of one Jetson slot", samples=known
    )
    yield MetricFamily(
        name="rugbytx_spent_usd",
        help="What AWS workers cost since midnight, UTC",
        samples=(((), facts.spent_usd),),
    )
    gates = Counter((worker.worker_class, worker.gate or "unknown") for worker in facts.workers)
    yield _counted(
        "rugbytx_gates", "Workers, by why they may receive or not", ("worker_class", "reason"), gates
    )
    ends = Counter((job.profile.name, str(job.status)) for job in facts.ended)
    yield _counted("rugbytx_ended_jobs", "The jobs that ended last", ("profile", "status"), ends)
    yield from _of_jobs([job for job in facts.ended if job.status is Status.SUCCEEDED])
    yield from _of_units(facts)


def _of_jobs(published: Iterable[Job]) -> Iterator[MetricFamily]:
    turnarounds: Values = defaultdict(list)
    waits: Values = defaultdict(list)
    paces: Values = defaultdict(list)
    for job in published:
        if job.ended_at is None or job.started_at is None or job.outputs is None:
            continue
        name = (job.profile.name,)
        turnarounds[name].append(job.ended_at - job.submitted_at)
        waits[name].append(job.started_at - job.submitted_at)
        if job.ended_at > job.started_at:
            paces[name].append(job.outputs.duration_s / (job.ended_at - job.started_at))
    labels = ("profile",)
    yield _median("rugbytx_turnaround_seconds", "From submission to publication, median", labels, turnarounds)
    yield _median("rugbytx_wait_seconds", "From submission to the first unit, median", labels, waits)
    yield _median("rugbytx_real_time_factor", "Seconds of film made in a second, median", labels, paces)


def _of_units(facts: MetricFacts) -> Iterator[MetricFamily]:
    service: Values = defaultdict(list)
    lost = Counter[tuple[str, ...]]()
    for job in facts.ended:
        for unit in facts.units.get(job.id, ()):
            lost.update((str(attempt.fate),) for attempt in unit.lost)
            measured = unit.measured
            if unit.key.kind is Kind.VIDEO and measured.elapsed_s:
                service[measured.worker_class or "unknown", job.profile.name].append(measured.elapsed_s)
    labels = ("worker_class", "profile")
    yield _median("rugbytx_chunk_seconds", "What a chunk takes, median", labels, service)
    name, about = "rugbytx_lost_attempts", "Attempts at units that came to nothing, by how they ended"
    yield _counted(name, about, ("fate",), lost)


def _counted(name: str, about: str, labels: tuple[str, ...], counts: Counter[Any]) -> MetricFamily:
    samples = tuple((key, float(count)) for key, count in sorted(counts.items()))
    return MetricFamily(name=name, help=about, labels=labels, samples=samples)


def _median(name: str, about: str, labels: tuple[str, ...], values: Values) -> MetricFamily:
    samples = tuple((key, median(group)) for key, group in sorted(values.items()))
    return MetricFamily(name=name, help=about, labels=labels, samples=samples)
