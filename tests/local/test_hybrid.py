"""The local system with an ECS service: an order through ECS's own API starts and stops real workers."""

import time
from collections.abc import Callable, Iterator

import pytest

from rugbytx.aws.ecs.service import EcsFleet
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.local.system import LocalSystem
from rugbytx.ports import FleetState

pytestmark = pytest.mark.process

BOUND_S = 120.0


@pytest.fixture
def local() -> Iterator[LocalSystem]:
    """Run a local system of no workers, with an ECS service of at most one."""
    with LocalSystem(jetson=0, aws_max=1, cold_start_s=0.1, pace={WorkerClass.AWS: 2.5}) as system:
        yield system


def tend_until(local: LocalSystem, holds: Callable[[], bool]) -> None:
    """Do what the main loop does until something holds."""
    until = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < until
        local.tend()
        time.sleep(0.05)


def test_what_ecs_is_asked_for_comes_and_goes(local: LocalSystem) -> None:
    """The counts tell of real processes, and not of what is desired."""
    fleet = EcsFleet(cluster=local.settings.cluster, service=local.settings.service)
    assert local.service
    assert local.tend() == []
    fleet.set_desired(1)
    assert fleet.state() == FleetState(desired=1, running=0, pending=0), "nothing has happened yet"
    [sentence] = local.tend()
    assert sentence.startswith("ECS orders task-1")
    assert fleet.state() == FleetState(desired=1, running=0, pending=1)
    tend_until(local, lambda: fleet.state().running == 1)
    [worker] = local.service.workers
    worker.wait_ready(BOUND_S)
    assert local.workers == [], "who replaces the dead leaves ECS's workers alone"

    fleet.set_desired(0)
    tend_until(local, lambda: worker.has_ended() and not local.service.workers)  # type: ignore[union-attr]
    assert worker.exit_code == 0, worker.log_tail()
    assert fleet.state() == FleetState(desired=0, running=0, pending=0)


def test_nothing_of_it_is_left(local: LocalSystem) -> None:
    """However many tasks run or wait."""
    assert local.service
    EcsFleet(cluster=local.settings.cluster, service=local.settings.service).set_desired(1)
    tend_until(local, lambda: bool(local.service.workers))  # type: ignore[union-attr]
    [worker] = local.service.workers
    local.__exit__()
    assert worker.has_ended()
    assert local.service.workers == []
