"""The queue of pointers on SQS, written so that a stock Celery worker can read it.

The messages are made here and not by Celery, so that an upload service that
submits a job needs neither Celery nor a broker connection.  What a body is::

    SQS body      kombu's envelope as plain JSON; kombu takes Base64 as well, but people read this one
    ├── headers   the task's name and id: Celery's message protocol, version 2
    └── body      [args, kwargs, embed] as a JSON string; kwargs are the pointer's fields

Protocol: https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

import json
import math
import os
import socket
import time
import uuid
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import code, translated
from rugbytx.core.job import Pointer
from rugbytx.errors import Unreachable
from rugbytx.ports import Depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

#: Celery's name of the task that handles a pointer.
TASK = "rugbytx.transcode"
#: Celery's name of the queue, whatever SQS calls it.
ROUTING_KEY = "transcode"
#: SendMessageBatch takes no more.
BATCH = 10
#: SQS refuses single entries of a batch when it is throttled or unwell.
SEND_ATTEMPTS = 4
SEND_PAUSE_S = 0.2
#: The receipt's message is deleted, visible again, or past SQS's twelve hours.
REFUSALS = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})


class SqsQueue:
    """The ``Queue`` port on SQS.  Safe to share between threads, as its client is."""

    def __init__(self, client: "SQSClient", name: str) -> None:
        self._client = client
        self._name = name

    def send(self, pointers: Sequence[Pointer]) -> None:
        """Send pointers, in batches; raises Unreachable if any was not accepted.

        What was accepted before stays sent: to send it again is harmless, a
        pointer being only a pointer.
        """
        for first in range(0, len(pointers), BATCH):
            self._send_batch([task_message(pointer) for pointer in pointers[first : first + BATCH]])

    def extend(self, receipt: str, *, visibility_s: float) -> bool:
        """Keep a received message invisible for so long from now; say whether SQS accepted that.

        SQS counts whole seconds, so a part of one is a whole one.  True is no
        proof of ownership: AWS may accept an expired receipt and do nothing.
        Who owns a unit is the store's to say.
        """
        from botocore.exceptions import ClientError

        with self._translated():
            try:
                self._client.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=math.ceil(visibility_s)
                )
            except ClientError as error:
                if code(error).removeprefix("AWS.SimpleQueueService.") in REFUSALS:
                    return False
                raise
        return True

    def depth(self) -> Depth:
        """Return the approximate counts; they lag behind by up to a minute (GetQueueAttributes)."""
        with self._translated():
            counts = self._client.get_queue_attributes(
                QueueUrl=self.url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
        return Depth(
            visible=int(counts["ApproximateNumberOfMessages"]),
            in_flight=int(counts["ApproximateNumberOfMessagesNotVisible"]),
        )

    @cached_property
    def url(self) -> str:
        """Return the queue's URL, looked up once; raises Unreachable where there is no such queue."""
        with self._translated():
            return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]

    def _translated(self) -> Any:
        return translated(self._client, f"queue {self._name}")

    def _send_batch(self, bodies: Sequence[str]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)
        ]
        for attempt in range(SEND_ATTEMPTS):
            with self._translated():
                answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
            failed = answer.get("Failed", [])
            if not failed:
                return
            if any(failure["SenderFault"] for failure in failed):
                break  # it would be refused again
            ids = {failure["Id"] for failure in failed}
            entries = [entry for entry in entries if entry["Id"] in ids]
            if attempt < SEND_ATTEMPTS - 1:
                time.sleep(SEND_PAUSE_S * 2**attempt)
        reason = failed[0].get("Message") or failed[0]["Code"]
        raise Unreachable(f"SQS did not accept {len(failed)} of {len(bodies)} messages: {reason}")


def task_message(pointer: Pointer) -> str:
    """Return the body of an SQS message that makes a Celery worker run ``TASK`` for the pointer.

    Each message is a task of its own with an id of its own.  ``argsrepr``,
    ``kwargsrepr`` and ``origin`` are what Flower shows.
    """
    task_id = str(uuid.uuid4())
    kwargs = pointer.model_dump(mode="json")
    headers: dict[str, Any] = {
        "lang": "py",
        "task": TASK,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "group": None,
        "group_index": None,
        "shadow": None,
        "eta": None,
        "expires": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "()",
        "kwargsrepr": repr(kwargs),
        "origin": f"{os.getpid()}@{socket.gethostname()}",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    envelope = {
        "body": json.dumps([[], kwargs, embed]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "correlation_id": task_id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": ROUTING_KEY},
            "delivery_tag": task_id,
            "priority": 0,
        },
    }
    return json.dumps(envelope)
