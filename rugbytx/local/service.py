"""ECS's scheduler for one service on this machine: it brings the tasks to the desired count.

::

    desired count rises ─► a task is PENDING for the cold start ─► RUNNING: a real worker
    desired count falls ─► tasks that are not protected, by chance ─► SIGTERM ─► SIGKILL after 30 s
    a task ends by itself ─► another takes its place, after a cold start of its own

ECS does not know which task is at work, and neither does this.  A task can be
started only from the main thread (see ``fleet.LocalWorker``), so nothing happens but
in ``look``.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from rugbytx.errors import HostUnfit, Unreachable
from rugbytx.local.agent import Agents
from rugbytx.local.fleet import LocalWorker
from rugbytx.worker.shutdown.drain import EXIT_CUT_SHORT

log = logging.getLogger(__name__)

#: From SIGTERM to SIGKILL: ECS's default on EC2.
STOP_S = 30.0
#: How many crashed workers end the local system.
MOST_CRASHES = 5


@dataclass(kw_only=True)
class LocalTask:
    """One task of the service."""

    name: str
    #: When its host is there and its image fetched.
    starts_at: float
    agent_uri: str
    worker: LocalWorker | None = None
    #: When it is killed, once it was told to stop.
    killed_at: float | None = None


class LocalService:
    """The tasks of the service."""

    def __init__(  # noqa: PLR0913  what it reads, what it moves, and its own parameters
        self,
        *,
        agents: Agents,
        desired: Callable[[], int],
        on_counts: Callable[[int, int], None],
        start: Callable[[str], LocalWorker],
        cold_start_s: float,
        most: int,
        chance: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``start`` runs a worker with an ``ECS_AGENT_URI``; ``on_counts`` is told how many tasks run and wait."""
        self._agents = agents
        self._desired = desired
        self._on_counts = on_counts
        self._start = start
        self._cold_start_s = cold_start_s
        self._most = most
        self._chance = chance or random.Random()  # noqa: S311  no secret
        self._monotonic = monotonic
        self._ordered = 0
        self._crashes = 0
        self.tasks: list[LocalTask] = []

    @property
    def workers(self) -> list[LocalWorker]:
        """Return the workers of the tasks that run, or are being stopped."""
        return [task.worker for task in self.tasks if task.worker]

    def reconcile(self) -> list[str]:
        """Do once what the scheduler does all the time; return a sentence for each thing done.

        While the desired count cannot be read the last one holds.  Raises
        HostUnfit once workers have crashed too often.
        """
        try:
            self._agents.desired = min(self._desired(), self._most)
        except Unreachable as error:
            log.warning("desired-count-unknown", extra={"reason": str(error)})
        done = [*self._bury(), *self._scale(self._agents.desired or 0), *self._begin()]
        live = [task for task in self.tasks if task.killed_at is None]
        running = sum(task.worker is not None for task in live)
        self._on_counts(running, len(live) - running)
        return done

    def stop(self) -> None:
        """End all tasks; in the end nothing of them is left."""
        for worker in self.workers:
            worker.ask_to_stop()
        while self.tasks:
            self._forget(self.tasks[-1])

    def _scale(self, wanted: int) -> list[str]:
        """Order tasks that are missing, or choose victims among those that are too many."""
        live = [task for task in self.tasks if task.killed_at is None]
        if wanted >= len(live):
            return [self._order() for _ in range(wanted - len(live))]
        self._chance.shuffle(live)
        victims: list[LocalTask] = []
        for task in live:
            if len(victims) < len(live) - wanted and self._agents.choose(task.name):
                victims.append(task)
        return [self._dismiss(task) for task in victims]

    def _order(self) -> str:
        self._ordered += 1
        name = f"task-{self._ordered}"
        task = LocalTask(
            name=name,
            starts_at=self._monotonic() + self._cold_start_s,
            agent_uri=self._agents.enrol(name),
        )
        self.tasks.append(task)
        return f"ECS orders {task.name}; it starts in {self._cold_start_s:g} s."

    def _dismiss(self, task: LocalTask) -> str:
        if task.worker is None:
            self._forget(task)
            return f"ECS no longer wants {task.name}, which has not started."
        task.killed_at = self._monotonic() + STOP_S
        task.worker.ask_to_stop()
        return f"ECS stops {task.name} ({task.worker.name})."

    def _begin(self) -> list[str]:
        """Start the tasks whose cold start is over."""
        done = []
        for task in self.tasks:
            if task.worker is None and self._monotonic() >= task.starts_at:
                task.worker = self._start(task.agent_uri)
                done.append(f"{task.name} runs as {task.worker.name}; its log: {task.worker.log}")
        return done

    def _bury(self) -> list[str]:
        """Forget tasks that have ended, and kill those that were to end and do not."""
        done = []
        for task in list(self.tasks):
            if task.worker is None:
                continue
            if task.worker.has_ended():
                code = task.worker.exit_code
                self._forget(task)  # first: with that its log is whole
                if task.killed_at is None and code not in {0, EXIT_CUT_SHORT}:
                    self._count_crash(task.worker)
                done.append(f"{task.name} ({task.worker.name}) has ended with status {code}.")
            elif task.killed_at is not None and self._monotonic() >= task.killed_at:
                task.worker.kill()
        return done

    def _count_crash(self, worker: LocalWorker) -> None:
        self._crashes += 1
        if self._crashes > MOST_CRASHES:
            raise HostUnfit(
                f"Workers died {self._crashes} times. The log of {worker.name} ends:\n{worker.log_tail()}"
            )

    def _forget(self, task: LocalTask) -> None:
        self.tasks.remove(task)
        if task.worker:
            task.worker.stop()
        self._agents.dismiss(task.name)
