"""Settings from ``RUGBYTX_*``: read once, at the edge, and cross-checked there."""

import difflib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rugbytx.errors import SettingsError

PREFIX = "RUGBYTX_"


class Settings(BaseSettings):
    """Every setting, with its default.  The variable is the field's name in capitals behind ``RUGBYTX_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # -- what this system consists of
    #: The physical name of the SQS queue; Celery's name for it is always ``transcode``.
    queue: str = "rugbytx-transcode"
    table: str = "rugbytx"
    #: Buckets that jobs may read, comma separated; local files are uploaded into the first.
    source_buckets: Annotated[tuple[str, ...], NoDecode] = ("rugbytx-source",)
    output_bucket: str = "rugbytx-output"
    #: Where readers find the output bucket, e.g. a CDN; the bucket's own URL by default.
    output_base_url: str = ""
    #: A folder of your own profiles, one TOML file each.
    profiles: Path | None = None

    # -- this worker
    worker_class: Literal["jetson", "aws"] = "jetson"
    worker_name: str = Field(default_factory=socket.gethostname)
    scratch: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "rugbytx")
    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    #: libx264's preset.
    x264_preset: str = "veryfast"

    # -- times
    lease_s: float = Field(default=120.0, ge=2)
    heartbeat_s: float = Field(default=30.0, ge=0.2)
    visibility_s: float = Field(default=120.0, ge=2, le=43_200)
    stall_s: float = Field(default=60.0, ge=2)
    sweep_s: float = Field(default=60.0, ge=1)
    deadline_s: float = Field(default=3600.0, ge=1)
    poll_wait_s: int = Field(default=20, ge=0, le=20)

    @field_validator("source_buckets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.heartbeat_s * 3 > self.lease_s:
            message = f"heartbeat_s={self.heartbeat_s:g} must be at most a third of lease_s={self.lease_s:g}"
            raise ValueError(message)
        if self.heartbeat_s * 2 > self.visibility_s:
            message = (
                f"heartbeat_s={self.heartbeat_s:g} must be at most half of visibility_s={self.visibility_s:g}"
            )
            raise ValueError(message)
        if not self.source_buckets:
            message = "source_buckets must name at least one bucket"
            raise ValueError(message)
        return self


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings; raises SettingsError with one sentence for what is wrong.

    Unknown names are not looked at here: a command refuses them and a running
    worker only warns, each with ``unknown``.
    """
    try:
        return Settings() if environ is None else Settings.model_validate(_fields(environ))
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(str(part) for part in first["loc"])
        name = f"{PREFIX}{field.upper()}: " if field else ""
        raise SettingsError(f"{name}{first['msg'].removeprefix('Value error, ')}") from error


def _fields(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)
    }


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each ``RUGBYTX_*`` name that is no setting.

    >>> unknown({"RUGBYTX_LEASE": "5", "RUGBYTX_LEASE_S": "5", "HOME": "/"})
    ['RUGBYTX_LEASE is not a setting; did you mean RUGBYTX_LEASE_S?']
    """
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    sentences = []
    for name in sorted(os.environ if environ is None else environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            sentences.append(f"{name} is not a setting{hint}")
    return sentences
