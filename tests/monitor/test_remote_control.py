"""Remote control by the real ``celery`` command, and what it leaves behind in SQS and SNS."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.control_queue import SqsMailboxes
from rugbytx.broker.control import OFF
from rugbytx.core import mailbox
from rugbytx.local.fleet import Worker
from rugbytx.local.system import LocalSystem
from rugbytx.upkeep.sweeper import sweep_mailboxes
from tests.monitor.conftest import PATIENCE_S
from tests.monitor.test_restarts import left

pytestmark = pytest.mark.process

ON = {"RUGBYTX_REMOTE_CONTROL": "on"}


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system that other commands can find."""
    with LocalSystem(jetson=0) as local:
        yield local


def celery(*arguments: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Run a control command."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "rugbytx", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, **changed},
    )


@pytest.fixture
def boxes(system: LocalSystem) -> SqsMailboxes:
    """Return the queues for control messages."""
    del system
    return SqsMailboxes(client("sqs"))


def started(system: LocalSystem, count: int) -> list[Worker]:
    """Return workers that hear control messages: each has a queue for them."""
    prefix, boxes = mailbox.control_prefix(system.settings.queue), SqsMailboxes(client("sqs"))
    before = len(boxes.names(prefix))
    running = [system.start_worker(wait=False, **ON) for _ in range(count)]
    for worker in running:
        worker.wait_ready(PATIENCE_S)
    until = time.monotonic() + PATIENCE_S
    while len(boxes.names(prefix)) < before + count:
        assert time.monotonic() < until, running[-1].log_tail()
        time.sleep(0.05)
    return running


def swept(system: LocalSystem, boxes: SqsMailboxes) -> int:
    """Sweep as a worker does that finds nobody else alive, once all that is there is old; return how many went."""
    later = systems.connect(system.settings).store.now() + max(mailbox.START_S, mailbox.QUESTION_S) + 60
    return sweep_mailboxes(boxes, system.settings.queue, living=(), now=later)


def test_celery_asks_and_stops_workers(system: LocalSystem, boxes: SqsMailboxes) -> None:
    """``status`` and ``inspect`` see each worker, ``control shutdown`` ends one, and no other command is taken.

    A sweep takes away what a killed worker leaves behind.
    """
    before = left()
    first, second = started(system, 2)
    pinged = json.loads(celery("inspect", "--json", "ping", **ON).stdout)
    assert sorted(pinged.values(), key=str) == [{"ok": "pong"}] * 2
    names = {
        worker: name for name in pinged for worker in (first, second) if name.startswith(f"{worker.name}@")
    }
    stats = json.loads(celery("inspect", "--json", "-d", names[second], "stats", **ON).stdout)
    assert stats[names[second]]["pid"] == second.pid
    assert set(stats) == {names[second]}
    answer = celery("control", "pool_grow", "1", **ON)
    assert answer.returncode != 0
    assert "not taken by remote control" in answer.stdout + answer.stderr
    told = json.loads(celery("control", "--json", "-d", names[first], "shutdown", **ON).stdout)
    assert told == [{names[first]: {"ok": "it leaves, as on SIGTERM"}}]
    until = time.monotonic() + PATIENCE_S
    while not first.has_ended():
        assert time.monotonic() < until, first.log_tail()
        time.sleep(0.05)
    assert first.exit_code == 0, first.log_tail()
    second.kill()
    for worker in (first, second):
        system.stop_worker(worker)
    # The killed one's; and the other's, where the machine was too busy to delete it before the worker had to go.
    assert 1 <= swept(system, boxes) <= 2
    assert left() == before


def test_it_is_off_unless_switched_on(system: LocalSystem) -> None:
    """A worker makes no queue for it, and who asks is told in a sentence where to look instead."""
    before = left()
    worker = system.start_worker(wait=False)
    worker.wait_ready(PATIENCE_S)
    answer = celery("inspect", "ping")
    assert answer.returncode != 0
    assert OFF in answer.stdout + answer.stderr
    system.stop_worker(worker)
    assert left() == before


@pytest.mark.long
def test_ten_restarts_with_remote_control_leave_nothing(system: LocalSystem, boxes: SqsMailboxes) -> None:
    """Ten restarts of three workers, half of them by kill -9, asked in between, and one sweep."""
    before = left()
    for number in range(10):
        running = started(system, 3)
        pinged = json.loads(celery("inspect", "--json", "ping", **ON).stdout)
        assert len(pinged) == len(running)
        for worker in running:
            if number % 2:
                worker.kill()
            system.stop_worker(worker)
    assert 15 <= swept(system, boxes) <= 30
    assert left() == before
