"""What components do that no job of a test comes to: each through the code that does it, signing with its own name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from rugbytx import system
from rugbytx.aws.dynamodb.table import Table
from rugbytx.aws.eventbridge import PREFIX, EventBridge
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.aws.sqs.event_queue import SqsEventQueue, event_queue
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.control import job as control
from rugbytx.core.job.job import Pointer, Source
from rugbytx.core.notify.notification import Notification, NotificationKind
from rugbytx.errors import Unreachable
from rugbytx.monitor.cache import Asked, SystemCache
from rugbytx.settings import Settings
from tests.deploy.conftest import Deployed
from tests.deploy.stacks import everything
from tests.deploy.start import LAMBDA
from tests.deploy.start import variables as variables_of
from tests.deploy.template import REGION

#: Larger than one part of an upload.
LARGE_BYTES = 20 * 1024 * 1024
#: More than a function's start and its work take on a busy machine.
FUNCTION_S = 240.0


def client(deployed: Deployed, service: str, *, principal: str = "deployer") -> Any:
    """Return a client that is one of the components."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=deployed.environ["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=principal,
        aws_secret_access_key="local",
    )


def do_the_rest(deployed: Deployed, finished: dict[str, Any], folder: Path) -> None:
    """Have each component do what is rare, and those that no job of a test needs do their work."""
    _upload_and_clean(deployed, folder)
    _tell(deployed)
    _autoscale(deployed)
    _submit_an_upload(deployed, finished)
    _watch(deployed, finished)


def _break_off(_bytes: int) -> None:
    raise Unreachable("broken off")


#: What a worker tells of a task.
EVENT = {
    "type": "task-started",
    "uuid": "a",
    "hostname": "celery@jetson",
    "timestamp": 1795543200.5,
    "clock": 1,
}


def _upload_and_clean(deployed: Deployed, folder: Path) -> None:
    """Break off an upload, fetch a pinned version of a source, and forget a clean-up."""
    sources = deployed.settings["RUGBYTX_SOURCE_BUCKETS"]
    outputs = deployed.settings["RUGBYTX_OUTPUT_BUCKET"]
    large = folder / "large"
    large.write_bytes(bytes(LARGE_BYTES))
    for principal, bucket, key in (
        ("jetson", outputs, "out/a/g1/large"),
        ("uploader", sources, "uploads/a/large"),
        ("operator", sources, "uploads/b/large"),
    ):
        storage = S3Storage(client(deployed, "s3", principal=principal))
        with pytest.raises(Unreachable, match="broken off"):
            storage.upload(large, bucket, key, content_type="video/mp4", on_bytes=_break_off)
        storage.delete(bucket, [key])
    s3 = client(deployed, "s3")
    s3.put_bucket_versioning(Bucket=sources, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=sources, Key="versioned", Body=b"video")["VersionId"]
    storage = S3Storage(client(deployed, "s3", principal="jetson"))
    described = storage.head(sources, "versioned", version=version)
    assert described
    pinned = Source(bucket=sources, key="versioned", etag=described.etag, size_bytes=5, version=version)
    storage.download(pinned, folder / "versioned", on_bytes=lambda _bytes: None)
    for principal in ("jetson", "autoscaler"):
        table = Table(client(deployed, "dynamodb", principal=principal), deployed.settings["RUGBYTX_TABLE"])
        table.delete([("CLEANING", "a")])


def _tell(deployed: Deployed) -> None:
    """Tell a bus of a job's end, and whoever watches of a worker's events."""
    name = deployed.settings["RUGBYTX_EVENT_BUS"]
    client(deployed, "events").create_event_bus(Name=name)
    bus = EventBridge(client(deployed, "events", principal="jetson"))
    ended = Notification(job_id="a", generation=1, kind=NotificationKind.SUCCEEDED, at=0.0, body="{}")
    bus.deliver(f"{PREFIX}{name}", ended, sent_at=0.0)
    name = event_queue(deployed.settings["RUGBYTX_QUEUE"])
    SqsEventQueue(client(deployed, "sqs", principal="jetson"), name).send([EVENT])
    assert SqsEventQueue(client(deployed, "sqs", principal="flower"), name).receive(wait_s=1)


def _autoscale(deployed: Deployed) -> None:
    """Tick once as the function, which finds an open job and no Jetson; an assist, and a clean-up."""
    ecs = client(deployed, "ecs")
    ecs.create_cluster(clusterName="rugbytx")
    ecs.register_task_definition(family="w", containerDefinitions=[{"name": "w", "image": "i", "memory": 1}])
    ecs.create_service(cluster="rugbytx", serviceName="rugbytx-worker", taskDefinition="w", desiredCount=0)
    done = call(deployed, "rugbytx.autoscaler", "{}", principal="autoscaler")
    assert '"event": "gauges"' in done
    service = ecs.describe_services(cluster="rugbytx", services=["rugbytx-worker"])["services"][0]
    assert service["desiredCount"] == 1
    SqsQueue(client(deployed, "sqs", principal="autoscaler"), deployed.settings["RUGBYTX_QUEUE"]).send(
        [Pointer(job_id="a", generation=1)]
    )
    storage = S3Storage(client(deployed, "s3", principal="autoscaler"))
    bucket = deployed.settings["RUGBYTX_OUTPUT_BUCKET"]
    found = next(iter(storage.list(bucket, "out/")))
    storage.get(bucket, found.key)
    storage.delete(bucket, ["out/a/g1/stray"])


def _submit_an_upload(deployed: Deployed, finished: dict[str, Any]) -> None:
    """Call the function behind an upload as EventBridge's rule shapes it; twice, the second time more urgently."""
    bucket, _, key = finished["source"].removeprefix("s3://").partition("/")
    event = {"bucket": bucket, "key": key, "profile": "match"}
    for deadline_s in ("3600", "60"):
        told = call(
            deployed,
            "rugbytx.upload_lambda",
            repr(event),
            principal="submitter",
            RUGBYTX_DEADLINE_S=deadline_s,
        )
        assert '"event": "submitted"' in told


def _watch(deployed: Deployed, finished: dict[str, Any]) -> None:
    """Read what Flower's pages read, and press their buttons."""
    settings = Settings.model_validate(
        {name.removeprefix("RUGBYTX_").lower(): value for name, value in deployed.settings.items()}
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in deployed.variables("flower").items():
            if name.startswith("AWS_"):
                patched.setenv(name, value)
        here = system.connect(settings)
        look = SystemCache(here)
        assert look.summary().open_jobs
        assert look.jobs(Asked()).overviews
        control.cancel(finished["job_id"], here)
        control.retry(finished["job_id"], here)
        found = next(iter(S3Storage(client(deployed, "s3")).list(settings.output_bucket, "out/")))
        here.storage.get(settings.output_bucket, found.key, span=range(1))


def call(deployed: Deployed, module: str, event: str, *, principal: str, **variables: str) -> str:
    """Run a function's handler with the variables that the template gives it; return what it printed.

    With the worker's it would also do what only a worker may, such as telling a bus.
    """
    code = f"import {module} as function; function.handler({event}, None)"
    functions = everything()["control"].of_type("AWS::Lambda::Function").values()
    (own,) = (one for one in functions if one["ImageConfig"]["Command"] == [f"{module}.handler"])
    emulator = {
        name: value for name, value in deployed.variables(principal).items() if name.startswith("AWS_")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **emulator, **LAMBDA, **variables_of(own), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=FUNCTION_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
