"""What was never run before the first day on AWS: tried here where a program can, and listed where a person must.

An emulator accepts what AWS may not, so each of these is asked of the services
themselves.  What is tried leaves nothing behind; an operator's credentials are
taken for granted, as workers may not ask about backups.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rugbytx.aws.client import client, translated
from rugbytx.aws.dynamodb.table import EXPIRES
from rugbytx.aws.ec2_metadata import Metadata
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.message import WORN_RECEIVES
from rugbytx.doctor.check import Check, CheckResult, Health
from rugbytx.errors import Unreachable
from rugbytx.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: A key below ``out/``, like every output's, that is no job's.
KEY = "out/-doctor-/first-day"
#: S3's smallest part but for the last.
PART_BYTES = 5 * 1024 * 1024
EXPIRY_S = 1
ANSWER_S = 10.0


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """Something that only a person can see."""

    name: str
    what: str
    how: str


#: docs/reference/tested.md prints this list, and a test compares.
BY_HAND: tuple[ByHand, ...] = (
    ByHand(
        name="gpu encoders",
        what="neither NVENC nor nvmpi has encoded anything",
        how="`rugbytx doctor` on a GPU host and on the Jetson: `encoder nvenc` or `encoder nvmpi` works; then submit a match to each",
    ),
    ByHand(
        name="spot notice",
        what="no real Spot notice has been heard",
        how="an experiment of AWS's Fault Injection Service, `aws:ec2:send-spot-instance-interruptions`: `spot-notice` in the log, the task gone in 10 s",
    ),
    ByHand(
        name="task protection",
        what="no real ECS agent has protected a task",
        how="while a match is under way set the service's desired count to 0: the task stays until its message is acknowledged",
    ),
    ByHand(
        name="capacity provider",
        what="no host has been started from none, and no empty one ended",
        how="submit with the Jetson stopped; a worker receives within 8 minutes, and 20 minutes after its end no host is left",
    ),
    ByHand(
        name="container image",
        what="neither image has been built, and none has run on ECS, Lambda or a Jetson",
        how="`scripts/image`; the autoscaler's log shows `scaling-decision` each minute, the worker's `gate-open`",
    ),
    ByHand(
        name="credentials for a day",
        what="no refreshed or expiring credentials have been used",
        how="leave a worker up over night: no `gate-closed` with `store-unreachable` at each hour",
    ),
    ByHand(
        name="systemd",
        what="the unit was verified and never started",
        how="`systemctl status` says active; `kill -STOP` of the main process: restarted after five minutes",
    ),
    ByHand(
        name="a line that is shared",
        what="no real line has been held to a limit, and no Jetson has kept a night window",
        how="with `RUGBYTX_DOWNLOAD_BPS` set, look at the router's graph during a match; `rugbytx workers` by day says `outside-work-hours`",
    ),
    ByHand(
        name="alarms",
        what="no alarm has reached anybody",
        how="send rubbish: `aws sqs send-message --message-body x`; a mail comes within half an hour",
    ),
    ByHand(
        name="players",
        what="Safari, Firefox and phones have played nothing",
        how="open a master URL on an iPhone and in Safari, and seek over a join",
    ),
    ByHand(
        name="a whole match",
        what="no source of gigabytes has been transcoded",
        how="submit a match of 4 GB and two hours; `rugbytx verify JOB`, and look at what it cost: `rugbytx report`",
    ),
)


def checks(settings: Settings) -> list[Check]:
    """Return what a program can try."""
    return [
        Check(
            name="queue times", examine=lambda: [_queue_times(settings)], remedy="see deploy/aws/data.yaml"
        ),
        Check(name="table life", examine=lambda: [_table_life(settings)], remedy="see deploy/aws/data.yaml"),
        Check(
            name="table recovery",
            examine=lambda: [_table_recovery(settings)],
            remedy="see deploy/aws/data.yaml",
        ),
        Check(
            name="parts and ranges",
            examine=lambda: [_parts(settings)],
            remedy="see the bucket's policy",
            timeout_s=120,
        ),
        Check(name="expiring addresses", examine=lambda: [_expiry(settings)], remedy="see the host's clock"),
        Check(
            name="scaling policies",
            examine=lambda: [_policies(settings)],
            remedy="see RUGBYTX_CLUSTER and RUGBYTX_SERVICE",
        ),
        Check(name="instance metadata", examine=lambda: [_metadata(settings)]),
    ]


def by_hand() -> list[CheckResult]:
    """Return what is left to a person, as warnings: none of it is known to be well."""
    return [
        CheckResult(check=task.name, health=Health.WARN, text=task.what, remedy=task.how) for task in BY_HAND
    ]


def _queue_times(settings: Settings) -> CheckResult:
    """Say whether the queue's own times are those that workers go by."""
    sqs = client("sqs")
    with translated(sqs, f"queue {settings.queue}"):
        url = sqs.get_queue_url(QueueName=settings.queue)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    wrong = []
    if int(attributes["VisibilityTimeout"]) != settings.visibility_s:
        wrong.append(f"visibility is {attributes['VisibilityTimeout']} s and not {settings.visibility_s:g}")
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    if int(redrive.get("maxReceiveCount", 0)) <= WORN_RECEIVES:
        wrong.append(f"it has no dead-letter queue that waits for more than {WORN_RECEIVES} receives")
    return _judged("queue times", wrong, "visibility and dead-letter queue are as workers expect")


