"""What is deployed starts with what the deployment gives it, and with nothing else.

A real worker on AWS, the functions behind an upload and of the autoscaler, Flower
and the worker on the premises, each in a box that is as bare as its container, and
with the variables that the templates, ``rugbytx env`` and the Jetson's install
write.  Added is what an emulator needs in AWS's place: its endpoint and keys, the
stand-in of the ECS agent, and x264 where the GPU would be.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from rugbytx import settings as rugbytx_settings
from rugbytx.aws.ecs import task_agent
from rugbytx.core.notify.signature import new_secret
from rugbytx.local.agent import Agents
from rugbytx.local.embedded import EmbeddedAws
from rugbytx.local.fleet import LocalWorker
from rugbytx.settings import Settings
from rugbytx.system import chosen
from tests.deploy import start
from tests.deploy.box import LAYER, boxed, needs_namespaces
from tests.deploy.conftest import WAIT_S, wait_until
from tests.deploy.stacks import stacks
from tests.deploy.start import Start
from tests.deploy.template import AWS, REGION
from tests.deploy.test_jetson import install
from tests.footage import film
from tests.monitor.site import Visitor

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Tried to parse"),
    needs_namespaces,
]

#: Nothing has the name that it has by default, so that a setting that does not arrive is missed.
DATA: dict[str, Any] = {"Name": "kickoff", "EventBus": "club", "VisibilityTimeoutSeconds": 180}
BOTH = {"Mode": "fastest", "OutputBaseUrl": "https://media.example.org"}
FLEET: dict[str, Any] = {
    **BOTH,
    "EventBus": "club",
    "MaxHosts": 2,
    "NotifySecret": "arn:aws:secretsmanager:::secret:webhooks",
}
CONTROL: dict[str, Any] = {
    **BOTH,
    "Cluster": "kickoff",
    "Service": "kickoff-worker",
    "MaxWorkers": 2,
    "DailyBudgetUsd": "40",
    "SubmitOnUpload": "yes",
    "UploadProfile": "clip",
    "Flower": "yes",
    "FlowerCertificate": "arn:aws:acm:::certificate/x",
}
#: The worker on the premises has an installation of its own: beside it the one on AWS would not be wanted.
PREMISES: dict[str, Any] = {"Name": "premises", "EventBus": "club", "VisibilityTimeoutSeconds": 240}
PASSWORD = "half-time"
#: In the emulator's place AWS gives credentials of the role; this machine has no GPU.
KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
NO_GPU = {"RUGBYTX_ENCODER": "x264"}
#: What the install says though it is so by default.
AS_BY_DEFAULT = {"RUGBYTX_WORKER_CLASS"}


def starts(root: Path) -> dict[str, Start]:
    """Return how everything starts; ``root`` is where the Jetson's files were installed."""
    deployed = stacks(data=DATA, fleet=FLEET, control=CONTROL)
    secret = new_secret(bytes(32))
    return {
        "worker": start.container(deployed["fleet"], "Task", RUGBYTX_NOTIFY_SECRET=secret),
        "flower": start.container(deployed["control"], "FlowerTask", FLOWER_PASSWORD=PASSWORD),
        "autoscaler": start.function(deployed["control"], "Autoscaler"),
        "submitter": start.function(deployed["control"], "Submitter"),
        "premises": start.service(root),
    }


