"""ports.Fleet on ECS: the desired count of one service, and the policies that would move it too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rugbytx.aws.client import address, client, code, translated
from rugbytx.core.address import ServiceEndpoints
from rugbytx.errors import Unreachable
from rugbytx.ports.fleet import FleetState

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_ecs import ECSClient

NAMESPACE: Final = "ecs"
DIMENSION: Final = "ecs:service:DesiredCount"
#: ECS's own words for what is not there, or goes.
MISSING = frozenset({"ClusterNotFoundException", "ServiceNotActiveException", "ServiceNotFoundException"})
#: More pages of policies than any service has; the bound is for a server that repeats itself.
MOST_PAGES = 20


def resource_id(*, cluster: str, service: str) -> str:
    """Return the name under which Application Auto Scaling knows an ECS service.

    >>> resource_id(cluster="arn:aws:ecs:eu-west-1:111122223333:cluster/club", service="worker")
    'service/club/worker'
    """
    return f"service/{cluster.rpartition('/')[2]}/{service.rpartition('/')[2]}"


class EcsFleet:
    """The AWS workers as tasks of one ECS service."""

    def __init__(
        self,
        *,
        cluster: str,
        service: str,
        ecs: "ECSClient | None" = None,
        autoscaling: "ApplicationAutoScalingClient | None" = None,
    ) -> None:
        self._cluster, self._service = cluster, service
        self._ecs = ecs or client("ecs")
        self._autoscaling = autoscaling or client("application-autoscaling")

    @property
    def address(self) -> ServiceEndpoints:
        """Return where ECS and Application Auto Scaling are."""
        return address(self._ecs, self._autoscaling)

    def state(self) -> FleetState:
        """Return how many tasks there are and should be; raises Unreachable, also where there is no such service."""
        with translated(self._ecs, self._resource):
            try:
                answer = self._ecs.describe_services(cluster=self._cluster, services=[self._service])
            except self._ecs.exceptions.ClusterNotFoundException as error:
                raise self._missing() from error
        # DescribeServices tells of a service that it does not find among its failures, with status 200.
        active = [service for service in answer["services"] if service["status"] == "ACTIVE"]
        if not active:
            raise self._missing()
        counts = active[0]
        return FleetState(
            desired=counts["desiredCount"], running=counts["runningCount"], pending=counts["pendingCount"]
        )

    def set_desired(self, count: int) -> None:
        """Set the service's desired count; raises Unreachable."""
        from botocore.exceptions import ClientError

        with translated(self._ecs, self._resource):
            try:
                self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=count)
            except ClientError as error:
                if code(error) in MISSING:
                    raise self._missing() from error
                raise

    def attached_policies(self) -> Sequence[str]:
        """Return the policies that move the same number: by target tracking, steps or prediction.

        None where both directions of scaling are suspended on the target.
        """
        if self._is_suspended():
            return ()
        with translated(self._autoscaling, "scaling policies"):
            pages = self._autoscaling.get_paginator("describe_scaling_policies").paginate(
                ServiceNamespace=NAMESPACE,
                ResourceId=self._resource_id,
                ScalableDimension=DIMENSION,
                PaginationConfig={"PageSize": 50, "MaxItems": 50 * MOST_PAGES},
            )
            return tuple(policy["PolicyName"] for page in pages for policy in page["ScalingPolicies"])

    def _is_suspended(self) -> bool:
        with translated(self._autoscaling, "scalable target"):
            targets = self._autoscaling.describe_scalable_targets(
                ServiceNamespace=NAMESPACE, ResourceIds=[self._resource_id], ScalableDimension=DIMENSION
            )["ScalableTargets"]
        states = [target.get("SuspendedState") or {} for target in targets]
        both = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended")
        return any(all(state.get(way) for way in both) for state in states)

    @property
    def _resource_id(self) -> str:
        return resource_id(cluster=self._cluster, service=self._service)

    @property
    def _resource(self) -> str:
        return f"service {self._service}"

    def _missing(self) -> Unreachable:
        where = self._ecs.meta.endpoint_url
        return Unreachable(
            f"there is no active ECS service {self._service} in the cluster {self._cluster} at {where}"
        )
