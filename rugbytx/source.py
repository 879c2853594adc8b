"""Where a job's video comes from: an object in S3, or a local file that is put there first."""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.job.job import Source
from rugbytx.errors import (
    JobRejected,
    SourceForbidden,
    SourceMissing,
    TransferError,
    UnsupportedMedia,
)
from rugbytx.ports import OnBytes, Storage, Stored

#: Bucket names and keys as S3 takes them (Amazon S3 User Guide, "Bucket naming rules", "Object key names").
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MAX_KEY_BYTES = 1024
UPLOADS = "uploads"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How far bringing a local file into S3 has come."""

    #: ``hash`` or ``upload``.
    step: str
    path: Path
    done_bytes: int
    size_bytes: int


OnUpload = Callable[[Moved], None]


def is_local(text: str) -> bool:
    """Return whether a source is a local file and not an object.

    >>> is_local("match.mp4"), is_local("s3://games/match.mp4")
    (True, False)
    """
    return not _SCHEME.match(text)


def resolve(
    text: str, storage: Storage, buckets: Sequence[str], *, on_upload: OnUpload | None = None
) -> Source:
    """Return the exact object that ``text`` names, uploading it first where it is a local file.

    ``buckets`` are those that may be read; uploads go into the first.  Raises
    SourceForbidden, SourceMissing, UnsupportedMedia for what is empty or no
    file, or JobRejected for what is no source at all.
    """
    if is_local(text):
        return _put(Path(text), storage, buckets[0], on_upload or (lambda _: None))
    return find(text, storage, buckets)


def find(url: str, storage: Storage, buckets: Sequence[str]) -> Source:
    """Return the exact object that ``s3://bucket/key`` names; raises as ``resolve`` does."""
    bucket, key = parse_url(url)
    if bucket not in buckets:
        raise SourceForbidden(
            f"bucket {bucket} may not be read; RUGBYTX_SOURCE_BUCKETS allows {', '.join(buckets)}"
        )
    stored = storage.head(bucket, key)
    if stored is None:
        raise SourceMissing(f"there is no object {url}")
    if stored.size_bytes == 0:
        raise UnsupportedMedia(f"{url} is empty")
    return _source(bucket, stored)


def parse_url(url: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``; raises JobRejected for anything else.

    >>> parse_url("s3://games/2026/final.mp4")
    ('games', '2026/final.mp4')
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3":
        raise JobRejected(f"a source is s3://bucket/key or a local file, not {url}")
    if not BUCKET.fullmatch(bucket):
        raise JobRejected(f"{url} names no bucket that S3 could have")
    if not _is_unicode(key):
        raise JobRejected(f"the key of s3://{bucket}/... is not valid UTF-8, as S3's keys are")
    if not key or key.endswith("/"):
        raise JobRejected(f"{url} names no object: it should be s3://bucket/key")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise JobRejected(f"the key of s3://{bucket}/{key[:40]}... is longer than {MAX_KEY_BYTES} bytes")
    return bucket, key


def _is_unicode(text: str) -> bool:
    r"""Return whether the text came from valid UTF-8; the command line smuggles other bytes in as surrogates.

    >>> _is_unicode("Hälfte"), _is_unicode("\udcff")
    (True, False)
    """
    return not any("\ud800" <= char <= "\udfff" for char in text)


def upload_key(sha256: str, name: str) -> str:
    """Return where a local file belongs: the same bytes under the same name go to the same place.

    >>> upload_key("ab" * 32, "Saracens \N{EN DASH} Gloucester (2. Hälfte).MP4")
    'uploads/abababababababababababababababab/Saracens-Gloucester-2.-Halfte-.MP4'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    safe = re.sub(r"-{2,}", "-", safe).lstrip(".-")[-100:]
    return f"{UPLOADS}/{sha256[:32]}/{safe or 'video'}"


def _put(path: Path, storage: Storage, bucket: str, on_upload: OnUpload) -> Source:
    """Upload a local file, unless its content is there already."""
    before = status(path)
    size_bytes = before.st_size

    def reporter(step: str) -> OnBytes:
        done_bytes = 0

        def moved(count: int) -> None:
            nonlocal done_bytes
            done_bytes += count
            on_upload(Moved(step=step, path=path, done_bytes=done_bytes, size_bytes=size_bytes))

        return moved

    key = upload_key(_hash(path, reporter("hash")), path.name)
    stored = storage.head(bucket, key)
    if stored is None or stored.size_bytes != size_bytes:
        stored = storage.upload(
            path, bucket, key, content_type="application/octet-stream", on_bytes=reporter("upload")
        )
        if _identity(status(path)) != _identity(before):
            # The key promises another content than what may now lie there.
            storage.delete(bucket, [key])
            raise TransferError(f"{path} changed while it was uploaded; submit it again when it is complete")
    return _source(bucket, stored)


def status(path: Path) -> os.stat_result:
    """Return what a local source is; raises SourceMissing, or UnsupportedMedia for what is empty or no file."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise SourceMissing(f"there is no file {path}") from error
    except (OSError, ValueError) as error:
        raise SourceMissing(f"{path} cannot be read: {_why(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UnsupportedMedia(f"{path} is a folder, not a video file")
    if not stat.S_ISREG(status.st_mode):
        raise UnsupportedMedia(f"{path} is not a regular file")
    if status.st_size == 0:
        raise UnsupportedMedia(f"{path} is empty")
    return status


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _hash(path: Path, on_bytes: OnBytes) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
                on_bytes(len(block))
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {_why(error)}") from error
    return digest.hexdigest()


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _source(bucket: str, stored: Stored) -> Source:
    return Source(
        bucket=bucket,
        key=stored.key,
        etag=stored.etag,
        size_bytes=stored.size_bytes,
        version=stored.version,
    )
