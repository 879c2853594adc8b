"""Where Flower's events come from here: the one event queue, read by Flower's own thread."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from flower.events import Events

from rugbytx.aws.event_queue import SqsEventQueue
from rugbytx.broker.poll import pause_s
from rugbytx.core.presence import PERIODS
from rugbytx.errors import RugbytxError

log = logging.getLogger(__name__)

#: A long poll, so that an idle system costs three receives a minute; the SDK's read timeout must be longer.
WAIT_S = 10


class QueueEvents(Events):
    """Flower's events, which come from the queue instead of an exchange."""

    def __init__(self, queue: SqsEventQueue, capp: Any, io_loop: Any, **options: Any) -> None:
        super().__init__(capp, io_loop=io_loop, **options)
        self._queue = queue

    def run(self) -> None:
        """Receive for as long as the process lives; an outage is waited over."""
        failures = 0
        while True:
            try:
                events = self._queue.receive(wait_s=WAIT_S)
            except RugbytxError as error:
                failures += 1
                log.warning("no events: %s", error)
                time.sleep(pause_s(failures))
                continue
            except Exception:
                failures += 1
                log.exception("the event queue cannot be read")
                time.sleep(pause_s(failures))
                continue
            failures = 0
            now = time.time()  # noqa: TID251  Flower holds it against this host's clock
            for event in events:
                if not is_stale(event, now=now):
                    self.on_event({**event, "local_received": now})


def is_stale(event: Mapping[str, Any], *, now: float) -> bool:
    """Return whether a heartbeat is so old that it no longer says that its worker lives.

    The first receives bring what gathered while nobody watched, and Flower takes a
    heartbeat for young whenever it comes.

    >>> beat = {"type": "worker-heartbeat", "freq": 30.0, "timestamp": 1000.0}
    >>> is_stale(beat, now=1059.0), is_stale(beat, now=1061.0), is_stale({"type": "task-started"}, now=9999.0)
    (False, True, False)
    """
    if event["type"] not in {"worker-heartbeat", "worker-online"}:
        return False
    lasts_s = float(event.get("freq", 0.0)) * PERIODS / 2
    return now - float(event.get("timestamp", 0.0)) > lasts_s