@dataclass
class Site:
    """The emulator, and what runs on it."""

    folder: Path
    emulator: Mapping[str, str]
    starts: Mapping[str, Start]
    stack: ExitStack
    workers: dict[str, LocalWorker] = field(default_factory=dict)

    def argv(self, name: str) -> tuple[str, ...]:
        """Return a deployed command, in its box."""
        found = self.starts[name]
        folder = self.folder / name
        folder.mkdir()
        # The worker in a container has less than it is given: where a root is read-only there may be no /tmp either.
        kept = [one for one in found.writable if name != "worker" or one != "/tmp"]  # noqa: S108  the container's
        return boxed(found.argv, folder=folder, writable=kept, umask=found.umask)

    def launch(self, name: str, **added: str) -> LocalWorker:
        """Start what goes on until it is stopped."""
        argv, environ = self.argv(name), {**self.starts[name].environ, **self.emulator, **added}
        worker = LocalWorker(name, argv, environ=environ, log=self.folder / f"{name}.log")
        self.stack.callback(worker.stop)
        self.workers[name] = worker
        return worker

    def invoke(self, name: str, event: Mapping[str, Any]) -> "subprocess.Popen[str]":
        """Begin to call a function."""
        running = subprocess.Popen(
            self.argv(name),
            env={**self.starts[name].environ, **self.emulator},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert running.stdin
        running.stdin.write(json.dumps(event))
        running.stdin.close()
        running.stdin = None
        return running


def finish(running: "subprocess.Popen[str]") -> Any:
    """Return what a function answered."""
    told, _ = running.communicate(timeout=WAIT_S)
    assert running.returncode == 0, told
    return json.loads(told.splitlines()[-1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make both installations, and start all that goes on by itself."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        for name in chosen(os.environ):
            patched.delenv(name)
        aws = stack.enter_context(EmbeddedAws())
        # The emulator's own look at itself, and this test's clients.
        for name, value in {
            **KEYS,
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
        }.items():
            patched.setenv(name, value)
        emulator = {**KEYS, "AWS_ENDPOINT_URL": aws.endpoint_url}
        make(STACKED)
        found = Site(folder=folder, emulator=emulator, starts=starts(jetson(folder, emulator)), stack=stack)
        agents = stack.enter_context(Agents())
        found.launch("worker", **start.ECS_ON_EC2, **NO_GPU, **{task_agent.VARIABLE: agents.enrol("task")})
        found.launch("premises")
        yield found


#: The data stacks by their names.
STACKED = {"rugbytx-data": DATA, "premises-data": PREMISES}


def make(stacked: Mapping[str, Mapping[str, Any]]) -> None:
    """Make data stacks, the bus that they name, and the service that the autoscaler moves."""
    cloudformation, ecs = boto3.client("cloudformation"), boto3.client("ecs")
    for name, parameters in stacked.items():
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=(AWS / "data.yaml").read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()
            ],
        )
    boto3.client("events").create_event_bus(Name=DATA["EventBus"])
    ecs.create_cluster(clusterName=CONTROL["Cluster"])
    ecs.register_task_definition(family="w", containerDefinitions=[{"name": "w", "image": "i", "memory": 1}])
    ecs.create_service(
        cluster=str(CONTROL["Cluster"]),
        serviceName=str(CONTROL["Service"]),
        taskDefinition="w",
        desiredCount=0,
    )


def jetson(folder: Path, emulator: Mapping[str, str]) -> Path:
    """Install the Jetson's files below a folder, with the settings that ``rugbytx env`` prints for its stack."""
    box = folder / "env"
    box.mkdir()
    told = subprocess.run(
        boxed([f"{LAYER}/bin/rugbytx", "env", "--from-stack", "premises-data"], folder=box),
        env={"PATH": start.PATH, "AWS_REGION": REGION, **emulator},
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT_S,
    )
    settings = folder / "stack.env"
    settings.write_text(told.stdout)
    installed = install(folder / "root", "--settings", str(settings))
    assert installed.returncode == 0, installed.stderr
    return folder / "root"


@pytest.fixture(scope="module")
def flower(site: Site) -> Visitor:
    """Start Flower as its task does, but at a port that is free here; return somebody who may look."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = site.starts["flower"]
    *shell, command = found.argv
    deployed = "--port 5555"
    assert deployed in command
    site.starts = {
        **site.starts,
        "flower": Start(**{**vars(found), "argv": (*shell, command.replace(deployed, f"--port {port}"))}),
    }
    site.launch("flower")
    visitor = Visitor(port=port)
    visitor.log_in(f"operator:{PASSWORD}")
    return visitor


@pytest.fixture(scope="module")
def job_id(site: Site) -> str:
    """Put a film into the bucket, and call both functions as EventBridge would; return the job's id."""
    bucket = site.starts["submitter"].environ["RUGBYTX_SOURCE_BUCKETS"]
    source = film(site.folder / "try.mp4", length_s=2.0)
    boto3.client("s3").upload_file(str(source), bucket, "uploads/try.mp4")
    submitter = site.invoke("submitter", uploaded(bucket=bucket, key="uploads/try.mp4"))
    submitted = finish(submitter)
    assert submitted["action"] == "create"
    assert finish(site.invoke("autoscaler", {"woken_by": "upload"})) == {"decided": True, "desired": 1}
    return str(submitted["job_id"])


def uploaded(*, bucket: str, key: str) -> Any:
    """Return what the rule makes of an upload."""
    control = stacks(data=DATA, fleet=FLEET, control=CONTROL)["control"]
    (target,) = control.of_type("AWS::Events::Rule")["Uploaded"]["Targets"]
    text = str(target["InputTransformer"]["InputTemplate"])
    return json.loads(text.replace("<bucket>", json.dumps(bucket)).replace("<key>", json.dumps(key)))


def test_every_variable_is_a_setting_and_says_something(site: Site) -> None:
    """A name that is none would be refused or warned of; a value that goes without saying could be lost unseen."""
    for name, found in site.starts.items():
        assert rugbytx_settings.unknown(found.environ) == [], name
        read, default = rugbytx_settings.read(found.environ), Settings(scratch=Path("elsewhere"))
        told = {key for key, value in found.environ.items() if key.startswith("RUGBYTX_")} - AS_BY_DEFAULT
        fields = {key.removeprefix("RUGBYTX_").lower() for key in told}
        assert {one for one in fields if getattr(read, one) == getattr(default, one)} == set(), name
        assert found.environ["AWS_REGION"] == REGION, name
        assert "AWS_DEFAULT_REGION" not in found.environ, name


def test_a_job_goes_from_upload_to_playlist(site: Site, flower: Visitor, job_id: str) -> None:
    """Submitted by the function, done by the worker on AWS, seen on Flower's page."""
    worker = site.workers["worker"]

    def told() -> Any:
        assert not worker.has_ended(), worker.log_tail()
        return flower.get(f"/jobs/{job_id}/data").json

    assert wait_until(lambda: is_served(flower, site)), site.workers["flower"].log_tail()
    assert wait_until(lambda: told()["status"] in {"SUCCEEDED", "FAILED"}), worker.log_tail()
    assert told()["status"] == "SUCCEEDED", told()
    bucket = site.starts["worker"].environ["RUGBYTX_OUTPUT_BUCKET"]
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"out/{job_id}/")["Contents"]
    assert [one["Key"] for one in listed if "/master-" in one["Key"]]


