"""AWS's own scaling against servers that stand in for ECS, Application Auto Scaling and CloudWatch."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from rugbytx.aws.ecs.native_scaling import NativeScaling
from rugbytx.aws.ecs.service import DIMENSION, NAMESPACE, EcsFleet, resource_id
from rugbytx.cli.app import app
from rugbytx.cli.shared.connection import Wiring
from rugbytx.core.native_scaling import policy_changes, policy_setup
from rugbytx.core.native_scaling.policy_changes import Change, PolicyKind, SetupStep, Target
from rugbytx.errors import Unreachable
from tests.contract.conftest import REGION

QUEUE, SERVICE = "rugbycodex-transcode-jobs", "rugbycodex-transcoder-service"


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Clients of the three services."""

    ecs: Any
    autoscaling: Any
    cloudwatch: Any


@pytest.fixture(scope="module")
def clients(server: str) -> Clients:
    """Return clients at the server, for all tests: they are slow to make."""
    session: Any = boto3.Session("testing", "testing", region_name=REGION)
    ecs, autoscaling, cloudwatch = (
        session.client(service, endpoint_url=server)
        for service in ("ecs", "application-autoscaling", "cloudwatch")
    )
    return Clients(ecs=ecs, autoscaling=autoscaling, cloudwatch=cloudwatch)


