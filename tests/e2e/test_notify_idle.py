"""Nobody at work, and somebody to be told all the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rugbytx import system as systems
from rugbytx.control import job as control
from rugbytx.local.system import LocalSystem
from tests.connection import make_job
from tests.e2e.conftest import WAIT_S
from tests.receiver import Receiver, served

pytestmark = pytest.mark.process

#: Each takes longer than store times differ.
TICKS = 5


def test_the_autoscaler_tells_while_no_worker_lives() -> None:
    """A job that was cancelled with nobody at work is told of by a tick, as a function or a command has it."""
    receiver = Receiver()
    with LocalSystem(jetson=0, aws_max=1) as system, served(receiver):
        connection = systems.connect(system.settings)
        url = f"http://127.0.0.1:{receiver.port}/hook"
        job = connection.store.jobs.create(make_job(notify=frozenset({url})))
        control.cancel(job.id, connection)
        # No gate is asked and nothing is encoded: the command ends when it has told.  Its store time may be a second
        # behind ours, by which the errand is not due yet: the next tick finds it.
        for _ in range(TICKS):
            done = subprocess.run(
                [str(Path(sys.executable).with_name("rugbytx")), "autoscale", "--once"],
                capture_output=True,
                text=True,
                check=False,
                timeout=WAIT_S,
            )
            assert done.returncode == 0, done.stderr
            if receiver.seen:
                break
    ((_, _, body),) = receiver.seen
    assert json.loads(body)["type"] == "job.cancelled"
