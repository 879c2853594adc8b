"""The stacks as the emulator makes them, and a worker and an upload service that live on them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.local.embedded import EmbeddedAws
from rugbytx.local.fleet import LocalWorker, worker_argv, worker_environ
from rugbytx.system import chosen, past_proxies
from tests.deploy.recorder import Recorder, recorded
from tests.deploy.stacks import TAG
from tests.deploy.template import AWS, REGION, STACKS

RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))
#: More than anything that is waited for here takes on a busy machine.
WAIT_S = 240.0
#: Short, so that a job's end and a worker's leaving come soon.
TIMES = {"RUGBYTX_VIEW_S": "1", "RUGBYTX_PRESENCE_S": "1", "RUGBYTX_SWEEP_S": "2", "RUGBYTX_POLL_WAIT_S": "1"}


#: The emulator takes no policy from which ``AWS::NoValue`` is to leave a statement out, so there is a bus.
DATA = {"EventBus": "club"}
#: As for a queue that another system's uploader still fills.
LEGACY = {"RUGBYTX_LEGACY_BODY": "s3://{bucket}/{video.key}", "RUGBYTX_LEGACY_PROFILE": "clip"}


@dataclass
class Deployed:
    """Two stacks on the emulator, and what a command is told of them."""

    environ: Mapping[str, str]
    recorder: Recorder
    #: What ``rugbytx env`` printed.
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, principal: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run ``rugbytx`` as one of the components."""
        return subprocess.run(
            [RUGBYTX, *arguments],
            env=self.variables(principal) | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_S,
        )

    def variables(self, principal: str) -> dict[str, str]:
        """Return the environment of a component."""
        return {
            **self.environ,
            **self.settings,
            "AWS_ACCESS_KEY_ID": principal,
            "AWS_SECRET_ACCESS_KEY": "local",
        }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Make ``data`` and ``control`` by the emulator's CloudFormation, as ``scripts/deploy`` orders them."""
    kept = {name: value for name, value in os.environ.items() if name not in chosen(os.environ)}
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patched, recorded() as recorder, EmbeddedAws() as aws:
        environ = {
            **kept,
            **past_proxies(kept),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "XDG_RUNTIME_DIR": str(folder),
            "RUGBYTX_SCRATCH": str(folder / "scratch"),
            **TIMES,
        }
        # The emulator itself needs a region, and must see no account of the caller's.
        for name in chosen(os.environ):
            patched.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patched.setenv(name, environ[name])
        patched.setenv("AWS_DEFAULT_REGION", REGION)
        patched.setenv("AWS_ACCESS_KEY_ID", "emulator")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "local")
        found = Deployed(environ=environ, recorder=recorder)
        cloudformation = boto3.client(
            "cloudformation",
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id="deployer",
            aws_secret_access_key="local",
        )
        for name, parameters in (("data", DATA), ("control", TAG)):
            cloudformation.create_stack(
                StackName=STACKS[name],
                TemplateBody=(AWS / f"{name}.yaml").read_text(),
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
                ],
            )
        told = found.run(
            "env", "--from-stack", STACKS["data"], "--json", principal="deployer", AWS_REGION=REGION
        )
        assert told.returncode == 0, told.stderr
        found.settings = json.loads(told.stdout)
        yield found


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    """Listen for what a service says, as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path_factory.mktemp("systemd") / "notify"))
        line.settimeout(WAIT_S)
        yield line


@pytest.fixture(scope="module")
def worker(
    deployed: Deployed, systemd: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalWorker]:
    """Start the real command as the Jetson, with the settings that the stacks gave, as systemd would."""
    log = tmp_path_factory.mktemp("worker") / "jetson.log"
    by_systemd = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "3000000"}
    # As after a rollback: the environment is the newer version's, which this one does not know.
    newer = {"RUGBYTX_OF_A_LATER_VERSION": "1"}
    started = LocalWorker(
        "jetson",
        worker_argv("jetson", log_level="INFO"),
        environ=worker_environ(deployed.variables(WorkerClass.JETSON), WorkerClass.JETSON)
        | by_systemd
        | newer
        | LEGACY,
        log=log,
    )
    try:
        started.wait_ready(WAIT_S)
        yield started
    finally:
        started.stop()


def wait_until(holds: Callable[[], bool]) -> bool:
    """Return whether something came to hold, in more time than it can take."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return False


def wait_for_line(worker: LocalWorker, words: str) -> str:
    """Return the first line of a worker's log that has these words."""

    def lines() -> list[str]:
        return [line for line in worker.log.read_text().splitlines() if words in line]

    assert wait_until(lambda: bool(lines())), worker.log_tail()
    return lines()[0]
