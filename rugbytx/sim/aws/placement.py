"""Where hosts for tasks come from: an ECS capacity provider, or one host for each task."""

from dataclasses import dataclass, field

from simpy import Environment, Event

from rugbytx.sim.aws.ec2 import Cloud, Instance
from rugbytx.sim.aws.ecs import EcsService, EcsTask
from rugbytx.sim.input.assumptions import Figures

#: "When there are no instances, it always scales out to 200 %" (docs AWS: managed scaling): two, even for one task.
FROM_ZERO = 2


@dataclass(eq=False)
class OwnHost:
    """Each task has a host of its own, which ends soon after it: what a fleet without a provider's alarms can do."""

    env: Environment
    figures: Figures
    cloud: Cloud
    service: EcsService
    _hosts: dict[int, Instance] = field(default_factory=dict)

    def place(self, task: EcsTask) -> None:
        """Launch a host for the task."""

        def ready(host: Instance) -> None:
            self.service.start(task, host)

        host = self._hosts[task.number] = self.cloud.launch(ready)
        # A Spot host that is taken before it is up takes the place of its task with it.
        host.on_loss = lambda _: self.service.forget(task)

    def release(self, task: EcsTask) -> None:
        """End the task's host."""
        host = self._hosts.pop(task.number)
        wait_s = self.figures.leave_s if host.is_ready else 0.0
        self.env.timeout(wait_s).callbacks.append(lambda _: self.cloud.end(host))


@dataclass(eq=False)
class CapacityProvider:
    """Managed scaling by the metric CapacityProviderReservation.  Somebody calls ``evaluate`` once a minute."""

    env: Environment
    figures: Figures
    cloud: Cloud
    service: EcsService
    _pending: list[EcsTask] = field(default_factory=list)
    _scaled_at: float = -1e9
    _low_since: float | None = None

    def place(self, task: EcsTask) -> None:
        """Take a host that is up and free, or wait for one."""
        self._pending.append(task)
        self._assign()

    def release(self, task: EcsTask) -> None:
        """Leave the host for the next task."""
        if task in self._pending:
            self._pending.remove(task)
        if task.host:
            task.host.is_taken = False
        self._assign()

    def evaluate(self, now: float) -> None:
        """Look at both alarms: one datapoint to scale out, fifteen to scale in (aws/containers-roadmap 638, 1220)."""
        usable = [host for host in self.cloud.hosts if not host.is_noticed]
        needed = len(self._pending) + sum(host.is_taken for host in usable)
        most = self.figures.max_hosts
        if needed > len(usable) and len(usable) < most:
            self._low_since = None
            if now - self._scaled_at >= self.figures.provider_warm_up_s:
                self._scaled_at = now
                wanted = FROM_ZERO if not usable else needed
                for _ in range(min(most, wanted) - len(usable)):
                    self.cloud.launch(lambda _: self._assign())
        elif needed < len(usable):
            if self._low_since is None:
                self._low_since = now
            if now - self._low_since >= self.figures.provider_tail_s:
                # Managed termination protection: a host with a task is never ended.
                free = [host for host in usable if not host.is_taken]
                for host in free[: len(usable) - needed]:
                    self.cloud.end(host)
                self._low_since = None
        else:
            self._low_since = None

    def _assign(self) -> None:
        for task in list(self._pending):
            host = next(
                (
                    instance
                    for instance in self.cloud.hosts
                    if instance.is_ready and not instance.is_taken and not instance.is_noticed
                ),
                None,
            )
            if host is None:
                return
            host.is_taken = True
            self._pending.remove(task)
            is_warm = self.env.now > host.launched_at + host.cold_s
            self._start_later(task, host, self.figures.task_start_s if is_warm else 0.0)

    def _start_later(self, task: EcsTask, host: Instance, delay_s: float) -> None:
        task.host = host

        def start(_: Event) -> None:
            if host.is_gone or host.is_noticed:
                self.service.forget(task)
            elif not task.is_stopping:
                self.service.start(task, host)

        self.env.timeout(delay_s).callbacks.append(start)
