"""The broker page: what SQS says of the queues."""

from collections.abc import Sequence
from typing import Any

from flower.api.tasks import GetQueueLengths
from flower.views.broker import BrokerView

from rugbytx.monitor.cache import Summary
from rugbytx.monitor.page.handler import run


class _Queues:
    """What Flower asks its broker classes."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return what Flower shows of each queue; which ones there are is not Flower's to know."""
        del names
        return rows(await run(self._application.cache.summary))


def rows(summary: Summary) -> list[dict[str, Any]]:
    """Return the queue of pointers and the dead-letter queue as Flower's page has queues.

    Messages are what is there in all, unacknowledged what a worker has in hand.
    """
    work, dead = summary.depth, summary.dead
    return [
        {
            "name": summary.queue,
            "messages": work.visible + work.in_flight,
            "messages_unacknowledged": work.in_flight,
            "messages_ready": work.visible,
            "consumers": len(summary.workers),
        },
        {
            "name": f"{summary.queue} · dead letters",
            "messages": dead.visible + dead.in_flight,
            "messages_unacknowledged": dead.in_flight,
            "messages_ready": dead.visible,
            "consumers": 0,
        },
    ]


class BrokerPage(BrokerView):
    """Flower's broker page."""

    def get_broker(self) -> _Queues:
        """Return what answers for SQS, which Flower has nothing for."""
        return _Queues(self.application)


class QueueLengths(GetQueueLengths):
    """Flower's API for the same."""

    def get_broker(self) -> _Queues:
        """Return what answers for SQS, which Flower has nothing for."""
        return _Queues(self.application)
