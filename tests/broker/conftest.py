"""A rig: one worker, kombu's transport or ours, behind a proxy that hurts it, and an empty queue."""

import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.job.job import Pointer
from rugbytx.local.embedded import EmbeddedAws
from rugbytx.local.fleet import LocalWorker
from tests.faults.proxy import Fault, FaultProxy, Rule

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Runs in a worker only: it reads what a rig tells it.
collect_ignore = ["app.py"]

ROOT = Path(__file__).parents[2]
STOCK = "kombu.transport.SQS:Transport"
OURS = "rugbytx.broker.transport:Transport"
#: Nothing here takes as long on a machine that is merely busy.
PATIENCE_S = 120.0
LOOK_S = 0.05
#: No message comes back by itself while a test runs.
VISIBILITY_S = 600


@dataclass(kw_only=True)
class Rig:
    """A worker, what it speaks through, and what it left in its folder."""

    worker: LocalWorker
    proxy: FaultProxy
    folder: Path
    queues: dict[str, SqsQueue]
    #: Speaks to SQS past the proxy.
    sqs: "SQSClient"
    #: How many messages nobody will settle: tests count those that they leave so.
    left: int = 0

    def send(self, job_id: str, queue: str = "transcode") -> None:
        """Send a message for the worker's task."""
        self.queues[queue].send([Pointer(job_id=job_id, generation=1)])

    def receive(self, *, wait_s: int) -> bool:
        """Return whether somebody else could receive a message within ``wait_s``."""
        url = self.queues["transcode"].url
        return bool(self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait_s).get("Messages"))

    def runs(self) -> list[str]:
        """Return what the tasks told, e.g. ``start wait-1``."""
        path = self.folder / "runs"
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        """Return what the worker logged."""
        return self.worker.log.read_text()

    def put(self, name: str) -> None:
        """Put one of the files that the worker heeds."""
        (self.folder / name).touch()

    @property
    def held(self) -> int:
        """Return how many messages are in flight and will be settled."""
        return sum(queue.depth().in_flight for queue in self.queues.values()) - self.left

    def polls(self, fault: Fault | None = None) -> int:
        """Return how many receives the worker has begun, or how many of them met the fault."""
        return self.proxy.count("sqs", "ReceiveMessage", fault)

    def hurt(self, rule: Rule, *, at_least: int = 1) -> None:
        """Set the rule, and wait until it has struck so often."""
        before = self.proxy.hurt().total()
        self.proxy.set_rules(rule)
        assert self.comes(lambda: self.proxy.hurt().total() >= before + at_least)

    def comes(self, true: Callable[[], bool], *, within_s: float = PATIENCE_S) -> bool:
        """Return whether it comes true, while the worker lives."""
        until = time.monotonic() + within_s
        while not true():
            if self.worker.has_ended() or time.monotonic() > until:
                return true()
            time.sleep(LOOK_S)
        return True


MakeRig = Callable[[str], Rig]


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Run an empty AWS; return its URL."""
    with EmbeddedAws() as embedded:
        yield embedded.endpoint_url


@pytest.fixture
def make_rig(aws: str, tmp_path: Path) -> Iterator[MakeRig]:
    """Return a maker of rigs, each with queues of its own."""
    with ExitStack() as stack:
        yield lambda transport: make(stack, aws, tmp_path, transport)


@pytest.fixture(scope="module")
def shared(aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Rig]]:
    """Return the one rig of a transport for all tests that leave its worker fit for the next.

    It is at rest: what the test before it let end has been acknowledged as well.
    """
    with ExitStack() as stack:
        made = cache(lambda transport: make(stack, aws, tmp_path_factory.mktemp("rig"), transport))

        def at_rest(transport: str) -> Rig:
            rig = made(transport)
            assert rig.comes(lambda: rig.held == 0), rig.log()
            return rig

        yield at_rest


@pytest.fixture
def rig(shared: Callable[[str], Rig]) -> Rig:
    """Return the shared rig of our transport."""
    return shared(OURS)


def make(
    stack: ExitStack,
    aws: str,
    parent: Path,
    transport: str,
) -> Rig:
    """Start a rig; ``stack`` ends it."""
    folder = parent / uuid.uuid4().hex[:6]
    folder.mkdir()
    sqs: Any = boto3.Session("local", "local", region_name="eu-west-1").client("sqs", endpoint_url=aws)
    stack.callback(sqs.close)
    queues = {}
    for name in ("transcode", "other"):
        attributes = {"VisibilityTimeout": str(VISIBILITY_S)}
        sqs.create_queue(QueueName=f"{folder.name}-{name}", Attributes=attributes)
        queues[name] = SqsQueue(sqs, f"{folder.name}-{name}")
    proxy = stack.enter_context(FaultProxy(aws, random.Random(0)))  # noqa: S311  faults, not secrets
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUGBYTX_"))},
        "AWS_ENDPOINT_URL": proxy.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
        "BROKER_TRANSPORT": transport,
        "BROKER_FOLDER": str(folder),
        "BROKER_QUEUES": ",".join(f"{name}={queue.url}" for name, queue in queues.items()),
    }
    argv = [
        *(sys.executable, "-m", "celery", "-A", "tests.broker.app", "worker", "-n", f"{folder.name}@%h"),
        *("-Q", ",".join(queues), "--concurrency", "1", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    ]
    worker = LocalWorker(folder.name, argv, environ=environ, log=folder / "log")
    stack.callback(worker.stop)  # what is left of its group
    stack.callback(worker.kill)
    worker.wait_ready(timeout_s=PATIENCE_S)
    return Rig(worker=worker, proxy=proxy, folder=folder, queues=queues, sqs=sqs)
