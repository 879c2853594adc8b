"""The Celery app and its one task: where a worker process begins and ends.  What it is made of is in ``part``.

::

    main process                               pool child (one a slot)
    ────────────                               ───────────────────────
    receive, acknowledge (Celery, kombu)       the task: a lane, its heartbeat, its ffmpeg
    the sweep and the gate's view, in threads  dies with the main process, whatever kills it
"""

import logging
import sys
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Reject

from rugbytx import settings as settings_module
from rugbytx.aws.client import client
from rugbytx.aws.sqs.message import TASK
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.broker import event, foreign, gate
from rugbytx.core.job.job import Pointer
from rugbytx.core.scaling.facts import AWS
from rugbytx.errors import RugbytxError, WrittenByNewer
from rugbytx.logs import set_up_logging
from rugbytx.worker import components
from rugbytx.worker.delivery import delivery_of
from rugbytx.worker.lane.lane import Lane
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.shutdown import drain
from rugbytx.worker.shutdown.watchdog import Alive

log = logging.getLogger(__name__)


def celery_config() -> str:
    """Return the module of Celery's own keys for this host; a wrong setting ends the process with a sentence."""
    try:
        chosen = components.settings()
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    return f"celeryconfig.{chosen.celery_config or chosen.worker_class}"


app = Celery(
    "rugbytx",
    events="rugbytx.broker.event:Events",
    control="rugbytx.broker.control:Control",
    include=["rugbytx.worker.legacy_task"],
)
app.config_from_object(celery_config())
signals.setup_logging.connect(set_up_logging)


@app.task(bind=True, name=TASK)
def transcode(task: Task[Any, Any], /, **fields: Any) -> None:
    """Run a lane for one message.

    Returning acknowledges it; whatever the lane could not settle with the store goes back to the queue.
    """
    pointer = Pointer.model_validate(fields)
    worker = str(task.request.hostname)
    lane = Lane(
        ports=components.ports(),
        settings=components.settings(),
        worker=worker,
        scratch=components.scratch_of(worker),
        notice=components.NOTICE,
        speeds=components.speeds(),
    )
    try:
        with components.NOTICE.heard():
            delivery = delivery_of(task)
            ending = lane.run(pointer, delivery)
            if ending is Ending.HAND_BACK and components.NOTICE.asked:
                # At once, and from here: the main process may have no time left for it.
                components.ports().queue.extend(delivery.receipt, visibility_s=0)
    except WrittenByNewer as error:
        # Hidden, and not shown at once: who knows that version is to have it, and this worker other messages.
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
def prepare(conf: Any, **_: Any) -> None:
    """Check the settings and point Celery's queue at the physical one, before anything connects."""
    try:
        url = SqsQueue(client("sqs"), components.settings().queue).url
        gate.install(components.view())
        foreign.install(components.settings().legacy_body, components.settings().legacy_profile)
        event.begin(components.settings())
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    conf.worker_send_task_events = components.settings().events
    waiting = (
        {}
        if components.settings().poll_wait_s is None
        else {"wait_time_seconds": components.settings().poll_wait_s}
    )
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        **waiting,
        "predefined_queues": {conf.task_default_queue: {"url": url}},
    }
    components.media().faults.clear()
    components.speeds().clear()


@signals.celeryd_after_setup.connect
def warn_of_unheeded_settings(conf: Any, **_: Any) -> None:
    """Name each setting that has no effect, once there is a log to name it in."""
    for sentence in settings_module.unknown():
        log.warning("unknown-setting", extra={"reason": sentence})
    if conf.worker_enable_remote_control:
        log.warning("remote-control-off", extra={"reason": settings_module.NO_REMOTE_CONTROL})


@signals.celeryd_after_setup.connect
def tell_children(instance: Any, **_: Any) -> None:
    """Let the pool's children know, before they are forked, how many they are."""
    components.POOL.slots = instance.concurrency


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Begin a pool child: no connection is shared across the fork, and it dies with the main process."""
    components.ports.cache_clear()
    components.media.cache_clear()
    drain.be_child()
    drain.die_with(components.MAIN_PID)


@signals.worker_ready.connect
def start_threads(sender: Any, **_: Any) -> None:
    """Start the threads once the pool has forked; the first receive waits for the view's first look."""
    components.view().start(name=str(sender.hostname))
    alive = Alive(components.settings().scratch)
    alive.ready()
    sender.hub.on_tick.add(alive.tick)  # which outlives a lost connection, as the loop's timers do not
    components.sweeper().start(owner=str(sender.hostname))
    components.notifier().start(owner=str(sender.hostname))
    components.presence().start(name=str(sender.hostname), slots=sender.pool.num_processes)


@signals.worker_ready.connect
def obey_signals(**_: Any) -> None:
    """Leave in time when told to, by a signal or by EC2; Celery's own handlers are set by then."""
    drain.obey(components.NOTICE, first=drain.Leave[components.settings().leave.upper()])
    if components.settings().worker_class == AWS:
        components.spot().start()


@signals.worker_shutdown.connect
def stop_threads(**_: Any) -> None:
    """Stop the threads before the process goes, and leave nothing behind."""
    event.finish()
    for thread in (
        components.spot(),
        components.sweeper(),
        components.notifier(),
        components.view(),
        components.presence(),
    ):
        thread.stop()
    components.media().faults.clear()
    components.speeds().clear()
