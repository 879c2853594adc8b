"""The Celery app and its one task: where a worker process is put together.

::

    main process                               pool child (one a slot)
    ────────────                               ───────────────────────
    receive, acknowledge (Celery, kombu)       the task: a lane, its heartbeat, its ffmpeg
    the sweep and the gate's view, in threads  dies with the main process, whatever kills it
"""

import logging
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Reject

from rugbytx import settings as settings_module
from rugbytx.aws.client import client
from rugbytx.aws.host import Metadata
from rugbytx.aws.job_store import DynamoJobStore
from rugbytx.aws.message import TASK
from rugbytx.aws.queue import SqsQueue
from rugbytx.aws.storage import S3Storage
from rugbytx.broker import event, foreign, gate
from rugbytx.core.encoder import Family
from rugbytx.core.job import Pointer
from rugbytx.core.scaling_facts import AWS
from rugbytx.core.span import End
from rugbytx.errors import RugbytxError, WrittenByNewer
from rugbytx.media.fault import Faults
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.notify.notifier import Notifier, notifier_of
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker import drain, protection, scratch
from rugbytx.worker.admit import Admission
from rugbytx.worker.alive import Alive
from rugbytx.worker.delivery import delivery_of
from rugbytx.worker.ending import Ending
from rugbytx.worker.fitness import Fitness
from rugbytx.worker.lane import Lane
from rugbytx.worker.load import load
from rugbytx.worker.log import set_up_logging
from rugbytx.worker.presence import Presence, Senses
from rugbytx.worker.speed import Speeds
from rugbytx.worker.spot import Spot
from rugbytx.worker.sweeper import Sweeper
from rugbytx.worker.view import View

log = logging.getLogger(__name__)

#: Made before the pool forks, so that its children share it.
NOTICE = drain.Notice()
#: Likewise: they know by it whose children they are.
MAIN_PID = os.getpid()

#: Where trials of the encoder are remembered on the scratch disk.
TRIALS = "trials.json"


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
        media=media(),
    )


@cache
def media() -> FfmpegMedia:
    """Return this process's ffmpeg; the main process and its children share the trials and the faults."""
    chosen = settings()
    return FfmpegMedia(
        ffmpeg=chosen.ffmpeg,
        ffprobe=chosen.ffprobe,
        preset=chosen.x264_preset,
        x264_profile=chosen.x264_profile,
        wished=None if chosen.encoder == "auto" else Family(chosen.encoder),
        is_software_allowed=chosen.is_software_allowed,
        read_rate=chosen.read_rate,
        cache=chosen.scratch / TRIALS,
        faults=Faults(chosen.scratch / f"faults-{MAIN_PID}.jsonl"),
    )


@cache
def speeds() -> Speeds:
    """Return what notes how fast chunks are done; a file is what children and main process share."""
    return Speeds(settings().scratch / f"speeds-{MAIN_PID}.txt")


def celery_config() -> str:
    """Return the module of Celery's own keys for this host; a wrong setting ends the process with a sentence."""
    try:
        chosen = settings()
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    return f"celeryconfig.{chosen.celery_config or chosen.worker_class}"


app = Celery("rugbytx", events="rugbytx.broker.event:Events", include=["rugbytx.worker.submission"])
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
        ports=ports(),
        settings=settings(),
        worker=worker,
        scratch=scratch_of(worker),
        notice=NOTICE,
        speeds=speeds(),
    )
    try:
        with NOTICE.heard():
            delivery = delivery_of(task)
            ending = lane.run(pointer, delivery)
            if ending is Ending.HAND_BACK and NOTICE.asked:
                # At once, and from here: the main process may have no time left for it.
                ports().queue.extend(delivery.receipt, visibility_s=0)
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


@cache
def scratch_of(worker: str) -> Path:
    """Return this pool child's own folder on the scratch disk."""
    return scratch.claim(settings().scratch, worker)


