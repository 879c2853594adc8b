"""What a system consists of on AWS: buckets, a queue with its dead-letter and event queues, and a table.

Real deployments have these from a template; here they are made by hand, in the
same shape.
"""

import json
import math
from contextlib import closing
from typing import TYPE_CHECKING, cast

from rugbytx.aws.client import client, translated
from rugbytx.aws.dynamodb.table import EXPIRES, TABLE
from rugbytx.aws.sqs.event_queue import RETENTION_S as EVENT_RETENTION_S
from rugbytx.aws.sqs.event_queue import event_queue
from rugbytx.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_sqs import SQSClient

#: SQS's longest: 14 days.
RETENTION_S = 14 * 24 * 3600
#: The number of receives after which SQS moves a message to the dead-letter queue.
MAX_RECEIVES = 10
#: SQS's longest.
LONG_POLL_S = 20


def create(settings: Settings) -> None:
    """Make what the settings name, where boto3's configuration points; what exists is left as it is.

    Raises Unreachable.
    """
    with closing(client("s3")) as s3, closing(client("sqs")) as sqs, closing(client("dynamodb")) as dynamodb:
        for bucket in {*settings.source_buckets, settings.output_bucket}:
            _create_bucket(s3, bucket)
        _let_read(s3, settings.output_bucket)
        _create_queues(sqs, settings)
        _create_table(dynamodb, settings.table)


def dead_letter_queue(queue: str) -> str:
    """Return the name of the dead-letter queue behind ``queue``."""
    return f"{queue}-dead"


def _create_bucket(s3: "S3Client", bucket: str) -> None:
    region = s3.meta.region_name
    with translated(s3, f"bucket {bucket}"):
        try:
            if region == "us-east-1":  # the one region that CreateBucket does not take by its name
                s3.create_bucket(Bucket=bucket)
            else:
                s3.create_bucket(
                    Bucket=bucket,
                    CreateBucketConfiguration={
                        "LocationConstraint": cast("BucketLocationConstraintType", region)
                    },
                )
        except s3.exceptions.BucketAlreadyOwnedByYou:
            return


def _let_read(s3: "S3Client", bucket: str) -> None:
    """Let anybody read the bucket, so that a player can follow the URL of a master playlist."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    with translated(s3, f"bucket {bucket}"):
        s3.put_bucket_policy(
            Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )


def _create_queues(sqs: "SQSClient", settings: Settings) -> None:
    """Make all three queues; attributes are set and not created with, as CreateQueue refuses to change them."""
    with translated(sqs, f"queue {settings.queue}"):
        dead_url = sqs.create_queue(QueueName=dead_letter_queue(settings.queue))["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=dead_url, Attributes={"MessageRetentionPeriod": str(RETENTION_S)})
        dead_arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        url = sqs.create_queue(QueueName=settings.queue)["QueueUrl"]
        events_url = sqs.create_queue(QueueName=event_queue(settings.queue))["QueueUrl"]
        sqs.set_queue_attributes(
            QueueUrl=events_url, Attributes={"MessageRetentionPeriod": str(EVENT_RETENTION_S)}
        )
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES}
        sqs.set_queue_attributes(
            QueueUrl=url,
            Attributes={
                "VisibilityTimeout": str(math.ceil(settings.visibility_s)),
                "MessageRetentionPeriod": str(RETENTION_S),
                "ReceiveMessageWaitTimeSeconds": str(LONG_POLL_S),
                "RedrivePolicy": json.dumps(redrive),
            },
        )


def _create_table(dynamodb: "DynamoDBClient", table: str) -> None:
    with translated(dynamodb, f"table {table}"):
        try:
            dynamodb.create_table(TableName=table, **TABLE)
        except dynamodb.exceptions.ResourceInUseException:
            return
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES}
        )
