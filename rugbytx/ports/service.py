"""What AWS does for us besides the truth: a queue, buckets, and leave to use them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rugbytx.core.job.dead_letter import DeadLetter, Depth
from rugbytx.core.job.job import Pointer, PresignedUrl, Source
from rugbytx.core.notify.notification import Notification

#: Called with the number of bytes that have moved since the last call, from any thread but one call at a time.
OnBytes = Callable[[int], None]


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

    def dead_depth(self) -> Depth:
        """Return the approximate counts of the dead-letter queue."""

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

    def address(self, source: Source, *, lasts_s: int) -> PresignedUrl:
        """Return an address that this version of the source can be read by for so long."""

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; removing what is not there is no error."""


class Courier(Protocol):
    """What carries a notification to a target."""

    def deliver(self, target: str, notification: Notification, *, sent_at: float) -> None:
        """Hand the notification's body to the target, within seconds; ``sent_at`` is store time.

        Raises NotDelivered, in one sentence that holds no secret, where the target
        did not say that it has taken it.
        """


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
