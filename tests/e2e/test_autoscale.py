"""The autoscaler as an operator runs it, against a system with an ECS service and nobody at work."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.ecs.service import DIMENSION, NAMESPACE, EcsFleet, resource_id
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Status
from rugbytx.local.system import LocalSystem
from rugbytx.settings import Settings
from rugbytx.system import Connection
from tests.e2e.conftest import RunCommand

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def hybrid() -> Iterator[LocalSystem]:
    """Run a local system whose ECS service may have three workers, and has none."""
    with LocalSystem(jetson=0, aws_max=3, cold_start_s=1) as local:
        yield local


@pytest.fixture
def connection(hybrid: LocalSystem) -> Iterator[Connection]:
    """Return a connection to it; afterwards its jobs are ended and nobody is wanted."""
    connection = systems.connect(hybrid.settings)
    yield connection
    for job in connection.store.jobs.list_open(100):
        connection.store.jobs.end(job.id, job.generation, Status.CANCELLED)
    fleet_of(hybrid.settings).set_desired(0)


def fleet_of(settings: Settings) -> EcsFleet:
    """Return the system's fleet."""
    return EcsFleet(cluster=settings.cluster, service=settings.service)


def submitted(connection: Connection, clip: Path, folder: Path, count: int) -> None:
    """Submit so many clips, no two the same."""
    for number in range(count):
        path = folder / f"clip-{number}.mp4"
        path.write_bytes(clip.read_bytes() + os.urandom(8))
        intake.accept(intake.Request(source=str(path), profile="clip", deadline_s=3600), connection)


def test_it_is_shown_and_not_done(
    hybrid: LocalSystem, connection: Connection, clip: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    """Facts, decision and reason; the fleet stays as it is."""
    submitted(connection, clip, tmp_path, 1)
    told = run_command("autoscale", "--once", "--explain", **hybrid.variables)
    assert told.returncode == 0, told.stderr
    assert "desired 1" in told.stdout
    assert "because no-jetson-works" in told.stdout
    assert fleet_of(hybrid.settings).state().desired == 0
    assert connection.store.scaling.read_desired() is None


def test_once_it_moves_the_fleet_and_its_record_is_decided_again(
    hybrid: LocalSystem, connection: Connection, clip: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    """Work without a Jetson wants an AWS worker; the same facts give the same decision."""
    submitted(connection, clip, tmp_path, 1)
    told = run_command("autoscale", "--once", "--json", **hybrid.variables)
    assert told.returncode == 0, told.stderr
    assert fleet_of(hybrid.settings).state().desired == 1
    record = json.loads(told.stdout)
    assert (record["decision"]["desired"], record["decision"]["reason"]) == (1, "no-jetson-works")
    file = tmp_path / "decisions.jsonl"
    file.write_text(told.stdout)
    again = run_command("replay", str(file))
    assert (again.returncode, again.stdout) == (0, "")
    record["decision"]["desired"] = 7
    file.write_text(json.dumps(record))
    changed = run_command("replay", str(file))
    assert changed.returncode == 1
    assert json.loads(changed.stdout)["difference"] == "desired: 7 -> 1"
    file.write_text("not a decision\n")
    assert run_command("replay", str(file)).returncode == 2


def test_the_queue_is_told(
    hybrid: LocalSystem, connection: Connection, clip: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    """In jobs and hours, with the decision; for programs under stable keys."""
    submitted(connection, clip, tmp_path, 2)
    now = connection.store.now()
    jetson = Worker(name="jetson-1", worker_class="jetson", slots=1, busy=0, seen_at=now, until=now + 60)
    connection.store.workers.announce(jetson)
    run_command("autoscale", "--once", **hybrid.variables)
    told = run_command("queue", "--json", **hybrid.variables)
    assert told.returncode == 0, told.stderr
    seen = json.loads(told.stdout)
    assert set(seen) == {
        *(
            "queued",
            "running",
            "backlog_s",
            "oldest_wait_s",
            "visible",
            "in_flight",
            "empty_in_s",
            "empty_in_p90_s",
        ),
        *("decided_s_ago", "desired", "wanted", "reason", "alarms"),
    }
    assert (seen["queued"], seen["desired"], seen["reason"]) == (2, 0, "jetson-finishes-in-time")
    assert seen["empty_in_s"] == pytest.approx(seen["backlog_s"])
    people = run_command("queue", **hybrid.variables).stdout
    assert "2 queued, 0 running" in people
    assert "jetson-finishes-in-time" in people
    connection.store.workers.withdraw("jetson-1")


def test_it_refuses_beside_a_native_policy(
    hybrid: LocalSystem, connection: Connection, run_command: RunCommand
) -> None:
    """Two hands on one number; the command that takes the other away is named."""
    del connection
    scaling = client("application-autoscaling")
    name = resource_id(cluster=hybrid.settings.cluster, service=hybrid.settings.service)
    target: Any = {"ServiceNamespace": NAMESPACE, "ResourceId": name, "ScalableDimension": DIMENSION}
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=3)
    scaling.put_scaling_policy(
        **target,
        PolicyName="rugbycodex-ecs-queue-tracking",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    )
    try:
        told = run_command("autoscale", "--once", **hybrid.variables)
        assert told.returncode == 2
        assert "rugbytx scaling apply --policy none" in told.stderr
    finally:
        scaling.delete_scaling_policy(**target, PolicyName="rugbycodex-ecs-queue-tracking")
