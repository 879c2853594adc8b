"""What Flower's worker page knows without control messages: presence, and events."""

import asyncio
import time
from collections import defaultdict
from typing import Any

from flower.inspector import Inspector

from rugbytx.aws.sqs.message import ROUTING_KEY, TASK
from rugbytx.core.fleet.presence import Worker
from rugbytx.errors import RugbytxError
from rugbytx.monitor.cache import SystemCache

#: What Flower shows of a queue.
_QUEUE = {
    "name": ROUTING_KEY,
    "exchange": None,
    "exclusive": False,
    "durable": True,
    "routing_key": ROUTING_KEY,
    "no_ack": False,
    "alias": None,
    "queue_arguments": None,
    "binding_arguments": None,
    "auto_delete": False,
}


class PresenceInspector(Inspector):
    """Flower's inspector, which asks the store and nobody's worker."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.workers: dict[str, dict[str, Any]] = defaultdict(dict)

    def inspect(self, workername: str | None = None) -> "asyncio.Future[None]":
        """Refresh what is known of all workers: one query tells it, whoever is asked about."""
        del workername
        return asyncio.ensure_future(self._refresh())

    async def _refresh(self) -> None:
        cache: SystemCache = self._application.cache
        loop = asyncio.get_running_loop()
        try:
            summary = await loop.run_in_executor(None, cache.summary)
        except RugbytxError:
            return  # Flower shows what it knew before
        state = self._application.events.state
        now = time.time()  # noqa: TID251  Flower's own instants are this host's
        self.workers.clear()
        for name in set(state.workers) - {worker.name for worker in summary.workers}:
            self.workers[name] = describe_worker(None, [], {}, at=now)
        for worker in summary.workers:
            active = [
                task_of(task)
                for task in state.tasks.values()
                if task.state == "STARTED" and task.worker and task.worker.hostname == worker.name
            ]
            self.workers[worker.name] = describe_worker(
                worker, active, state.counter.get(worker.name, {}), at=now
            )


def describe_worker(
    worker: Worker | None, active: list[dict[str, Any]], counts: dict[str, int], *, at: float
) -> dict[str, Any]:
    """Return a worker as Flower's page expects it of ``inspect``; None is one that has fallen silent.

    A value in a list is shown as it is: Flower makes words of other text.
    """
    pool: dict[str, Any] = {"presence": "silent, or gone"}
    if worker:
        pool = {
            "worker class": [worker.worker_class],
            "slots": worker.slots,
            "busy": worker.busy,
            "encoder": [worker.encoder or "none that works"],
            "fingerprint": [worker.maker],
            "gate": [worker.gate],
            "jobs": list(worker.jobs),
            "hottest sensor": [f"{worker.temperature_c:.0f} °C"] if worker.temperature_c is not None else [],
            "power mode": [worker.power_mode],
        }
    return {
        "stats": {
            "pool": {name: value for name, value in pool.items() if value not in ([], [""])},
            "prefetch_count": worker.slots if worker else None,
            "pid": None,
            "broker": {"transport": "sqs"},
            "total": {TASK: counts.get("task-received", 0)},
        },
        "active_queues": [_QUEUE] if worker else [],
        "registered": [TASK],
        "active": active,
        "reserved": [],
        "scheduled": [],
        "revoked": [],
        "conf": {},
        "timestamp": at,
    }


def task_of(task: Any) -> dict[str, Any]:
    """Return a task that its events tell of, as ``inspect active`` would."""
    return {
        "id": task.uuid,
        "name": task.name,
        "args": task.args,
        "kwargs": task.kwargs,
        "acknowledged": False,
        "worker_pid": None,
    }
