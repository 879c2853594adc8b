"""Prometheus' text: Flower's own metrics, and what the store and SQS know."""

from collections import Counter
from collections.abc import Iterator

from flower.views.monitor import Metrics
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from tornado.web import authenticated

from rugbytx.core.job import OPEN
from rugbytx.monitor.handler import run
from rugbytx.monitor.look import Look, Summary


class SummaryMetrics(Collector):
    """A summary as gauges."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        seen = self._summary
        messages = GaugeMetricFamily(
            "rugbytx_messages", "Messages, by SQS's own approximate counts", labels=["queue", "state"]
        )
        for queue, depth in (("transcode", seen.depth), ("dead", seen.dead)):
            messages.add_metric([queue, "visible"], depth.visible)
            messages.add_metric([queue, "in-flight"], depth.in_flight)
        yield messages
        jobs = GaugeMetricFamily("rugbytx_open_jobs", "Jobs that want work done", labels=["status"])
        for status in sorted(OPEN):
            jobs.add_metric([str(status)], seen.count(status))
        yield jobs
        late = sum(job.deadline_at < seen.at for job in seen.open_jobs)
        yield GaugeMetricFamily("rugbytx_late_jobs", "Open jobs whose deadline has passed", value=late)
        yield from self._workers()

    def _workers(self) -> Iterator[GaugeMetricFamily]:
        workers, slots, busy = Counter[str](), Counter[str](), Counter[str]()
        for worker in self._summary.workers:
            workers[worker.worker_class] += 1
            slots[worker.worker_class] += worker.slots
            busy[worker.worker_class] += worker.busy
        for name, counts, help_text in (
            ("rugbytx_workers", workers, "Workers that live"),
            ("rugbytx_slots", slots, "Slots of the workers that live"),
            ("rugbytx_busy_slots", busy, "Slots at work"),
        ):
            family = GaugeMetricFamily(name, help_text, labels=["worker_class"])
            for worker_class in sorted({"jetson", "aws", *counts}):
                family.add_metric([worker_class], counts[worker_class])
            yield family


class MetricsPage(Metrics):
    """Flower's metrics and ours; who may see the pages may see them."""

    @authenticated
    async def get(self) -> None:
        """Answer with Prometheus' text."""
        look: Look = self.application.look
        summary = await run(look.summary)
        registry = CollectorRegistry()
        registry.register(SummaryMetrics(summary))
        await super().get()
        self.write(generate_latest(registry))
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
