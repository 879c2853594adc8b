"""The Celery app and its one task: where a worker process is put together.

::

    main process                               pool child (one a slot)
    ────────────                               ───────────────────────
    receive, acknowledge (Celery, kombu)       the task: a lane, its heartbeat, its ffmpeg
    the sweep, in a thread                     dies with the main process, whatever kills it
"""

import ctypes
import logging
import os
import shutil
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Reject

from rugbytx import settings as settings_module
from rugbytx.aws.client import client
from rugbytx.aws.job_store import DynamoJobStore
from rugbytx.aws.queue import TASK, SqsQueue
from rugbytx.aws.storage import S3Storage
from rugbytx.core.job import Pointer
from rugbytx.errors import RugbytxError
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker import log as worker_log
from rugbytx.worker.lane import Ending, Lane
from rugbytx.worker.sweeper import Sweeper

log = logging.getLogger(__name__)

#: prctl's PR_SET_PDEATHSIG (linux/prctl.h).
PR_SET_PDEATHSIG = 1


@cache
def settings() -> Settings:
    """Return this process's settings, read once."""
    return settings_module.read()


@cache
def ports() -> Ports:
    """Return this process's ports; after a fork the child makes its own."""
    chosen = settings()
    return Ports(
        store=DynamoJobStore(chosen.table),
        queue=SqsQueue(client("sqs"), chosen.queue),
        storage=S3Storage(client("s3")),
        media=FfmpegMedia(ffmpeg=chosen.ffmpeg, ffprobe=chosen.ffprobe, preset=chosen.x264_preset),
    )


def celery_config() -> str:
    """Return the module of Celery's own keys for this host; a wrong setting ends the process with a sentence."""
    try:
        chosen = settings()
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    return f"celeryconfig.{chosen.celery_config or chosen.worker_class}"


app = Celery("rugbytx")
app.config_from_object(celery_config())


@app.task(bind=True, name=TASK)
def transcode(task: Task[Any, Any], /, **fields: Any) -> None:
    """Run a lane for one message.

    Returning acknowledges the message.  Whatever the lane could not settle with
    the store goes back to the queue, so that nothing is lost with it.
    """
    pointer = Pointer.model_validate(fields)
    worker = str(task.request.hostname)
    lane = Lane(
        ports=ports(),
        settings=settings(),
        worker=worker,
        scratch=scratch_of(worker) / str(os.getpid()),
    )
    try:
        ending = lane.run(pointer, receipt_of(task))
    except RugbytxError as error:
        log.warning("lane-unsettled", extra={"job_id": pointer.job_id, "reason": str(error)})
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        log.exception("lane-broke", extra={"job_id": pointer.job_id})
        raise Reject(str(error), requeue=True) from error
    if ending is Ending.HAND_BACK:
        raise Reject("handed back", requeue=True)


def receipt_of(task: Task[Any, Any]) -> str:
    """Return the message's SQS receipt handle: kombu keeps it as the delivery tag."""
    properties: dict[str, Any] = task.request.properties or {}
    return str(properties["delivery_tag"])


def scratch_of(worker: str) -> Path:
    """Return the folder of one worker on the scratch disk."""
    return settings().scratch / worker.replace("/", "-")


@signals.celeryd_init.connect
def prepare(sender: str, conf: Any, **_: Any) -> None:
    """Check the settings and point Celery's queue at the physical one, before anything connects."""
    try:
        for sentence in settings_module.unknown():
            log.warning("unknown-setting", extra={"reason": sentence})
        url = SqsQueue(client("sqs"), settings().queue).url
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    waiting = {} if settings().poll_wait_s is None else {"wait_time_seconds": settings().poll_wait_s}
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        **waiting,
        "predefined_queues": {conf.task_default_queue: {"url": url}},
    }
    # What a killed predecessor of the same name left behind.
    shutil.rmtree(scratch_of(sender), ignore_errors=True)


@signals.setup_logging.connect
def set_up_logging(loglevel: int | str, logfile: str | None, **_: Any) -> None:
    """Log JSON lines to files and pipes, and readable lines to a terminal."""
    worker_log.set_up(loglevel, logfile)


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Begin a pool child: no connection is shared across the fork, and it dies with the main process."""
    ports.cache_clear()
    die_with_parent()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent goes: nobody could acknowledge its lane."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent or parent == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def sweeper() -> Sweeper:
    """Return the main process's sweep."""
    return Sweeper(store=ports().store, queue=ports().queue, sweep_s=settings().sweep_s)


@signals.worker_ready.connect
def start_sweep(sender: Any, **_: Any) -> None:
    """Start the sweep once the pool is up: its thread must not be forked."""
    sweeper().start(owner=str(sender.hostname))


@signals.worker_shutdown.connect
def stop_sweep(**_: Any) -> None:
    """Stop the sweep before the process goes."""
    sweeper().stop()
