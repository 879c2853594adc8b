"""What every fleet keeps: the fake, and ECS's on a server that stands in for AWS."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from rugbytx.aws.ecs.service import DIMENSION, NAMESPACE, EcsFleet, resource_id
from rugbytx.errors import Unreachable
from rugbytx.ports import Fleet
from tests.fakes.fleet import FakeFleet


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A fleet, and what others do to it."""

    fleet: Fleet
    attach: Callable[[str], None]
    suspend: Callable[[], None]
    remove: Callable[[], None]


@pytest.fixture(params=["fake", "ecs"])
def rig(request: pytest.FixtureRequest) -> Rig:
    """Return a fleet of nobody."""
    made: Rig = request.getfixturevalue(f"{request.param}_rig")
    return made


@pytest.fixture
def fake_rig() -> Rig:
    """Return the fake."""
    fake = FakeFleet()

    def suspend() -> None:
        fake.is_suspended = True

    def remove() -> None:
        fake.is_missing = True

    return Rig(fleet=fake, attach=fake.policies.append, suspend=suspend, remove=remove)


@pytest.fixture
def ecs_rig(endpoint: str) -> Rig:
    """Return a service of no tasks in a cluster of its own."""
    assert endpoint
    cluster, service = f"club-{uuid.uuid4().hex[:8]}", "rugbycodex-transcoder-service"
    ecs = boto3.client("ecs")
    autoscaling: Any = boto3.client("application-autoscaling")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(
        family="worker", containerDefinitions=[{"name": "worker", "image": "worker", "memory": 512}]
    )
    ecs.create_service(cluster=cluster, serviceName=service, taskDefinition="worker", desiredCount=0)
    target = {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id(cluster=cluster, service=service),
        "ScalableDimension": DIMENSION,
    }

    def attach(name: str) -> None:
        autoscaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=3)
        autoscaling.put_scaling_policy(
            **target,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": "ExactCapacity", "StepAdjustments": []},
        )

    def suspend() -> None:
        both = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}
        autoscaling.register_scalable_target(**target, SuspendedState=both)

    def remove() -> None:
        ecs.delete_service(cluster=cluster, service=service, force=True)

    return Rig(
        fleet=EcsFleet(cluster=cluster, service=service), attach=attach, suspend=suspend, remove=remove
    )


def test_the_number_that_was_asked_for_is_told(rig: Rig) -> None:
    """As often as it changes; nobody is asked for at first."""
    assert rig.fleet.state().desired == 0
    for count in (3, 1, 1, 0):
        rig.fleet.set_desired(count)
        assert rig.fleet.state().desired == count


def test_policies_of_others_are_told(rig: Rig) -> None:
    """Each by its name."""
    assert rig.fleet.attached_policies() == ()
    rig.attach("rugbycodex-ecs-queue-tracking")
    rig.attach("by-hand")
    assert sorted(rig.fleet.attached_policies()) == ["by-hand", "rugbycodex-ecs-queue-tracking"]


def test_policies_that_are_suspended_move_nothing(rig: Rig) -> None:
    """So they are no policies to us."""
    rig.attach("by-hand")
    rig.suspend()
    assert rig.fleet.attached_policies() == ()


def test_a_service_that_is_gone_is_a_sentence(rig: Rig) -> None:
    """For whoever looks, and for whoever orders."""
    rig.remove()
    with pytest.raises(Unreachable, match="there is no active ECS service"):
        rig.fleet.state()
    if isinstance(rig.fleet, FakeFleet):  # the stand-in for AWS takes orders for a service that was deleted
        with pytest.raises(Unreachable):
            rig.fleet.set_desired(1)


def test_what_never_was_is_a_sentence(endpoint: str) -> None:
    """No cluster, and no service in a cluster that there is."""
    assert endpoint
    nowhere = EcsFleet(cluster=f"none-{uuid.uuid4().hex}", service="worker")
    with pytest.raises(Unreachable, match="no active ECS service worker in the cluster none-"):
        nowhere.state()
    with pytest.raises(Unreachable, match="no active ECS service worker"):
        nowhere.set_desired(1)
    cluster = f"club-{uuid.uuid4().hex[:8]}"
    boto3.client("ecs").create_cluster(clusterName=cluster)
    empty = EcsFleet(cluster=cluster, service="worker")
    with pytest.raises(Unreachable, match="no active ECS service worker"):
        empty.state()
    with pytest.raises(Unreachable, match="no active ECS service worker"):
        empty.set_desired(1)


def test_a_service_that_only_lingers_is_gone() -> None:
    """Deleted services are told of for a while, as INACTIVE; so is a name that was given as an ARN."""
    cluster = "arn:aws:ecs:eu-west-1:111122223333:cluster/club"
    service = "arn:aws:ecs:eu-west-1:111122223333:service/club/worker"
    assert resource_id(cluster=cluster, service=service) == "service/club/worker"
