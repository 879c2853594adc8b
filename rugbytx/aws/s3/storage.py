"""Objects on S3: sources down, outputs up."""

import errno
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from rugbytx.aws.client import authorities, code, translated
from rugbytx.aws.s3.throttle import Throttle, unlimited
from rugbytx.aws.s3.transfer import (
    DENIED,
    MISSING,
    VersionArguments,
    denied,
    fetch_rest,
    send,
)
from rugbytx.core.job.job import PresignedUrl, Source
from rugbytx.errors import ScratchFull, SourceMissing, TransferError
from rugbytx.ports import OnBytes, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

#: DeleteObjects takes no more.
DELETE_BATCH = 1000
#: The system's words for a full disk and for a used-up quota.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


#: S3's answer to a range that begins behind the object's end.
PAST_END = frozenset({"416", "InvalidRange"})


class Wanted(TypedDict, total=False):
    """Which part of an object GetObject is asked for."""

    Range: str


class S3Storage:
    """The ``Storage`` port on S3.  Safe to share between threads, as its client is."""

    def __init__(
        self, client: "S3Client", *, down: Throttle | None = None, up: Throttle | None = None
    ) -> None:
        """``down`` and ``up`` hold files back; small objects, which go whole, are not held."""
        self._client = client
        self._down = down or unlimited()
        self._up = up or unlimited()

    def head(self, bucket: str, key: str, *, version: str = "") -> Stored | None:
        """Return the object's description, or None where there is none.

        Raises SourceMissing where S3 does not say whether there is one.
        """
        from botocore.exceptions import ClientError

        with translated(self._client, f"bucket {bucket}"):
            try:
                pin: VersionArguments = {"VersionId": version} if version else {}
                answer = self._client.head_object(Bucket=bucket, Key=key, **pin)
            except ClientError as error:
                if code(error) in MISSING:
                    return None
                if code(error) in DENIED:
                    raise SourceMissing(denied(bucket, key)) from error
                raise
        return Stored(
            key=key,
            size_bytes=answer["ContentLength"],
            etag=answer["ETag"].strip('"'),
            version=_version(answer.get("VersionId", "")),
        )

    def download(self, source: Source, path: Path, *, on_bytes: OnBytes) -> None:
        """Bring exactly this version of the source to ``path``, resuming a partial one.

        The partial file lies beside ``path`` and has the version in its name,
        so that the beginning of one version is never continued with another's
        end.  Raises SourceMissing, SourceChanged, TransferError or ScratchFull,
        and what ``on_bytes`` raises.
        """
        partial = path.with_name(f"{path.name}.{_digest(source)}.part")
        try:
            with partial.open("ab") as file:
                fetch_rest(self._client, source, file, on_bytes=on_bytes, throttle=self._down)
                file.flush()
                os.fsync(file.fileno())
                size_bytes = file.tell()
            if size_bytes != source.size_bytes:
                partial.unlink()
                raise TransferError(
                    f"{source.url} should be {source.size_bytes} bytes, but {size_bytes} arrived"
                )
            partial.replace(path)
        except OSError as error:
            if error.errno in FULL:
                partial.unlink(missing_ok=True)
                raise ScratchFull(f"the scratch disk has no room for {source.url}") from error
            raise TransferError(
                f"{source.url} cannot be written to the scratch disk: {error.strerror}"
            ) from error

    def upload(self, path: Path, bucket: str, key: str, *, content_type: str, on_bytes: OnBytes) -> Stored:
        """Put a file, in parts where it is large.

        Raises TransferError where the file cannot be read or did not arrive
        whole, and what ``on_bytes`` raises.
        """
        try:
            with translated(self._client, f"bucket {bucket}"):
                send(
                    self._client,
                    path,
                    bucket,
                    key,
                    content_type=content_type,
                    on_bytes=on_bytes,
                    throttle=self._up,
                )
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error.strerror}") from error
        try:
            stored = self.head(bucket, key)
        except SourceMissing as error:  # an output is no source: the refusal says nothing of the job
            raise TransferError(f"s3://{bucket}/{key} cannot be looked at after its upload") from error
        if stored is None or stored.size_bytes != path.stat().st_size:
            raise TransferError(f"s3://{bucket}/{key} is not what was uploaded from {path}")
        return stored

    def put(self, body: bytes, bucket: str, key: str, *, content_type: str) -> None:
        """Put a small object."""
        with translated(self._client, f"bucket {bucket}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def get(self, bucket: str, key: str, *, span: range | None = None) -> bytes:
        """Return a small object's bytes, or those of a span of a large one.

        Raises TransferError where there is none, or where it ends within the span.
        """
        from botocore.exceptions import ClientError

        with translated(self._client, f"bucket {bucket}"):
            try:
                wanted: Wanted = {"Range": f"bytes={span.start}-{span.stop - 1}"} if span else {}
                with closing(self._client.get_object(Bucket=bucket, Key=key, **wanted)["Body"]) as body:
                    content = body.read()
            except ClientError as error:
                if code(error) in MISSING:
                    raise TransferError(f"s3://{bucket}/{key} does not exist") from error
                if code(error) not in PAST_END:
                    raise
                content = b""
        if span and len(content) != len(span):
            raise TransferError(f"s3://{bucket}/{key} ends before byte {span.stop}")
        return content

    def list(self, bucket: str, prefix: str) -> Iterable[Stored]:
        """Return every object under the prefix, asked for page by page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with translated(self._client, f"bucket {bucket}"):
            for page in pages:
                for item in page.get("Contents", []):
                    yield Stored(key=item["Key"], size_bytes=item["Size"], etag=item["ETag"].strip('"'))

    def address(self, source: Source, *, lasts_s: int) -> PresignedUrl:
        """Return a presigned URL, which holds a signature and no secret key; nothing is asked of S3."""
        pin: VersionArguments = {"VersionId": source.version} if source.version else {}
        with translated(self._client, f"bucket {source.bucket}"):
            url = self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": source.bucket, "Key": source.key, **pin},
                ExpiresIn=lasts_s,
            )
        return PresignedUrl(url=url, authorities=authorities())

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; removing what is not there is no error.  Raises TransferError if any stayed."""
        for first in range(0, len(keys), DELETE_BATCH):
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": key} for key in keys[first : first + DELETE_BATCH]
            ]
            with translated(self._client, f"bucket {bucket}"):
                answer = self._client.delete_objects(
                    Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
                )
            if errors := answer.get("Errors"):
                key, why = errors[0].get("Key", ""), errors[0].get("Message", "")
                raise TransferError(
                    f"{len(errors)} objects cannot be removed, the first is s3://{bucket}/{key}: {why}"
                )


def _digest(source: Source) -> str:
    parts = (source.url, source.etag, source.version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _version(answered: str) -> str:
    """Return the version id; S3's ``null`` names whatever was written last without one, and pins nothing."""
    return "" if answered == "null" else answered