def _table_life(settings: Settings) -> CheckResult:
    dynamodb = client("dynamodb")
    with translated(dynamodb, f"table {settings.table}"):
        life = dynamodb.describe_time_to_live(TableName=settings.table)["TimeToLiveDescription"]
    is_on = life.get("TimeToLiveStatus") == "ENABLED" and life.get("AttributeName") == EXPIRES
    return _judged(
        "table life", [] if is_on else [f"TTL on {EXPIRES} is not on"], f"records end by {EXPIRES}"
    )


def _table_recovery(settings: Settings) -> CheckResult:
    dynamodb = client("dynamodb")
    with translated(dynamodb, f"table {settings.table}"):
        backups = dynamodb.describe_continuous_backups(TableName=settings.table)[
            "ContinuousBackupsDescription"
        ]
    status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    wrong = [] if status == "ENABLED" else ["point-in-time recovery is off"]
    return _judged("table recovery", wrong, "point-in-time recovery is on")


def _parts(settings: Settings) -> CheckResult:
    """Upload in parts, read a range over their joint, and remove it all."""
    s3, bucket = client("s3"), settings.output_bucket
    with translated(s3, f"bucket {bucket}"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
        bodies = (b"a" * PART_BYTES, b"b")
        parts = [
            s3.upload_part(Bucket=bucket, Key=KEY, UploadId=upload, PartNumber=number, Body=body)["ETag"]
            for number, body in enumerate(bodies, start=1)
        ]
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key=KEY,
            UploadId=upload,
            MultipartUpload={
                "Parts": [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(parts, start=1)]
            },
        )
        wanted = f"bytes={PART_BYTES - 1}-{PART_BYTES}"
        body = s3.get_object(Bucket=bucket, Key=KEY, Range=wanted)["Body"].read()
        s3.delete_object(Bucket=bucket, Key=KEY)
    wrong = [] if body == b"ab" else [f"a range over two parts gave {body!r}"]
    return _judged(
        "parts and ranges", wrong, "an upload in parts, and a range over their joint, came out whole"
    )


def _expiry(settings: Settings) -> CheckResult:
    """Say whether a presigned address ends when it should: the emulator's never does."""
    s3, bucket = client("s3"), settings.output_bucket
    with translated(s3, f"bucket {bucket}"):
        s3.put_object(Bucket=bucket, Key=KEY, Body=b"x")
        url = s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": KEY}, ExpiresIn=EXPIRY_S
        )
        early = _answer(s3, url)
        time.sleep(EXPIRY_S + 2)
        late = _answer(s3, url)
        s3.delete_object(Bucket=bucket, Key=KEY)
    wrong = (
        [] if (early, late) == (200, 403) else [f"it was answered {early} at once and {late} after its end"]
    )
    return _judged("expiring addresses", wrong, "a presigned address works, and ends when it should")


def _answer(s3: "S3Client", url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310  made by us
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except OSError as error:
        raise Unreachable(f"{s3.meta.endpoint_url} does not answer a presigned address") from error


def _policies(settings: Settings) -> CheckResult:
    from rugbytx.system import fleet

    moving = fleet(settings)
    state = moving.state()
    policies = moving.attached_policies()
    wrong = (
        [f"{', '.join(policies)} moves the same service; `rugbytx scaling apply --policy none`"]
        if policies
        else []
    )
    good = f"{settings.service} wants {state.desired} and runs {state.running}, and nothing else moves it"
    return _judged("scaling policies", wrong, good)


def _metadata(settings: Settings) -> CheckResult:
    """Say whether Spot notices can be heard here; elsewhere than on AWS there are none."""
    if settings.worker_class is not WorkerClass.AWS:
        return CheckResult(
            check="instance metadata", health=Health.OK, text="not tried: this is no worker on AWS"
        )
    try:
        Metadata().interruption()
    except Unreachable as error:
        return _judged("instance metadata", [f"{error}; Spot notices are not heard"], "")
    return _judged("instance metadata", [], "Spot notices can be heard")


def _judged(name: str, wrong: Sequence[str], good: str) -> CheckResult:
    if wrong:
        return CheckResult(
            check=name, health=Health.FAIL, text="; ".join(wrong), remedy="see docs/howto/deploy.md"
        )
    return CheckResult(check=name, health=Health.OK, text=good)
