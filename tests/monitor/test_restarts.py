"""Flower and its workers come and go, and leave nothing behind in SQS and SNS."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.event_queue import SqsEventQueue, event_queue
from rugbytx.local.system import LocalSystem
from rugbytx.upkeep.sweeper import sweep_once
from tests.monitor.conftest import PATIENCE_S, flower

pytestmark = pytest.mark.process

RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system that other commands can find."""
    with LocalSystem(jetson=0) as local:
        yield local


def left() -> tuple[list[str], list[object], list[object]]:
    """Return every queue, topic and subscription that there is."""
    import boto3

    sns = boto3.client("sns")
    return (
        sorted(client("sqs").list_queues().get("QueueUrls", [])),
        sns.list_topics()["Topics"],
        sns.list_subscriptions()["Subscriptions"],
    )


def events_of(system: LocalSystem) -> list[str]:
    """Return the kinds of the events that wait for somebody to watch."""
    queue = SqsEventQueue(client("sqs"), event_queue(system.settings.queue))
    kinds: list[str] = []
    while events := queue.receive(wait_s=1):
        kinds += [event["type"] for event in events]
    return kinds


def restart(system: LocalSystem, *, workers: int, kill: bool) -> None:
    """Start Flower and workers, have them meet, and end them, by force or by asking."""
    running = [system.start_worker(wait=False) for _ in range(workers)]
    for worker in running:
        worker.wait_ready(PATIENCE_S)
    with flower() as server:
        server.end(signal.SIGKILL if kill else signal.SIGTERM)
    for worker in running:
        if kill:
            worker.kill()
        system.stop_worker(worker)


def test_a_restart_leaves_nothing(system: LocalSystem) -> None:
    """Asked to go, or killed, Flower and a worker leave queues, topics and subscriptions as they were.

    A worker that goes says so, and its events were of tasks alone: nothing waits for whoever watches next.
    """
    before = left()
    restart(system, workers=1, kill=False)
    assert systems.connect(system.settings).store.workers.list() == []
    assert events_of(system) == []
    restart(system, workers=1, kill=True)
    assert left() == before


@pytest.mark.long
def test_ten_restarts_leave_nothing(system: LocalSystem) -> None:
    """Ten restarts of Flower and of three workers, half of them by kill -9, and one sweep."""
    before = left()
    for number in range(10):
        restart(system, workers=3, kill=bool(number % 2))
    connection = systems.connect(system.settings)
    sweep_once(connection.store, connection.queue)
    assert left() == before


def test_the_command_becomes_flower(system: LocalSystem) -> None:
    """``rugbytx monitor`` serves the pages of the system that it names, and ends when it is told to."""
    assert os.environ["AWS_ENDPOINT_URL"] == system.endpoint_url
    with flower(RUGBYTX, "monitor", "--port", "0", "--read-only") as server:
        assert system.endpoint_url in server.log
        assert server.end() == 0
