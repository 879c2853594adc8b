"""The rules of the simulated ECS and EC2; the source is AWS's guides unless a test names another."""

import random
from collections.abc import Generator
from typing import Any

from simpy import Environment, Interrupt

from rugbytx import prices
from rugbytx.sim.aws.ec2 import Cloud
from rugbytx.sim.aws.ecs import EcsService, EcsTask
from rugbytx.sim.aws.placement import CapacityProvider, OwnHost
from rugbytx.sim.input.assumptions import Figures
from rugbytx.sim.input.trace import UNKNOWN, Trace
from rugbytx.sim.recorder import Book


class Cluster:
    """A service whose tasks do nothing until they are stopped; ``stopped`` says by whom."""

    def __init__(self, *, provider: bool = False, trace: Trace = UNKNOWN, **changed: Any) -> None:
        cold = {"cold_least_s": 180.0, "cold_mode_s": 180.0, "cold_most_s": 180.0, "spot_hazard_per_h": 0.0}
        figures = Figures(**{**cold, "spot_refused_p": 0.0, **changed})
        self.env = env = Environment()
        self.book = Book(now=lambda: env.now)
        self.stopped: list[tuple[str, str]] = []
        self.cloud = Cloud(env, figures, prices.load(), self.book, random.Random(1))  # noqa: S311  luck
        self.service = EcsService(env, self.book, random.Random(2), self._live, trace=trace)  # noqa: S311  luck
        self.provider = CapacityProvider(env, figures, self.cloud, self.service)
        own = OwnHost(env, figures, self.cloud, self.service)
        self.service.placement = self.provider if provider else own
        if provider:
            env.process(self._minutes())

    def _live(self, task: EcsTask) -> Generator[Any, Any, None]:
        try:
            yield self.env.event()
        except Interrupt as stop:
            self.stopped.append((task.name, str(stop.cause)))

    def _minutes(self) -> Generator[Any, Any, None]:
        while True:
            yield self.env.timeout(60)
            self.provider.evaluate(self.env.now)


def test_a_protected_task_is_no_victim() -> None:
    """Scale-in chooses among unprotected tasks, and stops none where all are protected (task scale-in protection)."""
    cluster = Cluster()
    cluster.service.order(3)
    cluster.env.run(until=200)
    first, second, third = cluster.service.tasks
    assert cluster.service.protect(first, 600)
    assert cluster.service.protect(third, 600)
    cluster.service.order(0)
    cluster.env.run(until=201)
    assert cluster.stopped == [(second.name, "scale-in")]
    assert cluster.service.running == 2


def test_on_a_day_that_is_known_chance_is_what_it_was() -> None:
    """Whom ECS stopped first was unprotected for less long than another, and then the one that was for longest."""
    cluster = Cluster(trace=Trace(victims=(1, 0)))
    cluster.service.order(3)
    cluster.env.run(until=200)
    first, second, third = cluster.service.tasks
    for task in (third, first, second):
        assert cluster.service.protect(task, 600)
        cluster.service.unprotect(task)
        cluster.env.run(until=cluster.env.now + 10)
    cluster.service.order(1)
    cluster.env.run(until=cluster.env.now + 1)
    assert cluster.stopped == [(first.name, "scale-in"), (third.name, "scale-in")]


def test_protection_beyond_the_desired_count_is_refused() -> None:
    """DEPLOYMENT_BLOCKED: no more tasks can be protected than are desired."""
    cluster = Cluster()
    cluster.service.order(2)
    cluster.env.run(until=200)
    first, second = cluster.service.tasks
    assert cluster.service.protect(first, 600)
    cluster.service.desired = 1
    assert not cluster.service.protect(second, 600)
    assert cluster.book.refusals == 1


def test_protection_expires() -> None:
    """ExpiresInMinutes, and from then on the task is like any other."""
    cluster = Cluster()
    cluster.service.order(1)
    cluster.env.run(until=200)
    [task] = cluster.service.tasks
    cluster.service.protect(task, 60)
    cluster.env.run(until=300)
    cluster.service.order(0)
    cluster.env.run(until=301)
    assert cluster.stopped == [(task.name, "scale-in")]


def test_a_deployment_replaces_what_is_not_protected() -> None:
    """A protected task stays until its protection is taken off, and the deployment waits for it."""
    cluster = Cluster()
    cluster.service.order(2)
    cluster.env.run(until=200)
    first, second = cluster.service.tasks
    cluster.service.protect(first, 3600)
    cluster.service.deploy()
    cluster.env.run(until=500)
    assert cluster.stopped == [(second.name, "deployment")]
    assert cluster.service.is_deploying
    cluster.service.unprotect(first)
    cluster.env.run(until=900)
    assert cluster.stopped[1:] == [(first.name, "deployment")]
    assert (cluster.service.running, cluster.service.is_deploying) == (2, False)


def test_victims_are_chance() -> None:
    """ECS does not let anybody choose (containers-roadmap 125): over many rounds each is chosen."""
    cluster = Cluster(max_hosts=4)
    chosen = set()
    for _ in range(20):
        cluster.service.order(4)
        cluster.env.run(until=cluster.env.now + 400)
        names = [task.name for task in cluster.service.tasks]
        cluster.service.order(3)
        cluster.env.run(until=cluster.env.now + 1)
        chosen.add(names.index(cluster.stopped[-1][0]))
    assert len(chosen) > 1


def test_a_provider_starts_two_from_zero() -> None:
    """When there are no instances it "always scales out to 200 %": two for one task (containers-roadmap 1716)."""
    cluster = Cluster(provider=True)
    cluster.service.order(1)
    cluster.env.run(until=61)
    assert len(cluster.cloud.hosts) == 2


def test_a_provider_keeps_an_empty_host_for_fifteen_minutes() -> None:
    """AlarmLow takes fifteen datapoints, which cannot be set (containers-roadmap 1220)."""
    cluster = Cluster(provider=True)
    cluster.service.order(2)
    cluster.env.run(until=600)
    cluster.service.order(0)
    cluster.env.run(until=600 + 15 * 60 - 1)
    assert len(cluster.cloud.hosts) == 2
    cluster.env.run(until=600 + 17 * 60)
    assert not cluster.cloud.hosts


def test_a_provider_warms_up_between_its_steps() -> None:
    """instanceWarmupPeriod, 300 s: a second step waits for it."""
    cluster = Cluster(provider=True)
    cluster.service.order(1)
    cluster.env.run(until=61)
    cluster.service.order(3)
    cluster.env.run(until=301)
    assert len(cluster.cloud.hosts) == 2
    cluster.env.run(until=421)
    assert len(cluster.cloud.hosts) == 3


def test_a_minute_is_billed_at_least() -> None:
    """EC2 bills by the second, and sixty of them at least."""
    cluster = Cluster()
    cluster.service.order(1)
    cluster.env.run(until=10)
    cluster.service.order(0)
    cluster.env.run(until=20)
    bill = cluster.book.bill
    assert (bill.hosts, bill.cold_s + bill.idle_s) == (1, 60)


def test_a_spot_notice_comes_two_minutes_before_the_end() -> None:
    """The task is stopped at the notice, as ECS's Spot draining does; another takes its place."""
    cluster = Cluster(purchase="spot")
    cluster.service.order(1)
    cluster.env.run(until=200)
    [host] = cluster.cloud.hosts
    cluster.cloud.storm(600)
    assert host.is_noticed
    cluster.env.run(until=500)
    assert cluster.stopped == [("aws-000", "spot")]
    [replacement] = cluster.cloud.hosts
    assert not replacement.is_spot, "there is no Spot to be had in a storm"
