"""The system's figures, looked up in the store, and as Prometheus' text."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rugbytx.core.cost import usage
from rugbytx.core.job.job import OPEN, Status
from rugbytx.core.scaling import decision_record
from rugbytx.core.status.prometheus import MetricFacts, MetricFamily
from rugbytx.system import Connection


def collect(system: Connection, *, jobs: int, units: int) -> MetricFacts:
    """Return what the figures are of: a query for each way to end, and one for each job whose units are looked at."""
    store = system.store
    now = store.now()
    ended = [
        job
        for status in Status
        if status not in OPEN and jobs
        for job in store.jobs.list(status=status, limit=jobs)
    ]
    latest = sorted(ended, key=lambda job: job.ended_at or 0.0, reverse=True)[:units]
    decision = decision_record.read(store.scaling.read())
    return MetricFacts(
        backlog_s=decision.decision.backlog_s if decision else None,
        ended=ended,
        units={job.id: list(store.units.show(job.id, job.generation).values()) for job in latest},
        workers=store.workers.list(),
        spent_usd=usage.spent_usd(store.workers.list_spans(usage.day_of(now)), now=now),
    )


def text(families: Iterable[MetricFamily]) -> str:
    """Return figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(families))
    return generate_latest(registry).decode()


class _Figures(Collector):
    """Figures as gauges."""

    def __init__(self, families: Iterable[MetricFamily]) -> None:
        self._found = tuple(families)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        for family in self._found:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in family.samples:
                gauge.add_metric(labels, value)
            yield gauge
