"""What people do by commands, each signing as the operator: to look, and then to act."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rugbytx import system
from rugbytx.aws.sqs.event_queue import SqsEventQueue, event_queue
from rugbytx.cli.app import app
from rugbytx.local.resources import dead_letter_queue
from rugbytx.monitor.cache import SystemCache
from rugbytx.settings import read
from tests.deploy.component import client
from tests.deploy.conftest import Deployed
from tests.deploy.template import STACKS
from tests.footage import film


@contextmanager
def _signing(deployed: Deployed) -> Iterator[None]:
    """Give this process the operator's environment."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in deployed.variables("operator").items():
            if name.startswith(("AWS_", "RUGBYTX_", "XDG_")):
                patched.setenv(name, value)
        yield


def _run(deployed: Deployed, commands: list[list[str]]) -> None:
    """Run commands one after the other, in this process: to start one each time would take the longest."""
    with _signing(deployed):
        for words in commands:
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, (words, done.output, done.exception)


def look(deployed: Deployed, finished: dict[str, Any]) -> None:
    """Look at a job that has ended, and at the system; nothing is changed."""
    job = finished["job_id"]
    stacks = [word for name in ("data", "control") for word in ("--from-stack", STACKS[name])]
    _run(
        deployed,
        [
            ["env", *stacks],
            *(
                ["list"],
                ["workers"],
                ["report"],
                ["cost"],
                ["metrics"],
                ["webhooks", "list"],
            ),
            *([name, job] for name in ("status", "url", "logs", "watch")),
            ["verify", job, "--quick"],
        ],
    )


def act(deployed: Deployed, finished: dict[str, Any], folder: Path) -> None:
    """Submit, steer, and take away; ask the autoscaler, and watch as Flower does."""
    job = finished["job_id"]
    sqs = client(deployed, "sqs")
    dead = sqs.get_queue_url(QueueName=dead_letter_queue(deployed.settings["RUGBYTX_QUEUE"]))["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="rubbish")
    mine = film(folder / "mine.mp4", length_s=1.0)
    _run(
        deployed,
        [
            ["submit", str(mine), "--profile", "clip"],
            *([name, job] for name in ("bump", "unbump", "cancel", "retry", "cancel", "rm")),
            *(["pause", "aws"], ["resume", "aws"]),
            *(["dlq", "list"], ["dlq", "redrive"]),
            *(["queue"], ["scaling", "show"], ["autoscale", "--once", "--explain"]),
        ],
    )
    with _signing(deployed):
        SystemCache(system.connect(read())).summary()
    events = event_queue(deployed.settings["RUGBYTX_QUEUE"])
    SqsEventQueue(client(deployed, "sqs", principal="jetson"), events).send([{"type": "task-started"}])
    SqsEventQueue(client(deployed, "sqs", principal="operator"), events).receive(wait_s=1)
