"""What the user wants: one source, one profile, a durable record."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import Field

from rugbytx.core.job.profile import Profile
from rugbytx.core.record import Record, Versioned

#: What ``identify`` makes is hex; other ids are refused before they become part of a key.
ID_PATTERN = r"^[0-9A-Za-z._-]{1,64}$"


def require_id(text: str) -> str:
    """Return the text, which is a job's id; raises ValueError for what is none."""
    if not re.match(ID_PATTERN, text) or text.endswith("\n"):
        raise ValueError("it names no job")
    return text


class Status(StrEnum):
    """A job's status."""

    #: Accepted; no worker has begun.
    QUEUED = "QUEUED"
    #: A lane has begun with it.
    RUNNING = "RUNNING"
    #: Published: the manifest is true.
    SUCCEEDED = "SUCCEEDED"
    #: Ended with a reason a person understands.
    FAILED = "FAILED"
    #: Ended because somebody asked.
    CANCELLED = "CANCELLED"


#: A job in one of these still wants work done.
OPEN = frozenset({Status.QUEUED, Status.RUNNING})


class Source(Record):
    """One exact version of an object in S3."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    #: S3's version id, or empty where the bucket keeps no versions.
    version: str = ""

    @property
    def url(self) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class PresignedUrl:
    """Where a source can be read by anybody, for a while: a secret, so its text does not show it."""

    url: str = field(repr=False)
    #: A file with the certificate authorities to trust.
    authorities: str = ""


class Outputs(Record):
    """What a published job gave: where its master playlist and its manifest are, and its size."""

    master_key: str
    manifest_key: str
    manifest_sha256: str
    size_bytes: int
    frames: int
    duration_s: float
    renditions: tuple[str, ...]
    mp4_key: str = ""
    poster_key: str = ""
    #: The WebVTT file of the thumbnails.
    storyboard_key: str = ""
    #: The losses of the source's content, a line each.
    warnings: tuple[str, ...] = ()


class Repinned(Record):
    """One change of the encoder that a job is pinned to, and what it cost."""

    at: float
    #: The fingerprint of the encoder that it was pinned to before.
    former: str
    #: Finished frames that were thrown away.
    frames: int
    reason: str


class Job(Versioned):
    """A job's record.  Instants are float seconds of store time."""

    id: str
    generation: int = 1
    status: Status = Status.QUEUED
    source: Source
    profile: Profile
    #: Asked-for chunk length, or None for the default.
    chunk_s: float | None = None
    submitted_at: float
    deadline_at: float
    #: When the sweep should look at an open job, if nobody moves it before.
    wake_at: float
    #: How often the sweep has sent the pointer again since a lane last woke the job.
    resends: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    #: Why the job ended, or an empty string.
    reason: str = ""
    #: The units of this generation that are finished, by name.
    done: frozenset[str] = frozenset()
    #: How many units the plan holds in all, or 0 while there is no plan.
    units: int = 0
    frames: int = 0
    #: The plan's work in pixels of all renditions together, or 0 while there is no plan; see ``core.estimate``.
    work_px: float = 0.0
    #: When somebody asked for it to go before others; None where nobody did.
    bumped_at: float | None = None
    outputs: Outputs | None = None
    #: The units that this generation takes over from the one before, by name.
    adopted: tuple[str, ...] = ()
    #: What the last generation before this one that succeeded gave: its objects stay until this one succeeds.
    published: Outputs | None = None
    #: The fingerprint of the one encoder whose chunks count, where the profile allows no splice; empty before one.
    pin: str = ""
    repinned: tuple[Repinned, ...] = ()
    #: When somebody began to remove the job; it opens no more.
    removed_at: float | None = None
    #: The submitter, as ``name@host``; empty where nobody said.
    submitted_by: str = ""
    #: URLs that are told how the job ends.
    notify: frozenset[str] = frozenset()
    #: How each former generation ended, the first first; empty for one that ended before this was kept.
    endings: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether the job still wants work done."""
        return self.status in OPEN

    def endings_with_this(self) -> tuple[str, ...]:
        """Return what the next generation's ``endings`` are, given that this one has ended."""
        unknown = ("",) * (self.generation - 1 - len(self.endings))
        return (*self.endings, *unknown, str(self.status))


class Pointer(Versioned):
    """What travels through SQS: a pointer to a job, never the truth."""

    job_id: str = Field(pattern=ID_PATTERN)
    generation: int = Field(ge=1, le=9999)


def identify(source: Source, profile: Profile) -> str:
    """Return the job id: 80 bits, in hex, of the source's version and the profile's content.

    The version is bucket, key, ETag and size, not S3's version id: uploading the
    same bytes again into a versioned bucket is still the same video.

    >>> rung = {"height": 360, "rate_bps": 600_000, "high_motion_rate_bps": 900_000}
    >>> profile = Profile.model_validate({"name": "small", "rungs": [rung]})
    >>> identify(Source(bucket="b", key="k", etag="e", size_bytes=1), profile)
    '2bb01e998f3308f659a5'
    """
    parts = (source.bucket, source.key, source.etag, str(source.size_bytes), profile.digest())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
