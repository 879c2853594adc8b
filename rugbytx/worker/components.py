"""The parts of a worker process, each made at its first use from the settings of this host.

::

    main process              shared before the fork        pool child (one a slot)
    ────────────              ──────────────────────        ───────────────────────
    view, sweeper, notifier,  the notice to leave           ports, media: made again
    presence, spot            files: faults, speeds         its own folder on the scratch disk
"""

import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rugbytx import settings as settings_module
from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.aws.ec2_metadata import Metadata
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.aws.s3.throttle import Throttle
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.cost.usage import End
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.rate_limit import share
from rugbytx.core.scaling.facts import AWS
from rugbytx.media import host
from rugbytx.media.encode.faults import Faults
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.notify.notifier import Notifier, notifier_of
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.upkeep.sweeper import Sweeper
from rugbytx.worker import scratch
from rugbytx.worker.gate import scale_in_protection
from rugbytx.worker.gate.admission import Admission
from rugbytx.worker.gate.encoder_health import Fitness
from rugbytx.worker.gate.gate import View
from rugbytx.worker.gate.temperature import Heat
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.presence.pool_load import load
from rugbytx.worker.presence.presence import Presence, Senses
from rugbytx.worker.shutdown import drain
from rugbytx.worker.shutdown.spot import Spot

#: Made before the pool forks, so that its children share it.
NOTICE = drain.Notice()


@dataclass
class Pool:
    """What children know of the pool that they are in."""

    #: How many they are.
    slots: int = 1


#: Likewise: what is this worker's as a whole they share.
POOL = Pool()
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
        store=open_store(chosen.table),
        queue=SqsQueue(client("sqs"), chosen.queue),
        storage=storage(chosen, slots=POOL.slots),
        media=media(),
    )


def storage(chosen: Settings, *, slots: int) -> S3Storage:
    """Return what moves files for one slot of so many, each with its share of the line."""
    down, up = (Throttle(share(rate, slots=slots)) for rate in (chosen.download_bps, chosen.upload_bps))
    return S3Storage(client("s3"), down=down, up=up)


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


@cache
def scratch_of(worker: str) -> Path:
    """Return this pool child's own folder on the scratch disk."""
    return scratch.claim(settings().scratch, worker)


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
        heat=Heat(hottest_c=settings().hottest_c, read=host.temperature_c),
        work_hours=settings().hours,
        fitness=Fitness(media(), on_unfit=leave_unfit),
        admission=asking.look if settings().worker_class == AWS else None,
        protection=scale_in_protection.here(lasts_s=settings().protection_s),
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


@cache
def notifier() -> Notifier:
    """Return what tells others of jobs."""
    return notifier_of(settings(), ports().store)


@cache
def spot() -> Spot:
    """Return what listens for the end of a Spot instance; its notice always means now."""
    return Spot(
        Metadata(),
        on_notice=lambda: leave(End.SPOT, at=signal.SIGQUIT),
        on_advice=lambda: drain.after_unit(NOTICE),
    )
