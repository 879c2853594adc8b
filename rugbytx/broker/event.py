"""How a worker's events leave it: gathered by a thread, away from the event loop, and many in one message.

::

    Celery's event loop ─► Dispatcher ─► EventBuffer ─► thread ─► the one event queue ─► who watches
                           (of tasks      (bounded; the
                            alone)         oldest give way)

Stock Celery publishes each event from its event loop, to an exchange that SQS
does not have: it blocks the worker and reaches nobody.  Events are a view and
never the truth, so an outage drops them and delays nothing.  That a worker lives
it says by its presence, which whoever watches reads (``monitor.beat``).
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events.dispatcher import EventDispatcher

from rugbytx.aws.client import client
from rugbytx.aws.sqs.event_queue import Event, SqsEventQueue, event_queue
from rugbytx.broker.poll import pause_s
from rugbytx.errors import RugbytxError
from rugbytx.settings import Settings

log = logging.getLogger(__name__)

#: What waits for an outage to end; a worker makes a few events for each job.
MOST_WAITING = 500
#: What goes into one message.
MOST_TOGETHER = 50
#: How long a process that ends waits for its last events.
LEAVE_S = 1.0


class EventBuffer:
    """Events on their way out; its thread begins with the first one, after the pool has forked."""

    def __init__(self, send: Callable[[Sequence[Event]], None]) -> None:
        self._send = send
        self._waiting: deque[Event] = deque(maxlen=MOST_WAITING)
        self._changed = threading.Condition()
        self._is_sending = False
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, events: Sequence[Event]) -> None:
        """Take events along; never waits."""
        with self._changed:
            self._waiting.extend(events)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

    def finish(self, *, within_s: float = LEAVE_S) -> bool:
        """Return whether everything went out in time; from now on no failure is waited over."""
        self._leaving.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_sending, within_s)

    def _run(self) -> None:
        failures = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                count = min(len(self._waiting), MOST_TOGETHER)
                batch = [self._waiting.popleft() for _ in range(count)]
                self._is_sending = True
            failures = 0 if self._send_batch(batch, is_first=not failures) else failures + 1
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
            if failures:
                self._leaving.wait(pause_s(failures))

    def _send_batch(self, batch: Sequence[Event], *, is_first: bool) -> bool:
        """Send a batch; say so, and log the first failure of an outage: the batch is lost."""
        try:
            self._send(batch)
        except RugbytxError as error:
            if is_first:
                log.warning("events-unsent", extra={"reason": str(error)})
            return False
        except Exception:
            log.exception("events-broke")
            return False
        return True


_buffer: EventBuffer | None = None


def install(buffer: EventBuffer | None) -> None:
    """Send this process's events by this buffer from here on; by none, they are dropped."""
    global _buffer  # noqa: PLW0603  one a process, as its broker connection is
    _buffer = buffer


def buffer() -> EventBuffer | None:
    """Return the buffer in force."""
    return _buffer


def begin(settings: Settings) -> None:
    """Let this worker's events go to the event queue, if the settings want that; raises SettingsError."""
    if settings.events:
        queue = SqsEventQueue(client("sqs"), event_queue(settings.queue))
        install(EventBuffer(queue.send))


def finish() -> None:
    """Wait, within bounds, for the last events to go out."""
    if _buffer and not _buffer.finish():
        log.warning("events-unsent", extra={"reason": "the worker left before"})


class Dispatcher(EventDispatcher):
    """Celery's dispatcher, which hands its events to the buffer."""

    def send(self, type: str, *args: Any, **fields: Any) -> Any:  # noqa: A002  Celery's name
        """Send an event of a task; of the worker itself its presence tells, and Celery makes one every two seconds."""
        if buffer() is None or type.startswith("worker-"):
            return None
        return super().send(type, *args, **fields)

    def _publish(self, event: Any, *_: Any, **__: Any) -> None:
        """Hand over an event, or the list of them that Celery gathered."""
        if chosen := buffer():
            chosen.add(event if isinstance(event, list) else [event])


class Events(CeleryEvents):
    """What ``Celery(events=...)`` names."""

    dispatcher_cls = "rugbytx.broker.event:Dispatcher"
