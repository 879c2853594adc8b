"""The Celery app and its one task: where a worker process begins and ends.  What it works with is a ``WorkerProcess``.

::

    main process                               pool child (one a slot)
    ────────────                               ───────────────────────
    receive, acknowledge (Celery, kombu)       the task: a lane, its heartbeat, its ffmpeg
    the sweep and the gate's view, in threads  dies with the main process, whatever kills it

Importing this reads no setting: Celery asks for its keys when it first needs
one, and the rest is made in its hooks.
"""

import logging
import os
import sys
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Reject

from rugbytx import settings as settings_module
from rugbytx import temporary
from rugbytx.aws.client import client
from rugbytx.aws.sqs.message import TASK
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.broker import event, gate, incoming
from rugbytx.core.job.job import Pointer
from rugbytx.errors import RecordUnreadable, RugbytxError, WrittenByNewer
from rugbytx.logs import set_up_logging
from rugbytx.settings import Settings
from rugbytx.worker.delivery import delivery_of
from rugbytx.worker.lane.lane import Lane
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.main_process import MainProcess
from rugbytx.worker.process import WorkerProcess
from rugbytx.worker.shutdown import drain
from rugbytx.worker.shutdown.drain import Notice
from rugbytx.worker.shutdown.watchdog import Alive

log = logging.getLogger(__name__)


class WorkerApp(Celery):
    """Celery's app, which carries what its process works with from hook to hook and to the tasks."""

    #: What this process works with; without it in a process that is no worker.
    worker_process: WorkerProcess
    #: The threads, in a main process.
    main_process: MainProcess


app = WorkerApp(
    "rugbytx",
    events="rugbytx.broker.event:Events",
    control="rugbytx.broker.control:Control",
    include=["rugbytx.worker.legacy_task"],
)
signals.setup_logging.connect(set_up_logging)


@app.on_configure.connect
def configure(sender: Celery, **_: Any) -> None:
    """Choose Celery's own keys for this host, once Celery asks for the first of them."""
    settings = _settings()
    sender.config_from_object(f"celeryconfig.{settings.celery_config or settings.worker_class}")


def _settings() -> Settings:
    """Return this host's settings; a wrong one ends the process with a sentence.

    Not by an error: Celery logs what its hooks raise, and goes on.
    """
    try:
        return settings_module.read()
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")


@app.task(bind=True, name=TASK)
def transcode(task: Task[Any, Any], /, **fields: Any) -> None:
    """Run a lane for one message.

    Returning acknowledges it; whatever the lane could not settle with the store goes back to the queue.
    """
    pointer, process = Pointer.model_validate(fields), app.worker_process
    lane = Lane(
        ports=process.ports,
        settings=process.settings,
        worker=process.name,
        scratch=process.scratch,
        notice=process.notice,
        speeds=process.speeds,
    )
    try:
        with process.notice.heard():
            delivery = delivery_of(task)
            ending = lane.run(pointer, delivery)
            if ending is Ending.HAND_BACK and process.notice.asked:
                # At once, and from here: the main process may have no time left for it.
                process.ports.queue.extend(delivery.receipt, visibility_s=0)
    except (WrittenByNewer, RecordUnreadable) as error:
        # Hidden, and not shown at once: who knows that version is to have it, and this worker other messages.
        log.warning("lane-unsettled", extra={"job_id": pointer.job_id, "reason": str(error)})
        raise Reject(str(error), requeue=False) from error
    except RugbytxError as error:
        log.warning("lane-unsettled", extra={"job_id": pointer.job_id, "reason": str(error)})
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        log.exception("lane-broke", extra={"job_id": pointer.job_id})
        raise Reject(str(error), requeue=True) from error
    if ending is Ending.HAND_BACK:
        raise Reject("handed back", requeue=True)


@signals.celeryd_init.connect
def prepare(sender: Any, conf: Any, **_: Any) -> None:
    """Make what the main process works with, and point Celery's queue at the physical one, before anything connects."""
    settings = _settings()
    app.worker_process = WorkerProcess(
        name=str(sender), settings=settings, notice=Notice(), main_pid=os.getpid()
    )
    try:
        temporary.use(settings.scratch)
        sqs = client("sqs")
        url = SqsQueue(sqs, settings.queue).url
        app.main_process = MainProcess(app.worker_process)
        gate.install(app.main_process.gate)
        incoming.install(incoming.accepted_by(settings))
        event.begin(settings)
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    conf.worker_send_task_events = settings.events
    waiting = {} if settings.poll_wait_s is None else {"wait_time_seconds": settings.poll_wait_s}
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        **waiting,
        "region": sqs.meta.region_name,  # kombu knows no AWS_REGION, and would sign for us-east-1
        "predefined_queues": {conf.task_default_queue: {"url": url}},
    }
    app.worker_process.forget()


@signals.celeryd_after_setup.connect
def warn_of_unheeded_settings(conf: Any, **_: Any) -> None:
    """Name each setting that has no effect, once there is a log to name it in."""
    for sentence in settings_module.unknown():
        log.warning("unknown-setting", extra={"reason": sentence})
    if conf.worker_enable_remote_control:
        log.warning("remote-control-off", extra={"reason": settings_module.NO_REMOTE_CONTROL})


@signals.celeryd_after_setup.connect
def count_children(instance: Any, **_: Any) -> None:
    """Let the pool's children know, before they are forked, how many they are."""
    app.worker_process = app.worker_process.of_slots(instance.concurrency)


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Begin a pool child: it works with what is its own, and dies with the main process."""
    app.worker_process = app.worker_process.child()
    drain.be_child()
    drain.die_with(app.worker_process.main_pid)


@signals.worker_ready.connect
def start_threads(sender: Any, **_: Any) -> None:
    """Start the threads once the pool has forked, and obey signals: Celery's own handlers are set by then."""
    process, main = app.worker_process, app.main_process
    # Before the threads, for one of them leaves as at a signal.
    drain.obey(process.notice, first=drain.Leave[process.settings.leave.upper()])
    main.start(slots=sender.pool.num_processes)
    alive = Alive(process.settings.scratch)
    alive.ready()
    sender.hub.on_tick.add(alive.tick)  # which outlives a lost connection, as the loop's timers do not


@signals.worker_shutdown.connect
def stop_threads(**_: Any) -> None:
    """Stop the threads before the process goes, and leave nothing behind."""
    event.finish()
    app.main_process.stop()
    app.worker_process.forget()
