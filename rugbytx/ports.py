"""The outside world as a handful of Protocols: everything above this line is told, not shown.

Methods raise only what ``rugbytx.errors`` names; adapters translate at their
border.  Each adapter passes the same contract suite as the fake that stands in
for it (``tests/contract``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rugbytx.core.clean import Cleaning
from rugbytx.core.cmaf import Track
from rugbytx.core.job import Address, Job, Outputs, Pointer, Source, Status
from rugbytx.core.letter import DeadLetter, Depth
from rugbytx.core.media import MediaInfo
from rugbytx.core.plan import Plan
from rugbytx.core.presence import Worker
from rugbytx.core.quality import Scores
from rugbytx.core.still import Picture
from rugbytx.core.unit import Charge, Lease, Measured, Progress, Unit, UnitKey

#: Called with the number of bytes that have moved since the last call, from any thread but one call at a time.
OnBytes = Callable[[int], None]


class Pulse(Protocol):
    """What a step reports to, and what may stop it: the heartbeat's side of a unit's work."""

    def step(self, name: str) -> None:
        """Begin a step: its counter starts from zero."""

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Say how far the step has come; only a change counts as life."""

    def check(self) -> None:
        """Raise what should end the work (LeaseLost, Stalled, Draining), if anything should."""


class JobStore(Protocol):
    """The truth.  Every conditional write survives its own repetition."""

    def now(self) -> float:
        """Return the store's time; raises Unreachable while it is unknown."""

    def create_job(self, job: Job) -> Job:
        """Write ``job`` unless its id exists; return the record that stands."""

    def read_job(self, job_id: str) -> Job | None:
        """Return the job as it is, by a consistent read."""

    def list_jobs(self, *, status: Status | None = None, limit: int = 100) -> Sequence[Job]:
        """Return jobs, the last submitted first; may lag behind writes."""

    def open_jobs(self, limit: int) -> Sequence[Job]:
        """Return open jobs: the RUNNING ones, then the QUEUED ones, at most ``limit`` of each, the oldest first.

        May lag behind writes: the sweep only sends pointers, so a stale answer
        costs a message.
        """

    def tighten(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        """Move the deadline of an open job forward; a later deadline changes nothing."""

    def reopen(self, job: Job) -> bool:
        """Replace an ended job of generation ``job.generation - 1`` by ``job``; say whether it did.

        A job that is being removed is not replaced.
        """

    def start_job(self, job_id: str, generation: int) -> None:
        """Turn QUEUED into RUNNING."""

    def planned(self, job_id: str, generation: int, *, units: int, frames: int) -> None:
        """Note on the job's record how large the plan is."""

    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        """Set ``wake_at``; False where the job is not open in this generation."""

    def end_job(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        """End an open job; False where it had ended otherwise or moved on.  Repeating it is True.

        Before that a clean-up is noted, so that none is forgotten.
        """

    def begin_removal(self, job_id: str, generation: int) -> bool:
        """Mark an ended job as being removed: it opens no more.  False where it is open or moved on.

        Before that a clean-up is noted, as for an end.
        """

    def delete_job(self, job_id: str) -> None:
        """Remove the job, if it is marked, and its units; a job that is not marked is another one by now."""

    def clean_later(self, cleaning: Cleaning) -> None:
        """Note a clean-up; noting it twice is noting it once."""

    def due_cleanings(self, limit: int) -> Sequence[Cleaning]:
        """Return clean-ups that are due, the longest overdue first."""

    def cleaned(self, cleaning: Cleaning) -> None:
        """Forget a clean-up that was done, or is noted for later."""

    def read_units(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed, by a consistent read."""

    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if somebody was faster.

        A finished chunk is claimed anew where the job is pinned to an encoder that is not its ``maker``.
        """

    def adopt(self, job: Job, unit: Unit) -> None:
        """Make a finished unit of another generation DONE in this one, unless it has a record here."""

    def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` 5 s past its end; raises LeaseLost.

        A CHECK's job has ended and is not woken.
        """

    def commit(self, lease: Lease, *, result: str, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost.  Only the fence is tested, not the clock."""

    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        """Make the unit WAITING, and count what it is charged with.  Raises LeaseLost."""

    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        """Make the unit FAILED, which ends its job, and wake the job at once.  Raises LeaseLost."""

    def mark_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        """Add units to the job's set of finished ones; adding twice is adding once."""

    def repin(self, job: Job, *, seen: Job) -> None:
        """Write pin, re-pinnings and finished units of ``job``, if it is open and pinned as in ``seen``.

        Whether it was written shows the next look at the job.
        """

    def present(self, worker: Worker) -> None:
        """Note what a worker says of itself."""

    def withdraw(self, name: str) -> None:
        """Forget a worker that leaves."""

    def workers(self) -> Sequence[Worker]:
        """Return the workers that are believed to live, by a consistent read."""

    def hold(self, name: str, *, owner: str, lease_s: float) -> bool:
        """Take or keep the named lease; False while another holds it."""


class Queue(Protocol):
    """The queue of pointers, and the dead-letter queue behind it."""

    def send(self, pointers: Sequence[Pointer]) -> None:
        """Send pointers, in batches; raises Unreachable if any was not accepted."""

    def extend(self, receipt: str, *, visibility_s: float) -> bool:
        """Keep a received message invisible for so long from now; 0 shows it at once.

        False where SQS refused the receipt.  True proves no ownership: SQS may
        accept a receipt that a later receive has made stale, and do nothing.
        """

    def depth(self) -> Depth:
        """Return the approximate counts."""

    def receive_dead(self) -> Sequence[DeadLetter]:
        """Return up to ten messages of the dead-letter queue, hidden for a while; none where it shows none."""

    def show_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Show messages of the dead-letter queue again at once."""

    def drop_dead(self, letters: Sequence[DeadLetter]) -> None:
        """Delete messages from the dead-letter queue."""

    def send_again(self, letter: DeadLetter) -> None:
        """Send a dead letter's body to the queue, as it is; raises Unreachable."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object as S3 describes it."""

    key: str
    size_bytes: int
    etag: str
    version: str = ""


class Storage(Protocol):
    """Objects in buckets."""

    def head(self, bucket: str, key: str, *, version: str = "") -> Stored | None:
        """Return the object's description, or None where there is none."""

    def download(self, source: Source, path: Path, *, on_bytes: OnBytes) -> None:
        """Bring exactly this version of the source to ``path``, resuming a partial one.

        Raises SourceMissing, SourceChanged, TransferError or ScratchFull.
        """

    def upload(self, path: Path, bucket: str, key: str, *, content_type: str, on_bytes: OnBytes) -> Stored:
        """Put a file, in parts where it is large."""

    def put(self, body: bytes, bucket: str, key: str, *, content_type: str) -> None:
        """Put a small object."""

    def get(self, bucket: str, key: str, *, span: range | None = None) -> bytes:
        """Return a small object's bytes, or those of a span of a large one; raises TransferError."""

    def list(self, bucket: str, prefix: str) -> Iterable[Stored]:
        """Return every object under the prefix."""

    def address(self, source: Source, *, lasts_s: int) -> Address:
        """Return an address that this version of the source can be read by for so long."""

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; removing what is not there is no error."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What encoding gave: a file for each rendition, the boxes of each, in the plan's order, and still pictures."""

    paths: tuple[Path, ...]
    tracks: tuple[Track, ...]
    encoder: str
    pictures: Mapping[Picture, Path] = field(default_factory=dict)
    encode_s: float
    #: The version of the program that encoded.
    ffmpeg: str = ""
    #: The GPU that encoded, and its driver; empty where none did.
    gpu: str = ""
    driver: str = ""
    #: Frames, or packets of sound, that could not be decoded whole.
    damaged: int = 0


class Media(Protocol):
    """ffmpeg and ffprobe, and the files they make.

    Every method raises UnsupportedMedia, TranscodeError or ScratchFull, and
    whatever ``pulse.check`` raises.
    """

    def maker(self) -> str:
        """Return the fingerprint of this host's encoder: equal ones make init segments that can stand in one run.

        Raises HostUnfit where no encoder works.
        """

    def ingest(self, arrived: Path, path: Path, *, pulse: Pulse) -> None:
        """Turn an upload into the file that all units read: the same frames on every host, and seekable.

        ``path`` is there only once it is whole, and ``arrived`` is gone then.
        """

    def probe(self, path: Path, *, pulse: Pulse) -> MediaInfo:
        """Return what the source is."""

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode one chunk in all renditions into ``folder``."""

    def encode_audio(self, plan: Plan, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode the whole audio into ``folder``."""

    def make_mp4(
        self, plan: Plan, video: Sequence[Path], audio: Path | None, path: Path, *, pulse: Pulse
    ) -> None:
        """Join the chunks of one rendition, in order, and the audio into a progressive MP4."""

    def compare(
        self, plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse
    ) -> Scores:
        """Return how like the source these frames of the first rendition are; ``made`` begins with frame ``first``."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An action that a service was asked for, e.g. ``sqs:SendMessage``."""

    action: str
    #: What the service said to somebody who may not; empty where he may.
    refusal: str = ""


class Permissions(Protocol):
    """What the services let this host do.  Each method raises Unreachable where what it asks of is not there.

    Whatever is tried leaves nothing behind.
    """

    def queue(self) -> Sequence[Tried]:
        """Try what workers and submitters do with the queue."""

    def table(self) -> Sequence[Tried]:
        """Try what workers do with the table and its index."""

    def bucket(self, name: str, *, writes: bool) -> Sequence[Tried]:
        """Try what workers do with a bucket: reading, and writing where they do that."""


class Gate(Protocol):
    """May this worker receive now?  Asked before every receive, so it neither blocks nor raises."""

    @property
    def reason(self) -> str:
        """Return why it is open or closed, as a constant that can be counted."""

    def is_open(self) -> bool:
        """Return whether it is open."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one process, as its composition root put them together."""

    store: JobStore
    queue: Queue
    storage: Storage
    media: Media
