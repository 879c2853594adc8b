"""What the services let this host do, each action tried so that nothing is left behind.

SQS is asked for what cannot be: a receipt that nobody was given, a delay and a
number of messages beyond its limits.  DynamoDB's writes carry a condition that
cannot hold, or remove what is not there.  S3 is handed an object of the
doctor's own, which goes again.  Who may not ask at all is told so first.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rugbytx.aws.client import code, translated
from rugbytx.aws.dynamodb.table import STATUS_INDEX
from rugbytx.aws.sqs.queue import REFUSALS
from rugbytx.ports.service import Tried

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

#: No job, object or receipt has this name.
NOBODY = "-doctor-"
#: A service's words for a refusal.  An answer to HEAD has no body, and so only a number.
DENIED = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "KMS.AccessDeniedException"}
)
#: A service's words for a caller that may, and asked for what cannot be.
REFUSED = REFUSALS | {"404", "ConditionalCheckFailedException", "NoSuchKey", "ReadCountOutOfRange"}
#: SQS's limits are 900 s and 10 messages.
_DELAY_S, _MESSAGES = 901, 11
_KEY = {"pk": {"S": NOBODY}, "sk": {"S": NOBODY}}
_EXISTS = "attribute_exists(pk)"


class AwsPermissions:
    """The ``Permissions`` port on SQS, DynamoDB and S3."""

    def __init__(
        self, *, sqs: "SQSClient", dynamodb: "DynamoDBClient", s3: "S3Client", queue: str, table: str
    ) -> None:
        self._sqs, self._dynamodb, self._s3 = sqs, dynamodb, s3
        self._queue, self._table = queue, table

    def queue(self) -> Sequence[Tried]:
        """Try what workers and submitters do with the queue; raises Unreachable where there is none."""
        sqs, resource = self._sqs, f"queue {self._queue}"
        with translated(sqs, resource):
            url = sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
        asked: dict[str, Callable[[], object]] = {
            "sqs:ReceiveMessage": lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_MESSAGES),
            "sqs:DeleteMessage": lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle=NOBODY),
            "sqs:ChangeMessageVisibility": lambda: sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=NOBODY, VisibilityTimeout=0
            ),
            "sqs:SendMessage": lambda: sqs.send_message(
                QueueUrl=url, MessageBody=NOBODY, DelaySeconds=_DELAY_S
            ),
            "sqs:GetQueueAttributes": lambda: sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["QueueArn"]
            ),
        }
        return [_try(sqs, resource, action, ask) for action, ask in asked.items()]

    def table(self) -> Sequence[Tried]:
        """Try what workers do with the table and its index; raises Unreachable where there is none."""
        dynamodb, name, resource = self._dynamodb, self._table, f"table {self._table}"
        asked: dict[str, Callable[[], object]] = {
            "dynamodb:GetItem": lambda: dynamodb.get_item(TableName=name, Key=_KEY),
            "dynamodb:Query": lambda: dynamodb.query(
                TableName=name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": NOBODY}},
            ),
            "dynamodb:Query on the index": lambda: dynamodb.query(
                TableName=name,
                IndexName=STATUS_INDEX,
                KeyConditionExpression="job_status = :status",
                ExpressionAttributeValues={":status": {"S": NOBODY}},
            ),
            "dynamodb:PutItem": lambda: dynamodb.put_item(
                TableName=name, Item=_KEY, ConditionExpression=_EXISTS
            ),
            "dynamodb:UpdateItem": lambda: dynamodb.update_item(
                TableName=name,
                Key=_KEY,
                UpdateExpression="REMOVE doctor",
                ConditionExpression=_EXISTS,
            ),
            "dynamodb:DeleteItem": lambda: dynamodb.delete_item(
                TableName=name, Key=_KEY, ConditionExpression=_EXISTS
            ),
            "dynamodb:BatchWriteItem": lambda: dynamodb.batch_write_item(
                RequestItems={name: [{"DeleteRequest": {"Key": _KEY}}]}
            ),
        }
        return [_try(dynamodb, resource, action, ask) for action, ask in asked.items()]

    def bucket(self, name: str, *, writes: bool) -> Sequence[Tried]:
        """Try what workers do with a bucket, writing only where they do; raises Unreachable where there is none."""
        s3, resource, key = self._s3, f"bucket {name}", f"out/{NOBODY}/{NOBODY}"
        reading: dict[str, Callable[[], object]] = {
            "s3:ListBucket": lambda: s3.list_objects_v2(Bucket=name, Prefix=f"{NOBODY}/", MaxKeys=1),
            "s3:GetObject": lambda: s3.get_object(Bucket=name, Key=key),
        }
        writing: dict[str, Callable[[], object]] = {
            "s3:PutObject": lambda: s3.put_object(Bucket=name, Key=key, Body=b""),
            "s3:DeleteObject": lambda: s3.delete_object(Bucket=name, Key=key),
        }
        asked = {**reading, **(writing if writes else {})}
        return [_try(s3, resource, action, ask) for action, ask in asked.items()]


def _try(source: object, resource: str, action: str, ask: Callable[[], object]) -> Tried:
    """Return whether the request was let in; raises Unreachable where it failed for another reason."""
    from botocore.exceptions import ClientError

    with translated(source, resource):
        try:
            ask()
        except ClientError as error:
            said = code(error).removeprefix("AWS.SimpleQueueService.")
            if said in DENIED:
                return Tried(action=action, refusal=said)
            if said not in REFUSED:
                raise
    return Tried(action=action)
