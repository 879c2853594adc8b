"""Buckets in memory that keep S3's rules."""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from rugbytx.core.job.job import PresignedUrl, Source
from rugbytx.errors import SourceChanged, SourceMissing, TransferError, Unreachable
from rugbytx.ports import OnBytes, Stored


class FakeStorage:
    """``ports.Storage`` in memory.

    Buckets spring up when they are first written to and keep no versions.
    Three things go wrong on request: ``down`` makes every call raise
    Unreachable; ``breaks_after`` ends the next download with a TransferError
    once so many bytes have come; and a key in ``refused`` cannot be written.
    """

    def __init__(self) -> None:
        self.down = False
        self.breaks_after: int | None = None
        self.refused: set[str] = set()
        #: What there is: (bucket, key) -> bytes.
        self.objects: dict[tuple[str, str], bytes] = {}
        self.content_types: dict[tuple[str, str], str] = {}
        #: Every (bucket, key) ever written, in order.
        self.puts: list[tuple[str, str]] = []
        self.bytes_read = 0
        self._lock = threading.Lock()

    def head(self, bucket: str, key: str, *, version: str = "") -> Stored | None:
        """Return the object's description, or None where there is none."""
        with self._lock:
            self._check()
            body = self.objects.get((bucket, key))
            return None if body is None or version else _stored(key, body)

    def download(self, source: Source, path: Path, *, on_bytes: OnBytes) -> None:
        """Bring exactly this version of the source to ``path``, resuming a partial one."""
        with self._lock:
            self._check()
            body = self.objects.get((source.bucket, source.key))
        if body is None:
            raise SourceMissing(f"{source.url} does not exist")
        if _etag(body) != source.etag:
            raise SourceChanged(f"{source.url} has changed since it was submitted")
        partial = path.with_name(f"{path.name}.{source.etag}.part")
        have = partial.read_bytes() if partial.exists() else b""
        end, self.breaks_after = self.breaks_after, None
        piece = body[len(have) : end]
        partial.write_bytes(have + piece)
        if piece:
            self.bytes_read += len(piece)
            on_bytes(len(piece))
        if end is not None and end < len(body):
            raise TransferError(f"{source.url} broke off")
        partial.replace(path)

    def upload(self, path: Path, bucket: str, key: str, *, content_type: str, on_bytes: OnBytes) -> Stored:
        """Put a file."""
        try:
            body = path.read_bytes()
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error.strerror}") from error
        if body:
            on_bytes(len(body))
        self.put(body, bucket, key, content_type=content_type)
        return _stored(key, body)

    def put(self, body: bytes, bucket: str, key: str, *, content_type: str) -> None:
        """Put a small object."""
        with self._lock:
            self._check()
            if key in self.refused:
                raise TransferError(f"s3://{bucket}/{key} cannot be written")
            self.objects[bucket, key] = body
            self.content_types[bucket, key] = content_type
            self.puts.append((bucket, key))

    def get(self, bucket: str, key: str, *, span: range | None = None) -> bytes:
        """Return an object's bytes, or those of a span; raises TransferError where they are not all there."""
        with self._lock:
            self._check()
            body = self.objects.get((bucket, key))
            if body is None:
                raise TransferError(f"s3://{bucket}/{key} does not exist")
            if span and span.stop > len(body):
                raise TransferError(f"s3://{bucket}/{key} ends before byte {span.stop}")
            return body[span.start : span.stop] if span else body

    def list(self, bucket: str, prefix: str) -> Iterable[Stored]:
        """Return every object under the prefix, in the order of the keys."""
        with self._lock:
            self._check()
            found = sorted(
                (key, body)
                for (held_in, key), body in self.objects.items()
                if held_in == bucket and key.startswith(prefix)
            )
        return iter([_stored(key, body) for key, body in found])

    def address(self, source: Source, *, lasts_s: int) -> PresignedUrl:
        """Return an address where nobody answers: nothing here speaks HTTP."""
        self._check()
        return PresignedUrl(url=f"http://127.0.0.1:1/{source.bucket}/{source.key}?expires={lasts_s}")

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; removing what is not there is no error."""
        with self._lock:
            self._check()
            for key in keys:
                self.objects.pop((bucket, key), None)

    def _check(self) -> None:
        if self.down:
            raise Unreachable("the fake storage does not answer: it is down")


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _stored(key: str, body: bytes) -> Stored:
    return Stored(key=key, size_bytes=len(body), etag=_etag(body))