@signals.celeryd_init.connect
def prepare(conf: Any, **_: Any) -> None:
    """Check the settings and point Celery's queue at the physical one, before anything connects."""
    try:
        url = SqsQueue(client("sqs"), settings().queue).url
        gate.install(view())
        foreign.install(settings().legacy_body, settings().legacy_profile)
        event.begin(settings())
    except RugbytxError as error:
        sys.exit(f"rugbytx worker: {error}")
    conf.worker_send_task_events = settings().events
    waiting = {} if settings().poll_wait_s is None else {"wait_time_seconds": settings().poll_wait_s}
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        **waiting,
        "predefined_queues": {conf.task_default_queue: {"url": url}},
    }
    media().faults.clear()
    speeds().clear()


@signals.celeryd_after_setup.connect
def warn_of_unknown_settings(**_: Any) -> None:
    """Name each ``RUGBYTX_*`` setting that is none, once there is a log to name it in."""
    for sentence in settings_module.unknown():
        log.warning("unknown-setting", extra={"reason": sentence})


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Begin a pool child: no connection is shared across the fork, and it dies with the main process."""
    ports.cache_clear()
    media.cache_clear()
    drain.be_child()
    drain.die_with(MAIN_PID)


@cache
def sweeper() -> Sweeper:
    """Return the main process's sweep."""
    return Sweeper(
        store=ports().store,
        queue=ports().queue,
        storage=ports().storage,
        bucket=settings().output_bucket,
        sweep_s=settings().sweep_s,
    )


@cache
def presence() -> Presence:
    """Return what the main process says of this worker."""
    senses = Senses(media=media(), gate=lambda: view().reason, load=load, speeds=speeds())
    return Presence(store=ports().store, senses=senses, settings=settings())


@cache
def view() -> View:
    """Return what the main process's gate reads: closed until it is started."""
    asking = Admission(
        store=ports().store, queue=ports().queue, settings=settings(), busy=lambda: load().busy
    )
    return View(
        store=ports().store,
        scratch=settings().scratch,
        scratch_floor_bytes=settings().scratch_floor_bytes,
        view_s=settings().view_s,
        is_draining=lambda: NOTICE.asked is not drain.Leave.NOT,
        fitness=Fitness(media(), on_unfit=leave_unfit),
        admission=asking.look if settings().worker_class == AWS else None,
        protection=protection.here(lasts_s=settings().protection_s),
        worker_class=settings().worker_class,
        on_halt=lambda is_halted: NOTICE.halt(is_halted=is_halted),
    )


def leave(ending: End, *, at: signal.Signals = signal.SIGTERM) -> None:
    """Leave as at a signal, and let the ledger know why."""
    presence().ending = ending
    os.kill(os.getpid(), at)


def leave_unfit() -> None:
    """Leave a host that costs money and cannot encode: ECS puts another task in the place of one that ended.

    A host of ours stays, with its gate closed, and tries again every five minutes.
    """
    if not settings().is_software_allowed:
        leave(End.UNFIT)


@signals.worker_ready.connect
def start_threads(sender: Any, **_: Any) -> None:
    """Start the threads once the pool has forked; the first receive waits for the view's first look."""
    view().start(name=str(sender.hostname))
    alive = Alive(settings().scratch)
    alive.ready()
    sender.hub.on_tick.add(alive.tick)  # which outlives a lost connection, as the loop's timers do not
    sweeper().start(owner=str(sender.hostname))
    notifier().start(owner=str(sender.hostname))
    presence().start(name=str(sender.hostname), slots=sender.pool.num_processes)


@cache
def notifier() -> Notifier:
    """Return what tells others of jobs."""
    return notifier_of(settings(), ports().store)


@signals.worker_ready.connect
def obey_signals(**_: Any) -> None:
    """Leave in time when told to, by a signal or by EC2; Celery's own handlers are set by then."""
    drain.obey(NOTICE, first=drain.Leave[settings().leave.upper()])
    if settings().worker_class == AWS:
        spot().start()


@cache
def spot() -> Spot:
    """Return what listens for the end of a Spot instance; its notice always means now."""
    return Spot(
        Metadata(),
        on_notice=lambda: leave(End.SPOT, at=signal.SIGQUIT),
        on_advice=lambda: drain.after_unit(NOTICE),
    )


@signals.worker_shutdown.connect
def stop_threads(**_: Any) -> None:
    """Stop the threads before the process goes, and leave nothing behind."""
    event.finish()
    for thread in (spot(), sweeper(), notifier(), view(), presence()):
        thread.stop()
    media().faults.clear()
    speeds().clear()
