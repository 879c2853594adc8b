"""Hearing control messages, where they are switched on: a thread of the main process, with a queue of its own.

::

    its queue ─► thread ─► event loop: the command ─► thread ─► the asker's queue
                    └ a queue of another name whenever its own is gone

Commands run in Celery's event loop, as they would with a broker that carries
them, because they read what the loop changes.  Shutdown is a SIGTERM to this
process: it leaves as it does for whoever else tells it to.
"""

import logging
import os
import signal
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from rugbytx.aws.sqs.control_queue import SqsMailboxes
from rugbytx.broker.control import ALLOWED, SHUTDOWN
from rugbytx.broker.poll import pause_s
from rugbytx.core.mailbox import replies_prefix, worker_prefix
from rugbytx.errors import NotFound, RugbytxError

log = logging.getLogger(__name__)

#: As long as the client's patience allows: a receive costs the same whether something comes or not.
WAIT_S = 10
#: A loop that does not run a command for so long has other troubles.
LOOP_S = 10.0
#: How long a worker that leaves waits for its queue's deletion; the sweep finds what is left.
LEAVE_S = 2.0

#: Runs a command of Celery's by its name, with arguments; in the event loop.
Handle = Callable[[str, Mapping[str, Any]], Any]


class Listener:
    """Obeys the control messages to one worker."""

    def __init__(self, boxes: SqsMailboxes, *, queue: str) -> None:
        self._boxes = boxes
        self._queue = queue
        self._name = ""
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, worker: str, soon: Callable[..., object], handle: Handle) -> None:
        """Begin in the background; ``soon`` has the event loop call something."""
        self._worker, self._soon, self._handle = worker, soon, handle
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing more, and delete the queue, within bounds; safe where it was never started."""
        self._leaving.set()
        if self._thread and self._name:
            leaving = threading.Thread(target=self._delete, name="control-leave", daemon=True)
            leaving.start()
            leaving.join(LEAVE_S)

    def _run(self) -> None:
        failures = 0
        while not self._leaving.is_set():
            try:
                self._hear()
                failures = 0
            except RugbytxError as error:
                failures += 1
                if failures == 1 and not self._leaving.is_set():
                    log.warning("control-unheard", extra={"reason": str(error)})
            except Exception:
                failures += 1
                log.exception("control-broke")
            if failures:
                self._leaving.wait(pause_s(failures))

    def _hear(self) -> None:
        """Wait for messages once, and obey them."""
        if not self._name:
            name = f"{worker_prefix(self._queue, self._worker)}{uuid.uuid4().hex[:8]}"
            self._boxes.create(name)
            self._name = name
            if self._leaving.is_set():
                self._delete()
                return
        try:
            messages = self._boxes.receive(self._name, wait_s=WAIT_S)
        except NotFound:
            if self._leaving.is_set():
                return
            # Swept away, because this worker's presence had not come through for long; or too young.
            if self._boxes.names(self._name):
                raise
            self._name = ""
            raise
        for message in messages:
            self._obey(message)

    def _obey(self, message: Mapping[str, Any]) -> None:
        """Run a command, if it is for this worker, and answer whoever wants to know."""
        command, arguments = message.get("method"), message.get("arguments")
        if not _is_for(self._worker, message):
            return
        log.info("control-message", extra={"command": str(command)})
        if command not in ALLOWED:
            answer: Any = {"error": f"{command} is not taken by remote control"}
        elif command == SHUTDOWN:
            answer = {"ok": "it leaves, as on SIGTERM"}
        else:
            answer = self._answer(command, arguments if isinstance(arguments, dict) else {})
        reply_to = message.get("reply_to")
        # Only to a queue of this system, whatever a message says.
        try:
            if isinstance(reply_to, str) and reply_to.startswith(replies_prefix(self._queue)):
                self._reply(reply_to, answer)
        finally:
            if command == SHUTDOWN:
                os.kill(os.getpid(), signal.SIGTERM)

    def _answer(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Return what the command returns, or why it could not be run."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(self._handle(command, arguments))
            except Exception as error:  # noqa: BLE001  the loop must not end by it
                done.set_exception(error)

        self._soon(run)
        try:
            return done.result(LOOP_S)
        except TimeoutError:
            return {"error": f"the worker did not come to it within {LOOP_S:g} s"}
        except Exception as error:  # noqa: BLE001  whoever asks is told, and this thread goes on
            return {"error": f"{type(error).__name__}: {error}"}

    def _reply(self, reply_to: str, answer: Any) -> None:
        try:
            self._boxes.send(reply_to, {self._worker: answer})
        except ValueError as error:
            self._boxes.send(reply_to, {self._worker: {"error": f"the answer is too long: {error}"}})
        except NotFound:
            log.info("control-unanswered", extra={"reason": "who asked has gone"})

    def _delete(self) -> None:
        with suppress(RugbytxError):
            self._boxes.delete(self._name)


def _is_for(worker: str, message: Mapping[str, Any]) -> bool:
    """Return whether a message is for this worker; without a pattern it is, as it is in its own queue."""
    from kombu.matcher import match

    pattern, matcher = message.get("pattern"), message.get("matcher")
    return not (pattern and matcher) or bool(match(worker, pattern, matcher))
