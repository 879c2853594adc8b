"""Large files between S3 and this host, several ranges or parts at once.

A source comes down never torn: it is cut into ranges of one pinned version,
and what is fetched at once is written strictly in order.  So a partial file is
always a beginning of the source, and the next attempt goes on at its end::

    on disk    ############################
    in memory                             |>>>>>>>>>|>>>>     |>>>>>>   |>>       |
                                           16 MiB
"""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

from rugbytx.aws.client import code, translated
from rugbytx.aws.s3.throttle import Throttle
from rugbytx.core.job.job import Source
from rugbytx.errors import SourceChanged, SourceMissing, TransferError
from rugbytx.ports import OnBytes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from s3transfer.futures import TransferFuture

#: A range of a download, and a part of an upload; S3 allows 10,000 parts, which is 160 GB.
PART_BYTES = 16 * 1024 * 1024
#: Ranges or parts at once: 64 MiB of memory.
PARALLEL = 4
#: How much arrives between two calls of ``on_bytes``: so little that a slow line does not look dead.
PIECE_BYTES = 256 * 1024
#: How often one range may break off; each request has the SDK's own retries besides.
RANGE_ATTEMPTS = 5

MISSING = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"})
#: S3 says this of a missing object too, to those who may not list the bucket (HeadObject).
DENIED = frozenset({"403", "AccessDenied"})
CHANGED = frozenset({"412", "PreconditionFailed"})


class VersionArguments(TypedDict, total=False):
    """The arguments of GetObject or HeadObject that admit only one version."""

    VersionId: str
    IfMatch: str


def fetch_rest(
    client: "S3Client", source: Source, file: BinaryIO, *, on_bytes: OnBytes, throttle: Throttle
) -> None:
    """Append what the file lacks, a few ranges at once and each in its turn."""
    meter = Meter(on_bytes, throttle)
    pending: deque[Future[bytearray]] = deque()
    with ThreadPoolExecutor(PARALLEL, "download") as pool:
        try:
            for first in range(file.tell(), source.size_bytes, PART_BYTES):
                if len(pending) == PARALLEL:
                    file.write(pending.popleft().result())
                pending.append(pool.submit(_fetch, client, source, first, meter))
            while pending:
                file.write(pending.popleft().result())
        except Stopped:
            raise meter.failure or TransferError(f"{source.url} was given up") from None
        except BaseException as error:
            meter.stop(error)  # so that the other ranges end as well: leaving the pool waits for them
            raise


def _fetch(client: "S3Client", source: Source, first: int, meter: "Meter") -> bytearray:
    """Return one range of the source; where it breaks off, it is continued there."""
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    end = min(first + PART_BYTES, source.size_bytes)
    body = bytearray()
    why = ""
    for _ in range(RANGE_ATTEMPTS):
        try:
            for piece in _pieces(client, source, first + len(body), end):
                body += piece
                meter(len(piece))
        except (BotoCoreError, HTTPError) as error:
            why = str(error)
            if first + len(body) == end:  # it all came, so its checksum is what was wrong
                body.clear()
        else:
            return body
    raise TransferError(f"{source.url} broke off {RANGE_ATTEMPTS} times: {why}")


def _pieces(client: "S3Client", source: Source, first: int, end: int) -> Iterator[bytes]:
    from botocore.exceptions import ClientError

    with translated(client, f"bucket {source.bucket}"):
        try:
            answer = client.get_object(
                Bucket=source.bucket, Key=source.key, Range=f"bytes={first}-{end - 1}", **_pin(source)
            )
        except ClientError as error:
            if code(error) in MISSING:
                raise SourceMissing(f"{source.url} does not exist") from error
            if code(error) in DENIED:
                raise SourceMissing(denied(source.bucket, source.key)) from error
            if code(error) in CHANGED:
                raise SourceChanged(f"{source.url} has changed since it was submitted") from error
            raise
    with closing(answer["Body"]) as stream:
        if answer["ContentLength"] != end - first:
            raise TransferError(f"{source.url} was not answered with the bytes that were asked for")
        yield from stream.iter_chunks(PIECE_BYTES)


def send(  # noqa: PLR0913  a file, its place, and who watches it go
    client: "S3Client",
    path: Path,
    bucket: str,
    key: str,
    *,
    content_type: str,
    on_bytes: OnBytes,
    throttle: Throttle,
) -> None:
    """Put a file, in parts where it is large; raises what botocore and ``on_bytes`` raise."""
    from s3transfer.manager import TransferConfig, TransferManager

    progress = _Progress(Meter(on_bytes, throttle))
    config = TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_request_concurrency=PARALLEL
    )
    with TransferManager(client, config) as manager:  # leaving it by an error aborts the upload
        subscribers: list[Any] = [progress]
        future = manager.upload(str(path), bucket, key, {"ContentType": content_type}, subscribers)
        try:
            future.result()
        finally:  # on_bytes may have raised at the very last byte
            if progress.meter.failure is not None:
                raise progress.meter.failure from None


class _Progress:
    """A subscriber of s3transfer's that cancels the upload once ``on_bytes`` has raised."""

    def __init__(self, meter: "Meter") -> None:
        self.meter = meter

    def on_progress(self, future: "TransferFuture", bytes_transferred: int, **_: object) -> None:
        try:
            self.meter(bytes_transferred)
        except Stopped:
            future.cancel()


class Stopped(Exception):  # noqa: N818 - it says what happened to the thread
    """Another thread of this transfer has failed."""


class Meter:
    """Passes on what several threads move, one call at a time and no faster than the throttle lets it.

    Once one has failed it stops them all.
    """

    def __init__(self, on_bytes: OnBytes, throttle: Throttle) -> None:
        self._on_bytes = on_bytes
        self._throttle = throttle
        self._lock = threading.Lock()
        self.failure: BaseException | None = None

    def __call__(self, count: int) -> None:
        """Pass the count on; raises Stopped once anything has failed."""
        if count > 0:
            self._throttle.wait(count, is_over=lambda: self.failure is not None)
        with self._lock:
            if self.failure is None and count > 0:  # below 0 when an upload's part begins again
                try:
                    self._on_bytes(count)
                except BaseException as error:  # noqa: BLE001 - kept, and raised in the caller's thread
                    self.failure = error
            if self.failure is not None:
                raise Stopped

    def stop(self, failure: BaseException) -> None:
        """Let the other threads' next call raise; the first failure is the one that counts."""
        with self._lock:
            self.failure = self.failure or failure


def _pin(source: Source) -> VersionArguments:
    """Return the arguments of GetObject that admit only this version."""
    return {"VersionId": source.version} if source.version else {"IfMatch": f'"{source.etag}"'}


def denied(bucket: str, key: str) -> str:
    """Return the sentence for S3's refusal to say whether there is such an object."""
    return f"s3://{bucket}/{key} does not exist, or may not be read with these credentials"
