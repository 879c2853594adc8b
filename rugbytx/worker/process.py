"""What a worker process works with, as one value: its settings, its ports, its folder.

::

    main process                  over the fork                      pool child (one a slot)
    ────────────                  ─────────────                      ───────────────────────
    celeryd_init makes the value  the notice: two bytes of memory    worker_process_init makes its own
    its own ports and media       the files: faults, speeds, trials  its own ports, media and folder
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from rugbytx import system
from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.aws.s3.throttle import Throttle
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.rate_limit import share
from rugbytx.media.encode.faults import Faults
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.system import Connection
from rugbytx.worker import scratch
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.shutdown.drain import Notice

#: The file on the scratch disk that remembers trials of the encoder.
TRIALS = "trials.json"


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """A worker's main process or one of its pool children.

    What costs a connection or a folder is made at its first use: a child has a
    few seconds to say that it is up.
    """

    #: The name under which Celery knows the worker.
    name: str
    settings: Settings
    #: Made before the pool forks, so that its children share it.
    notice: Notice
    #: The mark by which children know whose they are, and which files they share.
    main_pid: int
    #: How many children share this worker's line.
    slots: int = 1

    def child(self) -> Self:
        """Return the value for a pool child: no connection crosses the fork, and no folder is shared."""
        return replace(self)

    def of_slots(self, slots: int) -> Self:
        """Return the value for a worker with so many children."""
        return replace(self, slots=slots)

    @cached_property
    def ports(self) -> Ports:
        """The ports; what moves files has this slot's share of the line."""
        settings = self.settings
        down, up = (
            Throttle(share(rate, slots=self.slots)) for rate in (settings.download_bps, settings.upload_bps)
        )
        return Ports(
            store=open_store(settings.table),
            queue=SqsQueue(client("sqs"), settings.queue),
            storage=S3Storage(client("s3"), down=down, up=up),
            media=self.media,
        )

    @cached_property
    def media(self) -> FfmpegMedia:
        """The host's ffmpeg; a worker's processes share the trials and the faults."""
        settings = self.settings
        return FfmpegMedia(
            ffmpeg=settings.ffmpeg,
            ffprobe=settings.ffprobe,
            preset=settings.x264_preset,
            x264_profile=settings.x264_profile,
            wished=None if settings.encoder == "auto" else Family(settings.encoder),
            is_software_allowed=settings.is_software_allowed,
            read_rate=settings.read_rate,
            cache=settings.scratch / TRIALS,
            faults=Faults(settings.scratch / f"faults-{self.main_pid}.jsonl"),
        )

    @cached_property
    def speeds(self) -> Speeds:
        """How fast chunks were done; a worker's processes share the file."""
        return Speeds(self.settings.scratch / f"speeds-{self.main_pid}.txt")

    @cached_property
    def scratch(self) -> Path:
        """This process's own folder on the scratch disk."""
        return scratch.claim(self.settings.scratch, self.name)

    @cached_property
    def connection(self) -> Connection:
        """The system as a command sees it, for the task that submits."""
        return system.connect(self.settings)

    def forget(self) -> None:
        """Remove what only a running worker needs to know: faults of its encoder, and speeds."""
        self.media.faults.clear()
        self.speeds.clear()
