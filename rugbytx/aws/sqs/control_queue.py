"""The queues for control messages, on SQS: made, listed, written, read, deleted.

Every queue here is somebody's for a while, unlike those that a template makes.
Whose it is, and when it is nobody's any more, is in ``core.mailbox``.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import code, translated
from rugbytx.core.mailbox import Mailbox
from rugbytx.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef

#: A control message means its moment; SQS keeps none for less than a minute.
RETENTION_S = 60
#: SQS takes 256 KiB at least, whatever its limit is by now; less, to be safe.
MOST_BYTES = 200_000
#: ReceiveMessage and DeleteMessageBatch take no more.
BATCH = 10
#: ListQueues returns so many a page; and so many pages are read.
PAGE = 1000
MOST_PAGES = 10
#: A queue can be used a second after it was made (CreateQueue).
SETTLE_ATTEMPTS = 4
SETTLE_S = 0.5
#: What SQS answers where there is no such queue, in its two protocols.
MISSING = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class SqsMailboxes:
    """Safe to share between threads, as its client is.  Every call raises Unreachable."""

    def __init__(self, client: "SQSClient", *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause
        self._urls: dict[str, str] = {}

    def create(self, name: str) -> None:
        """Make a queue of a name that was never used before."""
        with translated(self._client, f"queue {name}"):
            answer = self._client.create_queue(
                QueueName=name, Attributes={"MessageRetentionPeriod": str(RETENTION_S)}
            )
        self._urls[name] = answer["QueueUrl"]

    def names(self, prefix: str) -> Sequence[str]:
        """Return the names of the queues that begin so; one of the last minute may lack, or be there still."""
        urls: list[str] = []
        asked: dict[str, Any] = {"QueueNamePrefix": prefix, "MaxResults": PAGE}
        for _ in range(MOST_PAGES):
            with translated(self._client, f"queues {prefix}*"):
                answer = self._client.list_queues(**asked)
            urls += answer.get("QueueUrls", [])
            if not answer.get("NextToken"):
                break
            asked["NextToken"] = answer["NextToken"]
        return [url.rpartition("/")[2] for url in urls]

    def look(self, name: str) -> Mailbox | None:
        """Return since when a queue is there; None for one that is gone."""
        try:
            with _found(self._client, name):
                answer = self._client.get_queue_attributes(
                    QueueUrl=self._url(name), AttributeNames=["CreatedTimestamp"]
                )
        except NotFound:
            return None
        return Mailbox(name=name, created_at=float(answer["Attributes"]["CreatedTimestamp"]))

    def send(self, name: str, message: Mapping[str, Any]) -> None:
        """Send a message; raises NotFound where there is no such queue, a young one waited for.

        Raises ValueError for what no message can hold.
        """
        body = json.dumps(message, default=_plain)
        if len(body) > MOST_BYTES:
            raise ValueError(f"it has {len(body)} bytes, and a message holds {MOST_BYTES}")
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                with _found(self._client, name):
                    self._client.send_message(QueueUrl=self._url(name), MessageBody=body)
                    return
            except NotFound:
                if attempt == SETTLE_ATTEMPTS:
                    raise
                self._pause(SETTLE_S)

    def receive(self, name: str, *, wait_s: int) -> Sequence[dict[str, Any]]:
        """Return messages that have come, waiting so long for the first, and forget them.

        Raises NotFound where there is no such queue.  They are forgotten before
        anybody obeys them: obeying one twice is worse than not at all.
        """
        with _found(self._client, name):
            answer = self._client.receive_message(
                QueueUrl=self._url(name), MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait_s
            )
            messages = answer.get("Messages", [])
            if messages:
                entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ]
                self._client.delete_message_batch(QueueUrl=self._url(name), Entries=entries)
        return [found for message in messages if (found := _mapping(message["Body"])) is not None]

    def delete(self, name: str) -> None:
        """Delete a queue; one that is gone is none."""
        with suppress(NotFound), _found(self._client, name):
            self._client.delete_queue(QueueUrl=self._url(name))
        self._urls.pop(name, None)

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]


@contextmanager
def _found(client: "SQSClient", name: str) -> Iterator[None]:
    """Raise NotFound where the queue is not there, and Unreachable for every other refusal."""
    from botocore.exceptions import ClientError

    with translated(client, f"queue {name}"):
        try:
            yield
        except ClientError as error:
            if code(error) in MISSING:
                raise NotFound(f"there is no queue {name}") from error
            raise


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a value: Celery's answers hold sets, instants and bytes."""
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else str(value)


def _mapping(body: str) -> dict[str, Any] | None:
    """Return the message in a body; None for what is none.

    >>> _mapping('{"method": "ping"}'), _mapping("[7]"), _mapping("{")
    ({'method': 'ping'}, None, None)
    """
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
