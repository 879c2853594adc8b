"""AWS's own scaling of an ECS service: Application Auto Scaling's target and policies, CloudWatch's alarms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rugbytx.aws.client import client, code, translated
from rugbytx.aws.ecs.service import DIMENSION, MOST_PAGES, NAMESPACE, resource_id
from rugbytx.core.native_scaling.policy_changes import (
    Alarm,
    Change,
    Configuration,
    NativePolicy,
    NativeSetup,
    SetupStep,
    Target,
)
from rugbytx.core.native_scaling.policy_setup import alarm_names, prefix
from rugbytx.errors import Unreachable

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudwatch import CloudWatchClient

#: Where each type of policy has its configuration.
CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended")
#: AWS's and the emulator's word for deleting what is not there.
GONE = frozenset({"ObjectNotFoundException", "ResourceNotFound", "ResourceNotFoundException"})


class NativeScaling:
    """The target, policies and alarms of one ECS service.  Every method raises Unreachable."""

    def __init__(
        self,
        *,
        cluster: str,
        service: str,
        autoscaling: "ApplicationAutoScalingClient | None" = None,
        cloudwatch: "CloudWatchClient | None" = None,
    ) -> None:
        # Requests are put together from values, which the clients' own types cannot follow.
        self._autoscaling: Any = autoscaling or client("application-autoscaling")
        self._cloudwatch: Any = cloudwatch or client("cloudwatch")
        self._name = prefix(cluster=cluster, service=service)
        self._of = {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource_id(cluster=cluster, service=service),
            "ScalableDimension": DIMENSION,
        }
        #: ARNs of policies that were seen or put.
        self._arns: dict[str, str] = {}

    def read(self) -> NativeSetup:
        """Return what is there: every policy of the service, the alarms that call one, and our own alarms."""
        policies = tuple(
            _policy(description)
            for description in self._pages("describe_scaling_policies", "ScalingPolicies")
        )
        self._arns = {policy.name: policy.arn for policy in policies}
        return NativeSetup(target=self._target(), policies=policies, alarms=tuple(self._alarms(policies)))

    def states(self) -> Mapping[str, str]:
        """Return the state of each alarm that ``read`` tells of, e.g. ``ALARM``."""
        policies = self.read().policies
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in self._described_alarms(policies)}

    def carry_out(self, changes: Sequence[Change]) -> None:
        """Make the changes, in their order; each may be made twice."""
        for change in changes:
            with self._allowed(change):
                self._ask(change)

    def _ask(self, change: Change) -> None:
        match change.thing:
            case Target() as target:
                self._autoscaling.register_scalable_target(
                    **self._of,
                    MinCapacity=target.least,
                    MaxCapacity=target.most,
                    SuspendedState=dict.fromkeys(SUSPENDED, target.is_suspended),
                )
            case NativePolicy() as policy:
                answer = self._autoscaling.put_scaling_policy(
                    **self._of,
                    PolicyName=policy.name,
                    PolicyType=policy.type,
                    **{CONFIGURATIONS[policy.type]: policy.configuration},
                )
                self._arns[policy.name] = answer["PolicyARN"]
            case Alarm() as alarm:
                actions = [self._arns[alarm.policy]] if alarm.policy else []
                self._cloudwatch.put_metric_alarm(
                    AlarmName=alarm.name, AlarmActions=actions, **alarm.configuration
                )
            case None:
                self._remove(change)

    def _remove(self, change: Change) -> None:
        if change.step is SetupStep.DELETE_ALARM:
            self._cloudwatch.delete_alarms(AlarmNames=[change.name])
        elif change.step is SetupStep.DELETE_POLICY:
            self._autoscaling.delete_scaling_policy(**self._of, PolicyName=change.name)
        else:
            self._autoscaling.deregister_scalable_target(**self._of)

    @contextmanager
    def _allowed(self, change: Change) -> Iterator[None]:
        """Take it for done where what is to go has gone; every other refusal is a sentence."""
        from botocore.exceptions import ClientError

        source = (
            self._cloudwatch
            if change.step in {SetupStep.PUT_ALARM, SetupStep.DELETE_ALARM}
            else self._autoscaling
        )
        with translated(source, f"{change.step} {change.name}"):
            try:
                yield
            except ClientError as error:
                if change.thing is None and code(error) in GONE:
                    return
                if code(error) == "ValidationException":  # a name or figure that AWS does not take
                    message = error.response.get("Error", {}).get("Message", "")
                    raise Unreachable(f"AWS refused to {change.step} {change.name}: {message}") from error
                raise

    def _target(self) -> Target | None:
        with translated(self._autoscaling, "scalable target"):
            targets = self._autoscaling.describe_scalable_targets(
                ServiceNamespace=NAMESPACE,
                ResourceIds=[self._of["ResourceId"]],
                ScalableDimension=DIMENSION,
            )["ScalableTargets"]
        if not targets:
            return None
        state = targets[0].get("SuspendedState") or {}
        return Target(
            least=targets[0]["MinCapacity"],
            most=targets[0]["MaxCapacity"],
            is_suspended=any(state.get(way) for way in SUSPENDED),
        )

    def _pages(self, operation: str, name: str) -> list[Any]:
        with translated(self._autoscaling, "scaling policies"):
            pages = self._autoscaling.get_paginator(operation).paginate(
                **self._of, PaginationConfig={"PageSize": 50, "MaxItems": 50 * MOST_PAGES}
            )
            return [item for page in pages for item in page[name]]

    def _alarms(self, policies: Sequence[NativePolicy]) -> list[Alarm]:
        return [
            Alarm(name=alarm["AlarmName"], configuration=alarm, actions=tuple(alarm["AlarmActions"]))
            for alarm in self._described_alarms(policies)
        ]

    def _described_alarms(self, policies: Sequence[NativePolicy]) -> Iterable[Configuration]:
        """Return each alarm once: ours by their names, the others by what they call."""
        asked: list[dict[str, Any]] = [{"AlarmNames": list(alarm_names(self._name))}]
        asked += [{"ActionPrefix": policy.arn} for policy in policies]
        alarms: dict[str, Configuration] = {}
        with translated(self._cloudwatch, "alarms"):
            for wish in asked:
                answer = self._cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm"], **wish)["MetricAlarms"]
                alarms |= {alarm["AlarmName"]: alarm for alarm in answer}
        return alarms.values()


def _policy(description: Mapping[str, Any]) -> NativePolicy:
    return NativePolicy(
        name=description["PolicyName"],
        type=description["PolicyType"],
        configuration=description.get(CONFIGURATIONS.get(description["PolicyType"], ""), {}),
        arn=description["PolicyARN"],
    )