def is_served(flower: Visitor, site: Site) -> bool:
    """Return whether Flower answers."""
    assert not site.workers["flower"].has_ended(), site.workers["flower"].log_tail()
    try:
        return flower.get("/healthcheck").status == 200
    except ConnectionError:
        return False


def test_the_worker_on_the_premises_may_receive(site: Site) -> None:
    """By what ``rugbytx env`` and the install wrote; its gate opens once queue, table, disk and encoder are there."""
    worker = site.workers["premises"]
    worker.wait_ready(WAIT_S)
    assert wait_until(lambda: '"event": "gate-open"' in worker.log.read_text()), worker.log_tail()


def test_nobody_complains(site: Site, job_id: str) -> None:
    """No worker was given a variable that it does not know, nothing broke, and each of them leaves as it should."""
    assert job_id
    workers = [site.workers[name] for name in ("worker", "premises")]
    for worker in workers:
        worker.wait_ready(WAIT_S)
        worker.ask_to_stop()
    for worker in workers:
        assert wait_until(worker.has_ended), worker.log_tail()
        events = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
        assert [one for one in events if one["event"] == "unknown-setting"] == []
        assert [one for one in events if one["level"] in {"ERROR", "CRITICAL"} or "traceback" in one] == []
        assert worker.exit_code == 0, worker.log_tail()
