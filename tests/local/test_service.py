"""ECS's scheduler on this machine: the desired count, a cold start, and victims by chance."""

import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rugbytx.aws.ecs.task_agent import Agent
from rugbytx.errors import HostUnfit, Unreachable
from rugbytx.local.agent import Agents
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.service import MOST_CRASHES, STOP_S, LocalService
from tests.fakes.clock import Clock
from tests.processes import ends, watched

pytestmark = pytest.mark.process

COLD_START_S = 180.0
IDLE = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x ready.', flush=True); {IDLE}"


class Bench:
    """A service of idle processes, with a clock of its own."""

    def __init__(self, folder: Path, agents: Agents) -> None:
        self.clock = Clock()
        self.agents = agents
        self.folder = folder
        self.desired: int | None = 0
        self.script = IDLE
        self.noted = (0, 0)
        self.agent_of: dict[LocalWorker, Agent] = {}
        self.service = LocalService(
            agents=agents,
            desired=self.tell,
            on_counts=self.note,
            start=self.start,
            cold_start_s=COLD_START_S,
            most=4,
            chance=random.Random(7),  # noqa: S311  no secret
            monotonic=self.clock,
        )

    def tell(self) -> int:
        """Return the desired count, unless it cannot be read."""
        if self.desired is None:
            raise Unreachable("ECS does not answer")
        return self.desired

    def note(self, running: int, pending: int) -> None:
        """Keep what is told."""
        self.noted = (running, pending)

    def start(self, uri: str) -> LocalWorker:
        """Start a process where a worker would be."""
        name = f"aws-{len(self.agent_of) + 1}"
        argv = [sys.executable, "-c", self.script]
        worker = LocalWorker(name, argv, environ={}, log=self.folder / name)
        self.agent_of[worker] = Agent(uri)
        return worker

    def reach(self, count: int) -> list[LocalWorker]:
        """Have so many tasks run."""
        self.desired = count
        self.service.reconcile()
        self.clock.advance(COLD_START_S)
        self.service.reconcile()
        return self.service.workers

    def wait_gone(self, worker: LocalWorker) -> None:
        """Wait until a process has ended, and have the scheduler see it."""
        with suppress(ProcessLookupError), watched(worker.pid) as process:  # an earlier look may have seen it
            assert ends(process, within_s=30.0)
        self.service.reconcile()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a service of no tasks."""
    with Agents() as agents:
        bench = Bench(tmp_path, agents)
        yield bench
        for worker in bench.service.workers:
            worker.kill()
        bench.service.stop()


def test_tasks_run_after_the_cold_start(bench: Bench) -> None:
    """And not before; no more than there is room for."""
    assert bench.service.reconcile() == []
    bench.desired = 9
    assert len(bench.service.reconcile()) == 4
    assert (bench.service.workers, bench.noted) == ([], (0, 4))
    bench.clock.advance(COLD_START_S - 1)
    bench.service.reconcile()
    assert bench.noted == (0, 4)
    bench.clock.advance(1)
    assert len(bench.service.reconcile()) == 4
    assert (len(bench.service.workers), bench.noted) == (4, (4, 0))


def test_the_last_count_holds_while_none_can_be_read(bench: Bench) -> None:
    """Nobody is stopped or started for an answer that did not come."""
    [worker] = bench.reach(1)
    bench.desired = None
    assert bench.service.reconcile() == []
    assert (bench.service.workers, bench.noted) == ([worker], (1, 0))


def test_what_has_not_started_is_taken_back(bench: Bench) -> None:
    """Without a process ever having been there."""
    bench.desired = 2
    bench.service.reconcile()
    bench.desired = 0
    bench.service.reconcile()
    assert (bench.service.tasks, bench.noted) == ([], (0, 0))


def test_only_who_is_not_protected_is_stopped(bench: Bench) -> None:
    """Whoever that is; the others go once they let go."""
    workers = bench.reach(3)
    busy = workers[1]
    assert not bench.agent_of[busy].protect(lasts_s=600).refusal
    bench.desired = 0
    bench.service.reconcile()
    for worker in (workers[0], workers[2]):
        bench.wait_gone(worker)
    assert (bench.service.workers, bench.noted) == ([busy], (1, 0))
    assert not busy.has_ended()
    bench.agent_of[busy].release()
    bench.service.reconcile()
    bench.wait_gone(busy)
    assert bench.noted == (0, 0)


def test_victims_are_chosen_by_chance(bench: Bench) -> None:
    """As ECS does: neither the oldest nor the youngest."""
    chosen = set()
    for _ in range(20):
        bench.desired = 4
        bench.service.reconcile()
        before = [task.name for task in bench.service.tasks]
        bench.desired = 3
        bench.service.reconcile()
        after = {task.name for task in bench.service.tasks}
        chosen.add(next(number for number, name in enumerate(before) if name not in after))
    assert len(chosen) > 1


def test_protection_is_refused_to_more_than_are_wanted(bench: Bench) -> None:
    """So a worker that is about to be stopped receives nothing more."""
    one, two = bench.reach(2)
    bench.agent_of[one].protect(lasts_s=600)
    bench.desired = 1
    bench.service.reconcile()
    assert bench.agent_of[two].protect(lasts_s=600).refusal == "TASK_NOT_VALID"
    bench.wait_gone(two)


def test_who_ends_by_itself_is_replaced(bench: Bench) -> None:
    """After a cold start, like any other task."""
    bench.script = "raise SystemExit(0)"
    [first] = bench.reach(1)
    bench.script = IDLE
    bench.wait_gone(first)
    assert bench.noted == (0, 1)
    bench.clock.advance(COLD_START_S)
    bench.service.reconcile()
    assert bench.noted == (1, 0)
    assert bench.service.workers != [first]


def test_workers_that_crash_again_and_again_are_an_error(bench: Bench) -> None:
    """With the last words of the last of them."""
    bench.script = "raise SystemExit('no such broker')"
    for _ in range(MOST_CRASHES):
        [worker] = bench.reach(1)
        bench.wait_gone(worker)
    [last] = bench.reach(1)
    with pytest.raises(HostUnfit, match="no such broker"):
        bench.wait_gone(last)


def test_a_task_that_does_not_stop_is_killed(bench: Bench) -> None:
    """After the time that ECS gives it."""
    bench.script = DEAF
    [worker] = bench.reach(1)
    worker.wait_ready()
    bench.desired = 0
    bench.service.reconcile()
    bench.clock.advance(STOP_S - 1)
    bench.service.reconcile()
    assert not worker.has_ended()
    bench.clock.advance(1)
    bench.service.reconcile()
    bench.wait_gone(worker)
    assert bench.service.tasks == []
