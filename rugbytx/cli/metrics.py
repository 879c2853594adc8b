"""`rugbytx metrics`: the system's figures, as Prometheus reads them."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.output import say

if TYPE_CHECKING:
    from rugbytx.core.metric import Facts, Family
    from rugbytx.system import Connection


def metrics(
    context: typer.Context,
    *,
    jobs: Annotated[
        int,
        typer.Option(min=0, max=1000, help="Medians are over so many jobs of each status, the last ones."),
    ] = 100,
    units: Annotated[
        int, typer.Option(min=0, max=100, help="And those of units over the last so many of these.")
    ] = 10,
) -> None:
    """Print the system's figures in Prometheus' text format, e.g. for node_exporter's textfile collector."""
    from rugbytx.cli.wiring import connection
    from rugbytx.core.metric import families

    say(text(families(look(connection(context), jobs=jobs, units=units))).rstrip())


def look(system: "Connection", *, jobs: int, units: int) -> "Facts":
    """Return what the figures are of: a query for each way to end, and one for each job whose units are looked at."""
    from rugbytx.core import recorded, span
    from rugbytx.core.job import OPEN, Status
    from rugbytx.core.metric import Facts

    store = system.store
    now = store.now()
    ended = [
        job
        for status in Status
        if status not in OPEN and jobs
        for job in store.list_jobs(status=status, limit=jobs)
    ]
    latest = sorted(ended, key=lambda job: job.ended_at or 0.0, reverse=True)[:units]
    decision = store.decision()
    return Facts(
        backlog_s=recorded.from_json(decision).decision.backlog_s if decision else None,
        ended=ended,
        units={job.id: list(store.read_units(job.id, job.generation).values()) for job in latest},
        workers=store.workers(),
        spent_usd=span.spent_usd(store.spans(span.day_of(now)), now=now),
    )


def text(found: "Iterable[Family]") -> str:
    """Return figures in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector

    class Figures(Collector):
        def collect(self) -> Iterator[Any]:
            for family in found:
                gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
                for labels, value in family.samples:
                    gauge.add_metric(labels, value)
                yield gauge

    registry = CollectorRegistry()
    registry.register(Figures())
    return generate_latest(registry).decode()
