"""Celery's events on SQS: one fixed queue for all workers and whoever watches.

Stock Celery gives each receiver of events a queue of its own, which on SQS is
never removed, and needs an SNS topic to copy into them.  Here a worker sends
straight into the one queue that the system has, and who watches empties it.
Nobody watching costs nothing but history: SQS forgets what is older than
``RETENTION_S``.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import translated
from rugbytx.aws.sqs.event_parser import parse

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef

log = logging.getLogger(__name__)

#: An event as Celery makes it: ``{"type": "task-started", "uuid": ..., "timestamp": ...}``.
Event = Mapping[str, Any]

#: A watcher that was away for longer begins with what happens from then on.
RETENTION_S = 300
#: How long a receive hides what it returns; a watcher that dies in between loses nothing by it.
VISIBILITY_S = 30
#: SQS takes 256 KiB at least, whatever its limit is by now; less, to be safe.
MOST_BYTES = 200_000
#: ReceiveMessage and DeleteMessageBatch take no more.
BATCH = 10


def event_queue(queue: str) -> str:
    """Return the name of the event queue beside ``queue``.

    >>> event_queue("rugbytx-transcode")
    'rugbytx-transcode-events'
    """
    return f"{queue}-events"


class SqsEventQueue:
    """The event queue of one name.  Safe to share between threads, as its client is."""

    def __init__(self, client: "SQSClient", name: str) -> None:
        self._client = client
        self._name = name

    def send(self, events: Sequence[Event]) -> None:
        """Send events, as one message where they fit into one; raises Unreachable.

        Many in one, because SQS takes money for messages.  A single event that is
        too large is left out: what it tells stands in the worker's log.
        """
        body = json.dumps(list(events), default=str)
        if len(body) <= MOST_BYTES:
            with self._translated():
                self._client.send_message(QueueUrl=self.url, MessageBody=body)
        elif len(events) > 1:
            half = len(events) // 2
            self.send(events[:half])
            self.send(events[half:])

    def receive(self, *, wait_s: int) -> Sequence[dict[str, Any]]:
        """Return events that have come, waiting so long for the first, and forget them; raises Unreachable.

        The order is SQS's: nearly that of their sending.  What is no event of a
        task is counted in the log and forgotten.
        """
        with self._translated():
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=VISIBILITY_S,
            )
            messages = answer.get("Messages", [])
            if messages:
                entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ]
                self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)
        events: list[dict[str, Any]] = []
        refused = 0
        for message in messages:
            some, others = parse(message["Body"])
            events += some
            refused += others
        if refused:
            log.warning("events-refused", extra={"queue": self._name, "count": refused})
        return events

    @cached_property
    def url(self) -> str:
        """Return the queue's URL, looked up once; raises Unreachable where there is no such queue."""
        with self._translated():
            return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]

    def _translated(self) -> Any:
        return translated(self._client, f"queue {self._name}")
