"""Who lives, told to Flower: Celery's events of workers, made from presence.

::

    worker ─► its record in the store, every 15 s ─► a look, here ─► Flower's state, in this process

So no worker sends any: an idle one's would cost more requests to SQS than its
receives.  What Flower shows of workers is what the gates and the autoscaler go
by, also where Flower starts later than they, and where a worker sends no events.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rugbytx.core.fleet.presence import Worker
from rugbytx.errors import RugbytxError
from rugbytx.ports import Store

log = logging.getLogger(__name__)

#: How often the workers are polled: a worker that came or went is shown so much later at most.
LOOK_S = 5.0
#: Flower gives a worker up after twice the time that its heartbeats tell as the pause between them.
BEATS = 2

Event = dict[str, Any]


def events(
    before: Mapping[str, float], workers: Sequence[Worker], *, store_now: float, now: float
) -> Iterator[Event]:
    """Yield a heartbeat for each worker that has spoken since the look before, and a farewell for each that is gone.

    ``before`` holds the store time at which each worker had spoken by then;
    ``now`` is this host's wall clock, which Flower holds events against.
    """
    for worker in workers:
        if before.get(worker.name) != worker.seen_at:
            heard_at = now - (store_now - worker.seen_at)
            yield {
                "type": "worker-heartbeat",
                "hostname": worker.name,
                "timestamp": heard_at,
                "local_received": heard_at,
                "freq": (worker.until - worker.seen_at) / BEATS,
                "active": worker.busy,
                "loadavg": list(worker.load),
            }
    for name in sorted(before.keys() - {worker.name for worker in workers}):
        yield {"type": "worker-offline", "hostname": name, "timestamp": now, "local_received": now}


class Beats:
    """Looks for as long as the process lives; an outage is waited over, and tells nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spoken: Mapping[str, float] = {}

    def start(self, tell: Callable[[Event], None]) -> None:
        """Begin to tell what each look brings."""
        threading.Thread(target=self._run, args=(tell,), name="beats", daemon=True).start()

    def poll(self) -> list[Event]:
        """Return what is new since the poll before; raises Unreachable."""
        workers = self._store.workers.list()
        now = time.time()  # noqa: TID251  Flower holds it against this host's clock
        fresh = list(events(self._spoken, workers, store_now=self._store.now(), now=now))
        self._spoken = {worker.name: worker.seen_at for worker in workers}
        return fresh

    def _run(self, tell: Callable[[Event], None]) -> None:
        while True:
            try:
                for event in self.poll():
                    tell(event)
            except RugbytxError as error:
                log.warning("no word of workers: %s", error)
            except Exception:
                log.exception("workers cannot be looked at")
            time.sleep(LOOK_S)
