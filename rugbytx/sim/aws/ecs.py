"""An ECS service: its scheduler, task protection and its refusal, random victims, deployments."""

import math
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from simpy import Environment, Process

from rugbytx.sim.aws.ec2 import Instance
from rugbytx.sim.input.trace import UNKNOWN, Trace
from rugbytx.sim.recorder import Book

SCALE_IN, DEPLOYMENT = "scale-in", "deployment"
#: How long the service's scheduler takes to see a change; assumed.
LOOK_S = 1.0


@dataclass(eq=False, slots=True)
class EcsTask:
    """One task of the service."""

    number: int
    revision: int
    host: Instance | None = None
    process: Process | None = None
    #: When its protection from scale-in and deployments ends.
    protected_until: float = -math.inf
    #: When it last let go of its protection.
    unprotected_at: float = -math.inf
    is_stopping: bool = False

    @property
    def name(self) -> str:
        """Return the worker's name."""
        return f"aws-{self.number:03d}"


class Placement(Protocol):
    """Who finds hosts for tasks, and takes them back."""

    def place(self, task: EcsTask) -> None:
        """Find a host for a task, whenever; then call the service's ``start``."""

    def release(self, task: EcsTask) -> None:
        """Take back the host of a task that is gone, or forget that one was wanted."""


Life = Callable[[EcsTask], Generator[Any, Any, None]]


@dataclass(eq=False)
class EcsService:
    """A service of one task a host.  ``life`` is what a task does until it is stopped."""

    env: Environment
    book: Book
    luck: random.Random
    life: Life
    changed: Callable[[], None] = lambda: None
    trace: Trace = UNKNOWN
    placement: Placement = field(init=False)
    desired: int = 0
    tasks: list[EcsTask] = field(default_factory=list)
    revision: int = 1
    _count: int = 0
    _stopped: int = 0

    @property
    def running(self) -> int:
        """Return how many tasks run."""
        return sum(task.process is not None for task in self.tasks)

    @property
    def is_deploying(self) -> bool:
        """Return whether a task of an older revision is left."""
        return any(task.revision < self.revision for task in self.tasks)

    def order(self, desired: int) -> None:
        """Set the desired count, and move towards it."""
        self.desired = desired
        self._reconcile()

    def start(self, task: EcsTask, host: Instance) -> None:
        """Start a task on a host that is up."""
        task.host, host.on_loss = host, lambda cause: self._stop(task, cause)
        task.process = self.env.process(self._run(task))
        self.changed()

    def protect(self, task: EcsTask, for_s: float) -> bool:
        """Protect a task; refused where more would be protected than are desired (docs AWS: DEPLOYMENT_BLOCKED)."""
        others = sum(
            other.protected_until > self.env.now and not other.is_stopping
            for other in self.tasks
            if other is not task
        )
        if task.is_stopping or others >= self.desired:
            self.book.refusals += 1
            return False
        task.protected_until = self.env.now + for_s
        return True

    def unprotect(self, task: EcsTask) -> None:
        """Take the protection off; what waited for that comes as soon as the scheduler looks."""
        if task.protected_until > self.env.now:
            task.protected_until, task.unprotected_at = -math.inf, self.env.now
            self.env.timeout(LOOK_S).callbacks.append(lambda _: self._reconcile())

    def deploy(self) -> None:
        """Roll out a new revision.  Protected tasks go on until they take their protection off (docs AWS)."""
        self.revision += 1
        self._reconcile()

    def forget(self, task: EcsTask) -> None:
        """Drop a task whose host was lost before it started; another takes its place."""
        if task.process is None:
            self._gone(task)

    def _reconcile(self) -> None:
        for task in list(self.tasks):
            is_old = task.revision < self.revision
            if is_old and not task.is_stopping and task.protected_until <= self.env.now:
                self._stop(task, DEPLOYMENT)
        staying = [task for task in self.tasks if not task.is_stopping]
        for _ in range(self.desired - len(staying)):
            task = EcsTask(self._count, self.revision)
            self._count += 1
            self.tasks.append(task)
            self.placement.place(task)
        excess = len(staying) - self.desired
        if excess > 0:
            # Those that have not started go first; then chance decides, and protection alone is heeded.
            victims = [task for task in staying if task.process is None]
            unprotected = [task for task in staying if task.process and task.protected_until <= self.env.now]
            for task in (victims + list(self._by_chance(unprotected)))[:excess]:
                self._stop(task, SCALE_IN)
        self.changed()

    def _by_chance(self, tasks: list[EcsTask]) -> Iterator[EcsTask]:
        """Yield the tasks in the order in which they are stopped, as far as some are."""
        self.luck.shuffle(tasks)
        left = sorted(tasks, key=lambda task: task.unprotected_at) if self.trace.victims else tasks
        for number in range(self._stopped, self._stopped + len(tasks)):
            yield left.pop(min(self.trace.victim(number), len(left) - 1))

    def _stop(self, task: EcsTask, cause: str) -> None:
        if task.is_stopping:
            return
        task.is_stopping = True
        self._stopped += task.process is not None
        if task.process is not None and task.process.is_alive:
            task.process.interrupt(cause)
        elif task.process is None:
            self._gone(task)

    def _run(self, task: EcsTask) -> Generator[Any, Any, None]:
        yield from self.life(task)
        self._gone(task)

    def _gone(self, task: EcsTask) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
            if task.host:
                task.host.on_loss = None
            self.placement.release(task)
            self._reconcile()
