"""Prometheus' text: Flower's own metrics, and what the store and SQS know."""

from collections import Counter
from collections.abc import Iterator

from flower.views.monitor import Metrics
from tornado.web import authenticated

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import OPEN
from rugbytx.core.status.prometheus import MetricFamily, families
from rugbytx.monitor.cache import Summary, SystemCache
from rugbytx.monitor.page.handler import run
from rugbytx.monitor.system_metrics import text


def of_summary(summary: Summary) -> Iterator[MetricFamily]:
    """Yield the figures of queue, open jobs and workers."""
    yield MetricFamily(
        name="rugbytx_messages",
        help="Messages, by SQS's own approximate counts",
        labels=("queue", "state"),
        samples=tuple(
            ((queue, state), count)
            for queue, depth in (("transcode", summary.depth), ("dead", summary.dead))
            for state, count in (("visible", depth.visible), ("in-flight", depth.in_flight))
        ),
    )
    yield MetricFamily(
        name="rugbytx_open_jobs",
        help="Jobs that want work done",
        labels=("status",),
        samples=tuple(((str(status),), summary.count(status)) for status in sorted(OPEN)),
    )
    late = sum(job.deadline_at < summary.at for job in summary.open_jobs)
    yield MetricFamily(
        name="rugbytx_late_jobs", help="Open jobs whose deadline has passed", samples=(((), float(late)),)
    )
    yield from _of_workers(summary)


def _of_workers(summary: Summary) -> Iterator[MetricFamily]:
    workers, slots, busy = Counter[str](), Counter[str](), Counter[str]()
    for worker in summary.workers:
        workers[worker.worker_class] += 1
        slots[worker.worker_class] += worker.slots
        busy[worker.worker_class] += worker.busy
    for name, counts, about in (
        ("rugbytx_workers", workers, "Workers that live"),
        ("rugbytx_slots", slots, "Slots of the workers that live"),
        ("rugbytx_busy_slots", busy, "Slots at work"),
    ):
        classes = sorted({WorkerClass.JETSON, WorkerClass.AWS, *counts})
        yield MetricFamily(
            name=name,
            help=about,
            labels=("worker_class",),
            samples=tuple(((worker_class,), counts[worker_class]) for worker_class in classes),
        )


class MetricsPage(Metrics):
    """Flower's metrics, those of `rugbytx metrics`, and what is there at this moment; for who may see the pages."""

    @authenticated
    async def get(self) -> None:
        """Answer with Prometheus' text."""
        cache: SystemCache = self.application.cache
        summary, facts = await run(cache.summary), await run(cache.facts)
        await super().get()
        self.write(text([*of_summary(summary), *families(facts)]))
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