class Service:
    """An ECS service that has an adopted name, and what scales it."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.cluster = f"rugbycodex-{uuid.uuid4().hex[:8]}"
        clients.ecs.create_cluster(clusterName=self.cluster)
        clients.ecs.register_task_definition(
            family="worker", containerDefinitions=[{"name": "worker", "image": "worker", "memory": 512}]
        )
        clients.ecs.create_service(
            cluster=self.cluster, serviceName=SERVICE, taskDefinition="worker", desiredCount=2
        )
        self.name = policy_setup.prefix(cluster=self.cluster, service=SERVICE)
        self.target = {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource_id(cluster=self.cluster, service=SERVICE),
            "ScalableDimension": DIMENSION,
        }
        self.native = NativeScaling(
            cluster=self.cluster,
            service=SERVICE,
            autoscaling=clients.autoscaling,
            cloudwatch=clients.cloudwatch,
        )

    def apply(self, kind: PolicyKind) -> list[tuple[str, str]]:
        """Apply a kind; return what was changed, without the prefix, and why."""
        setup = policy_setup.wanted(kind, name=self.name, queue=QUEUE, most=3)
        own = policy_setup.alarm_names(self.name)
        changes = policy_changes.decide(setup, self.native.read(), own_alarms=own).changes
        self.native.carry_out(changes)
        return [(change.name.removeprefix(f"{self.name}-"), change.reason) for change in changes]

    @property
    def policies(self) -> list[str]:
        """Return the names of the policies that an autoscaler would find."""
        fleet = EcsFleet(
            cluster=self.cluster,
            service=SERVICE,
            ecs=self.clients.ecs,
            autoscaling=self.clients.autoscaling,
        )
        return sorted(name.removeprefix(f"{self.name}-") for name in fleet.attached_policies())

    @property
    def alarms(self) -> list[str]:
        """Return the names of our alarms."""
        return sorted(
            name.removeprefix(f"{self.name}-")
            for name in self.native.states()
            if not name.startswith("TargetTracking")
        )


@pytest.fixture
def service(clients: Clients) -> Service:
    """Return a service that nothing scales."""
    return Service(clients)


@pytest.mark.parametrize(
    ("kind", "policies", "alarms"),
    [
        (PolicyKind.TARGET_TRACKING, ["queue-tracking", "to-zero"], ["in-flight", "queue-empty"]),
        (PolicyKind.STEP, ["queue-steps", "to-zero"], ["in-flight", "queue-depth", "queue-empty"]),
    ],
)
def test_applying_twice_changes_nothing(
    service: Service, kind: PolicyKind, policies: list[str], alarms: list[str]
) -> None:
    """And none leaves nothing behind."""
    assert service.policies == []
    assert {reason for _, reason in service.apply(kind)} == {"missing"}
    assert (service.policies, service.alarms) == (policies, alarms)
    assert service.apply(kind) == []
    service.apply(PolicyKind.NONE)
    assert (service.policies, service.alarms) == ([], [])
    assert service.native.read() == policy_changes.NativeSetup()
    assert service.apply(PolicyKind.NONE) == []


def test_one_policy_takes_the_place_of_the_other(service: Service) -> None:
    """With its alarms."""
    service.apply(PolicyKind.STEP)
    service.apply(PolicyKind.TARGET_TRACKING)
    assert (service.policies, service.alarms) == (["queue-tracking", "to-zero"], ["in-flight", "queue-empty"])
    assert service.apply(PolicyKind.TARGET_TRACKING) == []


def test_what_the_note_left_behind_is_removed(service: Service) -> None:
    """Its policy was put by hand, under a name of its own."""
    autoscaling = service.clients.autoscaling
    autoscaling.register_scalable_target(**service.target, MinCapacity=0, MaxCapacity=9)
    autoscaling.put_scaling_policy(
        **service.target,
        PolicyName="rugbycodex-ecs-queue-tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1.0,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Namespace": "AWS/SQS",
                "Dimensions": [{"Name": "QueueName", "Value": QUEUE}],
                "Statistic": "Average",
            },
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 300,
        },
    )
    assert service.policies == ["rugbycodex-ecs-queue-tracking"]
    done = service.apply(PolicyKind.STEP)
    assert done[0] == ("rugbycodex-ecs-queue-tracking", "not-wanted")
    assert ("desired-count", "differs") in done
    assert service.policies == ["queue-steps", "to-zero"]


def test_alarms_call_the_policies_that_are_there(service: Service) -> None:
    """By their ARNs, also after a policy was put again."""
    service.apply(PolicyKind.STEP)
    service.clients.autoscaling.put_scaling_policy(
        **service.target,
        PolicyName=f"{service.name}-queue-steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": []},
    )
    assert service.apply(PolicyKind.STEP) == [
        ("queue-steps", "differs"),
        ("queue-depth", "its-policy-changes"),
    ]
    present = service.native.read()
    [policy] = [policy for policy in present.policies if policy.name.endswith("queue-steps")]
    [alarm] = [alarm for alarm in present.alarms if alarm.name.endswith("queue-depth")]
    assert alarm.actions == (policy.arn,)


def test_what_is_gone_already_is_no_error(service: Service) -> None:
    """Whoever else works on the same service may be faster."""

    def answer(**_: object) -> None:
        said = {"Error": {"Code": "ObjectNotFoundException", "Message": "No scaling policy found"}}
        raise ClientError(said, "DeleteScalingPolicy")  # type: ignore[arg-type]  # all that is read of it

    before = service.native.read()
    events = service.clients.autoscaling.meta.events
    events.register("before-call.application-autoscaling.DeleteScalingPolicy", answer)
    try:
        service.native.carry_out(
            [Change(step=SetupStep.DELETE_POLICY, name="never-was", reason="not-wanted")]
        )
    finally:
        events.unregister("before-call.application-autoscaling.DeleteScalingPolicy", answer)
    service.native.carry_out([Change(step=SetupStep.DELETE_ALARM, name="never-was", reason="not-wanted")])
    assert service.native.read() == before


def test_what_aws_refuses_is_a_sentence(service: Service) -> None:
    """With its own words."""
    target = Target(least=0, most=3)
    change = Change(step=SetupStep.REGISTER_TARGET, name="desired-count", reason="missing", thing=target)
    nobody = NativeScaling(
        cluster=service.cluster,
        service="nobody",
        autoscaling=service.clients.autoscaling,
        cloudwatch=service.clients.cloudwatch,
    )
    with pytest.raises(
        Unreachable, match="refused to register-target desired-count: ECS service doesn't exist"
    ):
        nobody.carry_out([change])


@pytest.fixture
def scaling(endpoint: str, service: Service) -> Callable[..., Result]:
    """Return what runs ``rugbytx scaling``."""
    assert endpoint
    environ = {
        "HOME": "/nowhere",
        "AWS_REGION": REGION,
        "RUGBYTX_CLUSTER": service.cluster,
        "RUGBYTX_SERVICE": SERVICE,
        "RUGBYTX_QUEUE": QUEUE,
    }

    def run(*words: str, **changed: str) -> Result:
        wiring = Wiring(environ={**environ, **changed})
        return CliRunner().invoke(app, ["scaling", *words], obj=wiring, catch_exceptions=False)

    return run


def test_a_person_is_told_what_is_done_and_what_is_there(
    scaling: Callable[..., Result], service: Service
) -> None:
    """In lines, with what is known against it; a dry run changes nothing."""
    would = scaling("apply", "--policy", "target-tracking", "--dry-run")
    assert f"would put policy {service.name}-queue-tracking (missing)" in would.stdout
    assert service.policies == []
    service.apply(PolicyKind.TARGET_TRACKING)
    told = scaling("show").stdout
    assert "applied   target-tracking" in told
    assert "target    0 to 3" in told
    assert "Known traps:\n- A target of 1.0 is exceeded by two messages" in told
    gone = scaling("apply", "--policy", "none")
    assert f"delete policy {service.name}-queue-tracking (not-wanted)" in gone.stdout
    assert "still wants 2 workers" in gone.stderr
    assert "Known traps" not in gone.stdout


def test_a_program_is_told_the_same(scaling: Callable[..., Result], service: Service) -> None:
    """As JSON with stable keys."""
    done = json.loads(scaling("apply", "--policy", "step", "--json").stdout)
    assert sorted(done) == ["changes", "desired", "dry_run", "left", "policy", "traps"]
    assert (done["policy"], done["dry_run"], done["left"], done["desired"]) == ("step", False, [], 2)
    assert done["changes"][0] == {"step": "register-target", "name": "desired-count", "reason": "missing"}
    told = json.loads(scaling("show", "--json").stdout)
    assert (told["applied"], told["cluster"], told["service"]) == ("step", service.cluster, SERVICE)
    assert told["target"] == {"min": 0, "max": 3, "suspended": False}
    assert len(told["policies"]) == 2
    assert {alarm["name"]: alarm["state"] for alarm in told["alarms"]}[f"{service.name}-in-flight"] == "OK"


def test_what_is_wrong_is_one_sentence(scaling: Callable[..., Result]) -> None:
    """With a documented exit status."""
    missing = scaling("show", RUGBYTX_SERVICE="nobody")
    assert (missing.exit_code, missing.stdout) == (5, "")
    assert "there is no active ECS service nobody" in missing.stderr
    assert scaling("apply", "--policy", "magic").exit_code == 2
