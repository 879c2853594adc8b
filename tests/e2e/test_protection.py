"""A worker that is an ECS task is protected from the receive to the acknowledgement, or it does not receive."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.fleet.circuit_breaker import FaultKind
from rugbytx.core.job.dead_letter import Depth
from rugbytx.core.job.job import Status
from rugbytx.local.agent import Agents
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from rugbytx.media.encode.faults import Faults
from tests.e2e.conftest import WAIT_S
from tests.processes import descendants

pytestmark = pytest.mark.process

TASK = "task-1"
BLOCKED = {
    "failure": {"Arn": "arn:aws:ecs:eu-west-1:1:task/t", "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}
}


@pytest.fixture
def agents() -> Iterator[Agents]:
    """Return the agent of one task."""
    with Agents() as running:
        yield running


def wait_until(holds: Callable[[], bool], worker: LocalWorker) -> None:
    """Return once something holds."""
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until, worker.log_tail()
        assert not worker.has_ended(), worker.log_tail()
        time.sleep(0.02)


def test_it_is_protected_while_it_has_a_message(system: LocalSystem, agents: Agents, clip: Path) -> None:
    """No receive on a refusal; refreshed in time; released after the acknowledgement and not before."""
    connection = systems.connect(system.settings)
    agents.trouble = (200, BLOCKED)
    agents.most_s = 4.0
    # Of class jetson, so that nothing but what is tested here closes its gate.
    worker = system.start_worker(
        ECS_AGENT_URI=agents.enrol(TASK),
        RUGBYTX_VIEW_S="0.2",
        RUGBYTX_SWEEP_S="3600",
        RUGBYTX_CHECK_S="0",
        RUGBYTX_READ_RATE="2",  # however fast this machine is, six seconds of film take three
    )
    job = intake.accept(intake.Request(source=str(clip)), connection).job
    wait_until(lambda: len(agents.asked) >= 2, worker)
    assert connection.queue.depth() == Depth(visible=1, in_flight=0), "nothing was received"
    wait_until(lambda: '"protection-refused"' in worker.log.read_text(), worker)
    assert not connection.store.units.read(job.id, job.generation)

    agents.trouble = None
    wait_until(lambda: bool(descendants(worker.pid, "ffmpeg", "libx264", "/unit/")), worker)
    [encoder] = descendants(worker.pid, "ffmpeg", "libx264", "/unit/")
    os.kill(encoder, signal.SIGSTOP)  # the unit lasts as long as is looked at it
    assert TASK in agents.protected(), "before it received"
    asked = len(agents.asked)
    wait_until(lambda: len(agents.asked) > asked, worker)
    agents.most_s = None
    asked = len(agents.asked)
    wait_until(lambda: len(agents.asked) > asked, worker)

    # An encoder that is broken closes the gate; the lane's own process does not look.
    Faults(system.settings.scratch / f"faults-{worker.pid}.jsonl").add(FaultKind.UNFIT, "no driver")
    wait_until(lambda: '"encoder-unfit"' in worker.log.read_text(), worker)
    asked = len(agents.asked)
    assert TASK in agents.protected(), "at work behind a closed gate"
    os.kill(encoder, signal.SIGCONT)
    wait_until(lambda: TASK not in agents.protected(), worker)
    assert list(agents.asked)[asked:] == [(TASK, 0)]
    ended = connection.store.jobs.read(job.id)
    assert ended
    assert ended.status is Status.SUCCEEDED
    assert connection.queue.depth() == Depth(visible=0, in_flight=0), "acknowledged before"
    system.stop_worker(worker)
