"""Settings from ``RUGBYTX_*``: read once, at the edge, and cross-checked there."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from rugbytx import prices, temporary
from rugbytx.core import rate_limit
from rugbytx.core.fleet import receive_window
from rugbytx.core.fleet.worker_class import AWS_HOST, WorkerClass
from rugbytx.core.notify.signature import key_of
from rugbytx.core.scaling import pace
from rugbytx.core.scaling.facts import Mode, ScalingPolicy
from rugbytx.core.scaling.pace import PRIORS, PX_PER_BYTE, Assumed, Pace
from rugbytx.errors import SettingsError

PREFIX = "RUGBYTX_"

#: The answer to those who ask for Celery's remote control.
NO_REMOTE_CONTROL = (
    "Celery's remote control is off, since SQS carries none: "
    "ask the store with `rugbytx workers`, `rugbytx drain WORKER` or `rugbytx cancel JOB`"
)
#: Names that somebody may have set, and why they are no settings.
_REASONS = {"REMOTE_CONTROL": NO_REMOTE_CONTROL}

#: libx264's own, from the fastest to the best; ``placebo`` is not worth its time.
X264Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]


class Settings(BaseModel):
    """Every setting, with its default.  The variable is the field's name in capitals behind ``RUGBYTX_``.

    The environment is read by ``read`` and nowhere else, so a value made here
    is the same on every machine.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    # -- what this system consists of
    #: The physical name of the SQS queue; Celery's name for it is always ``transcode``.
    queue: str = "rugbytx-transcode"
    #: The DynamoDB table.
    table: str = "rugbytx"
    #: Buckets that jobs may read, comma separated; local files are uploaded into the first.
    source_buckets: tuple[str, ...] = ("rugbytx-source",)
    #: The bucket that outputs go into.
    output_bucket: str = "rugbytx-output"
    #: Where readers find the output bucket, e.g. a CDN; the bucket's own URL by default.
    output_base_url: str = ""
    #: The ECS cluster and service of the AWS workers.
    cluster: str = "rugbytx"
    service: str = "rugbytx-worker"
    #: A folder of your own profiles, one TOML file each.
    profiles: Path | None = None

    #: Where another system's messages, plain JSON, name their source: ``s3://{bucket}/{video.key}``
    #: (docs/howto/migrate.md); empty refuses them.
    legacy_body: str = ""
    #: The profile of what those messages submit.
    legacy_profile: str = "match"
    #: Whether a message of Celery's task ``rugbytx.submit`` submits an object of the source buckets
    #: (docs/reference/messages.md); off refuses it.
    queue_submissions: bool = False

    # -- who is notified of jobs (docs/howto/notifications.md)
    #: URLs that are notified of every job submitted with these settings, comma separated.
    notify_urls: tuple[str, ...] = ()
    #: What the workers sign webhooks with: ``whsec_`` and 24 to 64 random bytes in base64.
    notify_secret: SecretStr = SecretStr("")
    #: Whether a webhook may go to an address inside a network, and by plain HTTP.
    notify_private: bool = False
    #: The EventBridge bus that the workers notify of every job; a name or an ARN.
    event_bus: str = ""

    # -- this worker
    #: Which class of worker this one is.
    worker_class: WorkerClass = WorkerClass.JETSON
    #: The module of Celery's own keys under ``celeryconfig``; the worker class by default.
    celery_config: str = ""
    #: The folder of sources and chunks in work: room for the largest source, twice for MPEG-TS, and 256 MiB.
    scratch: Path = Field(default_factory=temporary.default_scratch)
    #: A worker with less room than this on its scratch disk receives nothing.
    scratch_floor_bytes: int = Field(default=1024**3, ge=0)
    #: What an hour of this worker costs, for the ledger; by default ``aws_usd_per_h``, or the Jetson's power.
    usd_per_h: float | None = Field(default=None, ge=0)
    #: A Jetson whose hottest sensor shows this much receives nothing until it has cooled down by 10 degrees.
    hottest_c: float = Field(default=95.0, ge=50, le=120)
    #: When this worker may receive, by the wall clock: ``22:00-06:00 Europe/Dublin``; empty for all day.
    work_hours: str = ""
    #: What its slots together may take of the line for sources, and for outputs, in bits a second: 1,000,000 at
    #: least, or 0 for all of it.
    download_bps: float = Field(default=0.0, ge=0)
    upload_bps: float = Field(default=0.0, ge=0)
    #: The programs, by their names or paths.
    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    #: The encoder to use; ``auto`` takes the best that passes a trial on this host.
    encoder: Literal["auto", "nvenc", "nvmpi", "x264"] = "auto"
    #: libx264's preset and profile.
    x264_preset: X264Preset = "veryfast"
    x264_profile: Literal["high", "main"] = "high"
    #: The most seconds of film that are read in a second of encoding, to give a worker another host's pace; 0 for as
    #: fast as it goes.
    read_rate: float = Field(default=0.0, ge=0)
    #: What a planned stop (a first SIGTERM) does with the chunk in work: hand it back now, or finish it.
    leave: Literal["now", "chunk"] = "now"

    #: Whether this worker sends Celery's events to the event queue, where Flower reads them.
    events: bool = True

    # -- times
    #: How long the lease on a unit lasts; each heartbeat renews it.
    lease_s: float = Field(default=120.0, ge=2)
    #: How often a worker renews the lease on its unit and hides its message anew.
    heartbeat_s: float = Field(default=30.0, ge=0.2)
    #: For how long a heartbeat hides the message from other workers.
    visibility_s: float = Field(default=120.0, ge=2, le=43_200)
    #: A step whose counter stands still this long ends its attempt.
    stall_s: float = Field(default=60.0, ge=2)
    #: How long a unit waits in all for a bucket that refuses a transfer, before its work is given up;
    #: half of ``stall_s`` at most, since waiting must not look like a stall.
    transfer_patience_s: float = Field(default=20.0, ge=0)
    #: How often somebody looks for open jobs that nobody keeps awake, and sends them a pointer.
    sweep_s: float = Field(default=60.0, ge=1)
    #: When a job is due after its submission, where it has no deadline of its own.
    deadline_s: float = Field(default=3600.0, ge=1)
    #: How long a lane may look at samples of what it published, while nobody waits; 0 for never.
    check_s: float = Field(default=60.0, ge=0)
    #: How often a worker looks whether it may receive; three periods after its last look it may not.
    view_s: float = Field(default=5.0, ge=0.2)
    #: How often a worker reports that it lives; after four periods without a report it counts as silent.
    presence_s: float = Field(default=15.0, ge=0.2)
    #: How often a worker looks for notifications to deliver.
    notify_s: float = Field(default=5.0, ge=0.2)
    #: How long an ECS task asks to be protected from scale-in; it asks again at half of that.
    protection_s: float = Field(default=1800.0, ge=60, le=172_800)
    #: How long a receive waits for a message; by default what ``celeryconfig`` has for the worker class.
    poll_wait_s: int | None = Field(default=None, ge=0, le=20)

    # -- scaling: what the autoscaler and the gates of AWS workers go by; see ``core.scaling_facts.Policy``
    #: ``deadline``: as few AWS workers as the deadlines need; ``fastest``: as many as find something to do;
    #: ``cheapest``: none while a Jetson works.
    mode: Mode = Mode.DEADLINE
    #: The most AWS workers that are ever wanted.
    max_workers: int = Field(default=3, ge=0, le=1000)
    #: Slots of one AWS worker, which is what its ``--concurrency`` says.
    aws_slots: int = Field(default=1, ge=1, le=64)
    #: The time from the order of an AWS worker to its first receive.
    cold_start_s: float = Field(default=AWS_HOST.start_s, ge=0)
    #: An idle AWS worker stays at most this long, and only where one more match would want it.
    idle_grace_s: float = Field(default=120.0, ge=0)
    #: Work is planned to be done this long before its deadline.
    margin_s: float = Field(default=60.0, ge=0)
    #: An AWS worker that would work for less is not started.
    least_use_s: float = Field(default=60.0, ge=0)
    #: What an hour of an AWS worker costs.
    aws_usd_per_h: float = Field(default_factory=lambda: prices.built_in().on_demand_h.usd, ge=0)
    #: The dollars a day (in UTC) beyond which no AWS worker is started; unset for no limit.
    budget_usd_per_day: float | None = Field(default=None, ge=0)
    #: What a gigabyte costs on its way to the Jetson: 0 behind a CDN, or where sources arrive on the premises.
    jetson_usd_per_gb: float = Field(default_factory=lambda: prices.built_in().egress_gb.usd, ge=0)
    #: How often the autoscaler decides as a process.
    tick_s: float = Field(default=10.0, ge=0.2)
    #: An autoscaler that has not decided for this long counts as silent.
    autoscaler_silent_s: float = Field(default=180.0, ge=1)
    #: The work in a byte of a source that has no plan yet: by default of the note's match (docs/origin/note.md).
    assumed_px_per_byte: float = Field(default=PX_PER_BYTE, gt=0)
    #: What a job takes besides its pictures (planning, joining, publishing), on the Jetson.
    job_overhead_s: float = Field(default=30.0, ge=0)
    #: The pace of a slot of each class until chunks have been measured: by default the note's.
    assumed_jetson_px_per_s: float = Field(default=PRIORS[WorkerClass.JETSON].px_per_s, gt=0)
    assumed_aws_px_per_s: float = Field(default=PRIORS[WorkerClass.AWS].px_per_s, gt=0)

    @field_validator("source_buckets", "notify_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("notify_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            key_of(value.get_secret_value())
        return value

    @field_validator("work_hours")
    @classmethod
    def _are_hours(cls, value: str) -> str:
        if value:
            receive_window.parse(value, zone_of=ZoneInfo)
        return value

    @field_validator("download_bps", "upload_bps")
    @classmethod
    def _is_line(cls, value: float) -> float:
        return rate_limit.checked(value)

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        bounds = (("a third", 3, "LEASE_S", self.lease_s), ("half", 2, "VISIBILITY_S", self.visibility_s))
        for share, beats, name, whole_s in bounds:
            if self.heartbeat_s * beats > whole_s:
                message = (
                    f"{PREFIX}HEARTBEAT_S ({self.heartbeat_s:g}) "
                    f"must be at most {share} of {PREFIX}{name} ({whole_s:g})"
                )
                raise ValueError(message)
        if not self.source_buckets:
            message = f"{PREFIX}SOURCE_BUCKETS must name at least one bucket"
            raise ValueError(message)
        return self

    @property
    def own_usd_per_h(self) -> float:
        """Return what an hour of this worker costs."""
        if self.usd_per_h is not None:
            return self.usd_per_h
        return self.aws_usd_per_h if self.worker_class is WorkerClass.AWS else prices.built_in().power_h.usd

    @property
    def hours(self) -> receive_window.Hours | None:
        """Return when this worker may receive; None for all day."""
        return receive_window.parse(self.work_hours, zone_of=ZoneInfo) if self.work_hours else None

    @property
    def policy(self) -> ScalingPolicy:
        """Return what scaling and gates go by."""
        return ScalingPolicy(
            mode=self.mode,
            max_workers=self.max_workers,
            aws_slots=self.aws_slots,
            cold_start_s=self.cold_start_s,
            idle_grace_s=self.idle_grace_s,
            deadline_s=self.deadline_s,
            margin_s=self.margin_s,
            least_use_s=self.least_use_s,
            aws_usd_per_h=self.aws_usd_per_h,
            budget_usd_per_day=self.budget_usd_per_day,
            jetson_usd_per_gb=self.jetson_usd_per_gb,
            jetson_usd_per_h=prices.built_in().power_h.usd,
            silent_s=self.autoscaler_silent_s,
        )

    @property
    def assumed(self) -> Assumed:
        """Return what is assumed of a job's work."""
        overhead_px = self.job_overhead_s * self.assumed_jetson_px_per_s
        return Assumed(px_per_byte=self.assumed_px_per_byte, overhead_px=overhead_px)

    @property
    def priors(self) -> Mapping[WorkerClass, Pace]:
        """Return how fast a slot of each class is taken to be until it has been measured."""
        return pace.priors(
            jetson_px_per_s=self.assumed_jetson_px_per_s, aws_px_per_s=self.assumed_aws_px_per_s
        )

    @property
    def patience_s(self) -> float:
        """Return how long a transfer may wait in all."""
        return min(self.transfer_patience_s, self.stall_s / 2)

    @property
    def is_software_allowed(self) -> bool:
        """Return whether this worker may encode on the CPU.

        An AWS host is paid for its GPU: without it, it would do a tenth of the
        work at the same price and nobody would know.  Who asks for x264, and
        the local system, mean it.
        """
        return (
            self.worker_class is not WorkerClass.AWS
            or self.encoder == "x264"
            or self.celery_config == "local"
        )


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in ``environ``, or in the process's environment.

    Raises SettingsError with one sentence for the first that is wrong.  Unknown
    names are not looked at here: a command refuses them and a running worker
    only warns, each with ``unknown``.  An empty variable counts as unset.
    """
    variables = os.environ if environ is None else environ
    fields = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in variables.items()
        if name.startswith(PREFIX) and value
    }
    try:
        return Settings.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        problem = first["msg"].removeprefix("Value error, ")
        if field := "_".join(str(part) for part in first["loc"]):
            problem = f"{PREFIX}{field.upper()}: {problem[0].lower()}{problem[1:]}"
        raise SettingsError(problem) from error


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each ``RUGBYTX_*`` name that is no setting.

    >>> unknown({"RUGBYTX_LEASE": "5", "RUGBYTX_LEASE_S": "5", "HOME": "/"})
    ['RUGBYTX_LEASE is not a setting; did you mean RUGBYTX_LEASE_S?']
    """
    known = [field.upper() for field in Settings.model_fields]
    sentences = []
    for name in sorted(os.environ if environ is None else environ):
        field = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and field not in known:
            close = difflib.get_close_matches(field, known, n=1)
            hint = f"; did you mean {PREFIX}{close[0]}?" if close else ""
            reason = f": {_REASONS[field]}" if field in _REASONS else hint
            sentences.append(f"{name} is not a setting{reason}")
    return sentences
