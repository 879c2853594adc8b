"""The queue of pointers on SQS, and the dead-letter queue behind it.

What stands in a message is in ``message``; who receives from the queue is
Celery.
"""

import json
import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import code, translated
from rugbytx.aws.sqs.message import task_message
from rugbytx.aws.sqs.message_parser import AcceptedBodies, Submission, parse
from rugbytx.core.job.dead_letter import DeadLetter, Depth
from rugbytx.core.job.job import Pointer
from rugbytx.errors import MessageRefused, SettingsError, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

#: SendMessageBatch takes no more.
BATCH = 10
#: SQS refuses single entries of a batch when it is throttled or unwell.
SEND_ATTEMPTS = 4
SEND_PAUSE_S = 0.2
#: How long a look at the dead-letter queue hides what it received, if it does not end properly.
DEAD_VISIBILITY_S = 30
#: A wait, so that SQS asks all of its servers and not a sample of them (ReceiveMessage).
DEAD_WAIT_S = 1
#: The receipt's message is deleted, visible again, or past SQS's twelve hours.
REFUSALS = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})


class SqsQueue:
    """The ``Queue`` port on SQS.  Safe to share between threads, as its client is."""

    def __init__(self, client: "SQSClient", name: str, accepted: AcceptedBodies | None = None) -> None:
        """Reach the queue of a name; what is ``accepted`` is how dead letters are read."""
        self._client = client
        self._name = name
        self._accepted = accepted or AcceptedBodies()

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
        return self._depth(self.url)

    def dead_depth(self) -> Depth:
        """Return the approximate counts of the dead-letter queue; hidden letters are being looked at."""
        return self._depth(self._dead_url)

    def _depth(self, url: str) -> Depth:
        with self._translated():
            counts = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
        return Depth(
            visible=int(counts["ApproximateNumberOfMessages"]),
            in_flight=int(counts["ApproximateNumberOfMessagesNotVisible"]),
        )

    def receive_dead(self) -> Sequence[DeadLetter]:
        """Return up to ten messages of the dead-letter queue, hidden for a while; none where it shows none."""
        with self._translated():
            answer = self._client.receive_message(
                QueueUrl=self._dead_url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=DEAD_VISIBILITY_S,
                WaitTimeSeconds=DEAD_WAIT_S,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        return [
            dead_letter(
                message["Body"],
                self._accepted,
                id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                sent_at=int(message["Attributes"]["SentTimestamp"]) / 1000,
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", [])
        ]

    def show_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Show messages of the dead-letter queue again at once.

        Whatever SQS refuses shows itself when its time is over, so refusals are no error.
        """
        for first in range(0, len(letters), BATCH):
            with self._translated():
                self._client.change_message_visibility_batch(
                    QueueUrl=self._dead_url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                        for index, letter in enumerate(letters[first : first + BATCH])
                    ],
                )

    def drop_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Delete messages from the dead-letter queue; raises Unreachable if any stayed."""
        for first in range(0, len(letters), BATCH):
            with self._translated():
                answer = self._client.delete_message_batch(
                    QueueUrl=self._dead_url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": letter.receipt}
                        for index, letter in enumerate(letters[first : first + BATCH])
                    ],
                )
            if failed := answer.get("Failed"):
                reason = failed[0].get("Message") or failed[0]["Code"]
                raise Unreachable(f"SQS did not delete {len(failed)} dead letters: {reason}")

    def send_again(self, letter: DeadLetter) -> None:
        """Send a dead letter's body to the queue, as it is; raises Unreachable."""
        with self._translated():
            self._client.send_message(QueueUrl=self.url, MessageBody=letter.body)

    @cached_property
    def _dead_url(self) -> str:
        """Return the dead-letter queue's URL, looked up once: the queue's own redrive policy names it."""
        with self._translated():
            attributes = self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["RedrivePolicy"]
            ).get("Attributes", {})
        if "RedrivePolicy" not in attributes:
            raise SettingsError(f"queue {self._name} has no dead-letter queue: it has no redrive policy")
        # arn:aws:sqs:region:account:name
        *_, account, name = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].split(":")
        with translated(self._client, f"queue {name}"):
            return self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]

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


def dead_letter(body: str, accepted: AcceptedBodies, **told: Any) -> DeadLetter:
    """Return a dead letter as the worker would read it, with why it would refuse it; ``told`` is what SQS says of it."""
    try:
        message = parse(body, accepted)
    except MessageRefused as error:
        return DeadLetter(body=body, refusal=str(error), **told)
    if isinstance(message, Submission):
        return DeadLetter(body=body, submits=message.source, **told)
    return DeadLetter(body=body, pointer=message, **told)
