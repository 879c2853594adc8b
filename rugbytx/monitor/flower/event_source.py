"""Where Flower's events come from here: tasks' from the one event queue, workers' from presence."""

import logging
import time
from typing import Any

from flower.events import Events

from rugbytx.aws.sqs.event_queue import SqsEventQueue
from rugbytx.broker.poll import pause_s
from rugbytx.errors import RugbytxError
from rugbytx.monitor.flower.worker_events import Beats

log = logging.getLogger(__name__)

#: A long poll, so that an idle system costs six receives a minute; the SDK's read timeout must be longer.
WAIT_S = 10


class OwnEvents(Events):
    """Flower's events, which come from no exchange; one thread a source."""

    def __init__(self, queue: SqsEventQueue, beats: Beats, capp: Any, io_loop: Any, **options: Any) -> None:
        super().__init__(capp, io_loop=io_loop, **options)
        self._queue = queue
        self._beats = beats

    def run(self) -> None:
        """Receive for as long as the process lives; an outage is waited over."""
        self._beats.start(self.on_event)
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
                self.on_event({**event, "local_received": now})
