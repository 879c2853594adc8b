"""A small Celery app whose workers tell what they do through files, for kombu's transport and for ours.

Everything it needs comes from its environment, as a real worker's settings do:
``BROKER_TRANSPORT``, ``BROKER_QUEUES`` (name=URL, comma separated) and
``BROKER_FOLDER``, where

- ``runs`` gets a line for each start and end of a task,
- ``go-<job>`` lets a task end that waits for it,
- ``break`` has the event loop lose its connection, once,
- ``closed`` closes the gate.
"""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps, signals
from celery.exceptions import Reject

import celeryconfig.local
from rugbytx import logs as worker_log
from rugbytx.aws.sqs.message import TASK
from rugbytx.broker import gate, transport

FOLDER = Path(os.environ["BROKER_FOLDER"])
QUEUES = dict(queue.split("=", 1) for queue in os.environ["BROKER_QUEUES"].split(","))
#: No task waits longer for its end.
PATIENCE_S = 120.0
LOOK_S = 0.05

# A hung receive ends after the second that it waits for a message, and these.
vars(transport)["ANSWER_S"] = 2

app = Celery("broker")
app.config_from_object(celeryconfig.local)
app.conf.update(
    broker_transport=os.environ["BROKER_TRANSPORT"],
    broker_transport_options={
        **celeryconfig.local.broker_transport_options,
        "wait_time_seconds": 1,
        "predefined_queues": {name: {"url": url} for name, url in QUEUES.items()},
    },
)


@app.task(name=TASK)
def work(**fields: Any) -> None:
    """Do what the first word of the job's id says."""
    job_id = fields["job_id"]
    tell("start", job_id)
    match job_id.split("-")[0]:
        case "leave":
            raise Reject("left to its visibility timeout", requeue=False)
        case "back":
            raise Reject("handed back", requeue=True)
        case "wait":
            until = time.monotonic() + PATIENCE_S
            while not (FOLDER / f"go-{job_id}").exists() and time.monotonic() < until:
                time.sleep(LOOK_S)
    tell("end", job_id)


def tell(*words: str) -> None:
    """Write a line; short appends of several processes do not mix (write(2), O_APPEND)."""
    with (FOLDER / "runs").open("a") as runs:
        runs.write(" ".join(words) + "\n")


class FileGate:
    """A gate that a file closes."""

    @property
    def reason(self) -> str:
        """Return whether the file is there."""
        return "file" if (FOLDER / "closed").exists() else "no-file"

    def is_open(self) -> bool:
        """Return whether it is not."""
        return not (FOLDER / "closed").exists()


class Breaker(bootsteps.StartStopStep):
    """Raises, on the event loop, what a lost connection raises there."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Look for the file from now on; Celery ends this with the connection and begins it with the next."""
        hub.call_repeatedly(LOOK_S, self._look)

    def _look(self) -> None:
        if (FOLDER / "break").exists():
            (FOLDER / "break").unlink()
            raise ConnectionResetError("as if the network had gone")


app.steps["consumer"].add(Breaker)


@signals.setup_logging.connect
def set_up_logging(loglevel: int | str, logfile: str | None, **_: Any) -> None:
    """Log as rugbytx's workers do, every field told."""
    worker_log.set_up(loglevel, logfile)


@signals.celeryd_init.connect
def prepare(**_: Any) -> None:
    """Hang up the gate."""
    gate.install(FileGate())
