"""Celery's keys: each has its reason, is one that Celery knows, and fits the settings and what is deployed."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from celery.app.defaults import NAMESPACES, flatten

import celeryconfig
from celeryconfig import aws, base, jetson, local
from rugbytx.aws.sqs.message import ROUTING_KEY
from rugbytx.core.job.message import WORN_RECEIVES
from rugbytx.settings import Settings
from rugbytx.worker.shutdown.drain import LEAVE_S
from tests.deploy.stacks import smallest

FOLDER = Path(celeryconfig.__file__).parent
MODULES = {"base": base, "jetson": jetson, "aws": aws, "local": local}


def assigned(name: str) -> list[tuple[str, int, list[str]]]:
    """Return each key that a module sets, where, and the module's lines."""
    text = (FOLDER / f"{name}.py").read_text()
    return [
        (target.id, node.lineno, text.splitlines())
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


@pytest.mark.parametrize("name", MODULES)
def test_every_key_has_its_reason_and_is_celerys(name: str) -> None:
    """In a comment above it."""
    known = {option[0] for option in flatten(NAMESPACES)} | {"broker_transport"}
    for key, line, lines in assigned(name):
        assert key in known, f"Celery knows no {key}"
        above = [text for text in lines[: line - 1] if text.strip()]
        assert above[-1].startswith("#"), f"{name}.{key} has no reason"


def test_every_module_is_one_that_a_setting_can_name() -> None:
    """And there is one for each class of worker."""
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(MODULES)
    for worker_class in ("jetson", "aws"):
        importlib.import_module(f"celeryconfig.{worker_class}")


@pytest.mark.parametrize("name", MODULES)
def test_a_request_outlasts_a_long_poll(name: str) -> None:
    """Or an idle worker would take each silence of SQS for an outage."""
    options: dict[str, Any] = MODULES[name].broker_transport_options
    assert options["client-config"]["read_timeout"] > options["wait_time_seconds"] + 5
    assert "visibility_timeout" not in options  # it would be ignored: the queue's own holds
    assert not {"backoff_policy", "backoff_tasks", "sts_role_arn"} & set(options)


def test_a_message_is_replaced_long_before_sqs_gives_it_up() -> None:
    """A lane sends a fresh one at its fifth receive, or after six hours; SQS waits for ten, and for twelve hours."""
    data = smallest()["data"]
    queue = data.of_type("AWS::SQS::Queue")["Transcode"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 2 * WORN_RECEIVES
    assert data.template["Parameters"]["MaxReceives"]["MinValue"] > WORN_RECEIVES
    assert queue["QueueName"].endswith(f"-{base.task_default_queue}")
    assert base.task_default_queue == ROUTING_KEY
    assert base.worker_concurrency == Settings().aws_slots


def test_visibility_is_the_same_wherever_it_is_said() -> None:
    """In the queue, in what the stack tells workers, and in the settings' default; and heartbeats fit into it."""
    data, fleet = smallest()["data"], smallest()["fleet"]
    queue = data.of_type("AWS::SQS::Queue")["Transcode"]
    (task,) = fleet.of_type("AWS::ECS::TaskDefinition").values()
    environment = {one["Name"]: one["Value"] for one in task["ContainerDefinitions"][0]["Environment"]}
    assert queue["VisibilityTimeout"] == environment["RUGBYTX_VISIBILITY_S"] == Settings().visibility_s
    least_s = data.template["Parameters"]["VisibilityTimeoutSeconds"]["MinValue"]
    assert Settings(visibility_s=least_s).visibility_s == least_s  # refused if a heartbeat did not fit


def test_everybody_waits_for_a_worker_to_leave() -> None:
    """ECS, its agent, and systemd: all for longer than a worker takes."""
    fleet = smallest()["fleet"]
    (task,) = fleet.of_type("AWS::ECS::TaskDefinition").values()
    (host,) = fleet.of_type("AWS::EC2::LaunchTemplate").values()
    unit = (FOLDER.parent / "deploy" / "jetson" / "rugbytx-worker.service").read_text()
    agent = re.search(r"ECS_CONTAINER_STOP_TIMEOUT=(\d+)s", host["LaunchTemplateData"]["UserData"])
    systemd = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert agent
    assert systemd
    waits_s = (task["ContainerDefinitions"][0]["StopTimeout"], int(agent[1]), int(systemd[1]))
    # A Spot notice comes two minutes ahead, and ECS allows no more than that.
    assert all(LEAVE_S + 5 <= wait_s <= 110 for wait_s in waits_s), waits_s


def test_a_worker_on_aws_polls_shortly() -> None:
    """A receive that is under way must not outlive the decision that allowed it for long."""
    options: dict[str, Any] = aws.broker_transport_options
    assert options["wait_time_seconds"] <= Settings().view_s
