"""Celery's control commands on SQS, where they are switched on: what asks, and what may be asked.

kombu's own way on SQS is a topic of SNS for all, with a queue and a subscription
for each worker and a further queue for each question.  It leaves all of them
behind, and cannot read an answer outside a worker (kombu 5.7.0).  Here who asks
writes to each worker's queue directly.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celery.app.control import Control as CeleryControl

from rugbytx import settings as settings_module
from rugbytx.aws.client import client
from rugbytx.aws.sqs.control_queue import SqsMailboxes
from rugbytx.core.mailbox import addressed, control_prefix, replies_prefix
from rugbytx.errors import NotFound, SettingsError

#: What only looks, and what stops a worker as SIGTERM does.  The rest changes what only this worker knows
#: and the store does not: `rugbytx` has commands for that.
SHUTDOWN = "shutdown"
ALLOWED = frozenset(
    {
        "active",
        "active_queues",
        "clock",
        "conf",
        "ping",
        "query_task",
        "registered",
        "report",
        "reserved",
        "revoked",
        "scheduled",
        "stats",
        SHUTDOWN,
    }
)
#: Celery's own arguments of a broadcast; what is none of them is the command's.
OPTIONS = frozenset({"callback", "channel", "connection", "limit", "matcher", "pattern", "reply", "timeout"})
#: Celery's own patience of a second is for brokers that push.
SHORTEST_S = 5.0
LONGEST_S = 300.0
#: How long one look for answers waits, and SQS's longest.
LOOK_S = 2
OFF = (
    "remote control is off: set RUGBYTX_REMOTE_CONTROL=on here and on the workers, "
    "or ask the store: `rugbytx workers`, `rugbytx drain WORKER`"
)

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who sends control messages to the workers of one queue."""

    boxes: SqsMailboxes
    queue: str

    def ask(
        self,
        message: Mapping[str, Any],
        *,
        workers: Collection[str] | None,
        timeout_s: float,
        limit: int | None = None,
        on_reply: Callable[[Reply], object] | None = None,
    ) -> list[Reply]:
        """Send a message to these workers, to all with None, and return what they answered in time.

        It returns at once when each queue that was written to has answered; a queue
        that a killed worker left behind never does.  Raises Unreachable.
        """
        question = f"{replies_prefix(self.queue)}{uuid.uuid4().hex[:16]}"
        until = time.monotonic() + min(max(timeout_s, SHORTEST_S), LONGEST_S)
        replies: list[Reply] = []
        self.boxes.create(question)
        try:
            asked = self.tell({**message, "reply_to": question}, workers=workers)
            while len(replies) < min(asked, limit or asked) and time.monotonic() < until:
                for answer in self._answers(question):
                    replies.append(answer)
                    if on_reply:
                        on_reply(answer)
        finally:
            self.boxes.delete(question)
        return replies

    def tell(self, message: Mapping[str, Any], *, workers: Collection[str] | None) -> int:
        """Send a message to these workers, to all with None; return to how many queues.  Raises Unreachable."""
        count = 0
        names = self.boxes.names(control_prefix(self.queue))
        for name in addressed(names, queue=self.queue, workers=workers):
            try:
                self.boxes.send(name, message)
            except NotFound:
                continue  # it was listed, and its worker has left
            count += 1
        return count

    def _answers(self, question: str) -> Sequence[Reply]:
        """Return answers that have come; a queue so young that SQS does not know it yet has none."""
        try:
            return self.boxes.receive(question, wait_s=LOOK_S)
        except NotFound:
            time.sleep(LOOK_S / 4)
            return []


class Control(CeleryControl):
    """What ``Celery(control=...)`` names: ``celery inspect``, ``status`` and ``control shutdown``."""

    def broadcast(  # type: ignore[override]  # Celery's further arguments are options here
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        **options: Any,
    ) -> list[Reply] | None:
        """Send a command, and return what came back where that is asked for.

        ``options`` are Celery's; what is none of them is an argument of the command.
        Raises SettingsError where remote control is off or the command is none of
        ours, and Unreachable.
        """
        settings = settings_module.read()
        if not settings.remote_control:
            raise SettingsError(OFF)
        if command not in ALLOWED:
            raise SettingsError(
                f"{command} is not taken by remote control: only {', '.join(sorted(ALLOWED))}"
            )
        further = {name: value for name, value in options.items() if name not in OPTIONS}
        message = {
            "method": command,
            "arguments": {**(arguments or {}), **further},
            "pattern": options.get("pattern"),
            "matcher": options.get("matcher"),
        }
        asker = Asker(boxes=SqsMailboxes(client("sqs")), queue=settings.queue)
        if not options.get("reply"):
            asker.tell(message, workers=destination)
            return None
        return asker.ask(
            message,
            workers=destination,
            timeout_s=options.get("timeout") or SHORTEST_S,
            limit=options.get("limit"),
            on_reply=options.get("callback"),
        )
