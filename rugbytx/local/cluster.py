"""The ECS cluster of the local system: a service in the emulator, whose counts tell of real processes.

The emulator keeps desired counts and starts nothing; it also says that whatever
is desired runs.  ``local.service`` does the starting, and ``record_counts`` puts what came
of it where ``DescribeServices`` finds it.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends

from rugbytx.aws.client import client, translated
from rugbytx.local.embedded import replace_attribute
from rugbytx.settings import Settings


def create(settings: Settings) -> None:
    """Make the cluster and a service of no tasks, where boto3's configuration points; raises Unreachable."""
    with closing(client("ecs")) as ecs, translated(ecs, f"cluster {settings.cluster}"):
        ecs.create_cluster(clusterName=settings.cluster)
        ecs.register_task_definition(
            family=settings.service,
            containerDefinitions=[{"name": "worker", "image": "local", "memory": 512}],
        )
        ecs.create_service(
            cluster=settings.cluster,
            serviceName=settings.service,
            taskDefinition=settings.service,
            desiredCount=0,
        )


@contextmanager
def honest() -> Iterator[None]:
    """Keep the emulator from saying that what is desired runs, for as long as the context lasts."""
    update = EC2ContainerServiceBackend.update_service

    def update_service(backend: Any, properties: dict[str, Any]) -> Any:
        key = (properties.get("cluster", "default"), properties["service"].split("/")[-1])
        before = [
            (service, service.running_count, service.pending_count)
            for service in backend.services.values()
            if (service.cluster_name, service.name) == key
        ]
        updated = update(backend, properties)
        for service, running, pending in before:
            service.running_count, service.pending_count = running, pending
        return updated

    with replace_attribute(EC2ContainerServiceBackend, "update_service", update_service):
        yield


def record_counts(settings: Settings, *, region: str, running: int, pending: int) -> None:
    """Have ``DescribeServices`` tell how many tasks there are."""
    service = ecs_backends[DEFAULT_ACCOUNT_ID][region].services[f"{settings.cluster}:{settings.service}"]
    service.running_count, service.pending_count = running, pending
