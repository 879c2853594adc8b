"""What every storage keeps, the fake and S3's; and how downloads from S3 break and go on."""

import errno
import os
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ResponseStreamingError

from rugbytx.aws.client import client
from rugbytx.aws.s3 import transfer
from rugbytx.aws.s3.storage import S3Storage
from rugbytx.core.job.job import Source
from rugbytx.errors import (
    LeaseLost,
    ScratchFull,
    SourceChanged,
    SourceMissing,
    TransferError,
    Unreachable,
)
from rugbytx.ports import Storage
from tests.fakes.storage import FakeStorage

BUCKET = "contract"


def _ignore(_count: int) -> None:
    """Do nothing with the count."""


@dataclass
class Counted:
    """An ``on_bytes`` that adds up."""

    total: int = 0
    calls: int = 0

    def __call__(self, count: int) -> None:
        """Add a count."""
        self.total += count
        self.calls += 1


@pytest.fixture
def s3(endpoint: str) -> Iterator[Any]:
    """Return a client at the server, with an empty bucket; ``Any``, because tests look at raw answers."""
    assert endpoint
    with closing(client("s3")) as opened:
        where: Any = {"LocationConstraint": opened.meta.region_name}
        try:
            opened.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        except opened.exceptions.BucketAlreadyOwnedByYou:
            storage = S3Storage(opened)
            storage.delete(BUCKET, [stored.key for stored in storage.list(BUCKET, "")])
        yield opened


@pytest.fixture(params=["fake", "embedded"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Return a storage whose bucket is empty."""
    return FakeStorage() if request.param == "fake" else S3Storage(request.getfixturevalue("s3"))


def _in_pages_of_ten(params: dict[str, Any], **_: object) -> dict[str, Any]:
    return {**params, "MaxKeys": 10}


def _put_source(storage: Storage, body: bytes, key: str = "in/match.mp4") -> Source:
    storage.put(body, BUCKET, key, content_type="video/mp4")
    stored = storage.head(BUCKET, key)
    assert stored is not None
    return Source(
        bucket=BUCKET, key=key, etag=stored.etag, size_bytes=stored.size_bytes, version=stored.version
    )


def test_what_is_put_can_be_read_and_described(storage: Storage) -> None:
    """The ETag comes without quotes and changes with the content."""
    storage.put(b"first", BUCKET, "a/b c.txt", content_type="text/plain")
    stored = storage.head(BUCKET, "a/b c.txt")
    assert stored is not None
    assert (stored.key, stored.size_bytes, stored.version) == ("a/b c.txt", 5, "")
    assert stored.etag.isalnum()
    assert storage.get(BUCKET, "a/b c.txt") == b"first"
    storage.put(b"other", BUCKET, "a/b c.txt", content_type="text/plain")
    changed = storage.head(BUCKET, "a/b c.txt")
    assert changed is not None
    assert changed.etag != stored.etag


def test_a_span_of_an_object_can_be_read(storage: Storage) -> None:
    """Exactly its bytes, and nothing less."""
    storage.put(b"0123456789", BUCKET, "digits", content_type="text/plain")
    assert storage.get(BUCKET, "digits", span=range(3, 6)) == b"345"
    assert storage.get(BUCKET, "digits", span=range(10)) == b"0123456789"
    for beyond in (range(8, 12), range(20, 30)):
        with pytest.raises(TransferError, match="ends before byte"):
            storage.get(BUCKET, "digits", span=beyond)


def test_what_is_not_there(storage: Storage) -> None:
    """A missing object has no description and cannot be read."""
    assert storage.head(BUCKET, "nothing") is None
    with pytest.raises(TransferError, match="does not exist"):
        storage.get(BUCKET, "nothing")
    storage.delete(BUCKET, ["nothing"])
    storage.delete(BUCKET, [])
    assert list(storage.list(BUCKET, "nothing/")) == []


def test_list_and_delete_take_any_number(
    storage: Storage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages and batches of ten stand for S3's thousand."""
    if isinstance(storage, S3Storage):
        monkeypatch.setattr("rugbytx.aws.s3.storage.DELETE_BATCH", 10)
        events = request.getfixturevalue("s3").meta.events
        events.register("provide-client-params.s3.ListObjectsV2", _in_pages_of_ten)
    keys = [f"many/{number:04}" for number in range(25)]
    for key in keys:
        storage.put(b"x", BUCKET, key, content_type="text/plain")
    storage.put(b"stays", BUCKET, "other", content_type="text/plain")
    assert [stored.key for stored in storage.list(BUCKET, "many/")] == keys
    storage.delete(BUCKET, keys)
    assert [stored.key for stored in storage.list(BUCKET, "")] == ["other"]


def test_a_file_goes_up_and_comes_down_whole(storage: Storage, tmp_path: Path) -> None:
    """Every byte is counted, and nothing is left beside the file."""
    body = os.urandom(3_000_000)
    (tmp_path / "up").write_bytes(body)
    up, down = Counted(), Counted()
    stored = storage.upload(tmp_path / "up", BUCKET, "v.mp4", content_type="video/mp4", on_bytes=up)
    assert (stored.key, stored.size_bytes, up.total) == ("v.mp4", len(body), len(body))
    assert stored == storage.head(BUCKET, "v.mp4")
    source = Source(bucket=BUCKET, key="v.mp4", etag=stored.etag, size_bytes=len(body))
    storage.download(source, tmp_path / "down", on_bytes=down)
    assert (tmp_path / "down").read_bytes() == body
    assert down.total == len(body)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["down", "up"]


def test_an_empty_file_goes_up_and_comes_down(storage: Storage, tmp_path: Path) -> None:
    """There is no range of nothing to ask for."""
    storage.download(_put_source(storage, b""), tmp_path / "down", on_bytes=_ignore)
    assert (tmp_path / "down").read_bytes() == b""


def test_a_download_takes_only_the_version_that_was_submitted(storage: Storage, tmp_path: Path) -> None:
    """An object written over is not the source any more, and a removed one is missing."""
    source = _put_source(storage, b"as submitted")
    storage.put(b"as replaced.", BUCKET, source.key, content_type="video/mp4")
    with pytest.raises(SourceChanged, match=r"s3://contract/in/match\.mp4 has changed"):
        storage.download(source, tmp_path / "down", on_bytes=_ignore)
    storage.delete(BUCKET, [source.key])
    with pytest.raises(SourceMissing, match=r"s3://contract/in/match\.mp4 does not exist"):
        storage.download(source, tmp_path / "down", on_bytes=_ignore)
    assert not (tmp_path / "down").exists()


def test_a_file_that_cannot_be_read_is_a_transfer_error(storage: Storage, tmp_path: Path) -> None:
    """The sentence names the file."""
    with pytest.raises(TransferError, match="gone"):
        storage.upload(tmp_path / "gone", BUCKET, "k", content_type="video/mp4", on_bytes=_ignore)


def test_a_broken_download_of_the_fake_is_resumed(tmp_path: Path) -> None:
    """The fake keeps its partial file, as the real one does."""
    fake = FakeStorage()
    source = _put_source(fake, b"0123456789")
    fake.breaks_after = 4
    with pytest.raises(TransferError):
        fake.download(source, tmp_path / "down", on_bytes=_ignore)
    rest = Counted()
    fake.download(source, tmp_path / "down", on_bytes=rest)
    assert (rest.total, fake.bytes_read) == (6, 10)
    assert (tmp_path / "down").read_bytes() == b"0123456789"


# -- S3 alone: ranges that break, resumption, versions, a full disk


@dataclass
class Tampered:
    """An S3 client whose ``get_object`` goes wrong as told; it counts the ranges that were asked for."""

    client: Any
    #: Called with the range's first byte and the stream; what it returns is read instead.
    tamper: Callable[[int, Any], Any] = lambda _first, stream: stream
    ranges: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_object(self, **arguments: Any) -> Any:
        """Answer as S3 does, but for the stream."""
        self.ranges.append(arguments["Range"])
        first = int(arguments["Range"].removeprefix("bytes=").partition("-")[0])
        answer = self.client.get_object(**arguments)
        return {**answer, "Body": self.tamper(first, answer["Body"])}


class Breaking:
    """A stream that breaks off after so many bytes."""

    def __init__(self, stream: Any, after: int) -> None:
        self._stream = stream
        self._after = after

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def iter_chunks(self, _size: int) -> Iterator[bytes]:
        """Yield what still comes, then fail as botocore does."""
        yield self._stream.read(self._after)
        raise ResponseStreamingError(error="connection reset by peer")


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ranges so small that a test's source has many."""
    monkeypatch.setattr(transfer, "PART_BYTES", 1000)
    monkeypatch.setattr(transfer, "PIECE_BYTES", 100)


@pytest.mark.usefixtures("_small_parts")
def test_ranges_that_break_are_continued_where_they_broke(s3: Any, tmp_path: Path) -> None:
    """Nothing is read twice, and the file is the source."""
    body = os.urandom(10_500)
    source = _put_source(S3Storage(s3), body)
    client = Tampered(s3, lambda first, stream: Breaking(stream, 300) if first % 1000 == 0 else stream)
    counted = Counted()
    S3Storage(client).download(source, tmp_path / "down", on_bytes=counted)  # type: ignore[arg-type] # it behaves like a client
    assert (tmp_path / "down").read_bytes() == body
    assert counted.total == len(body)
    assert "bytes=3300-3999" in client.ranges
    assert len(client.ranges) == 22


@pytest.mark.usefixtures("_small_parts")
def test_a_range_that_breaks_for_good_leaves_a_beginning_to_go_on_from(s3: Any, tmp_path: Path) -> None:
    """The next attempt asks only for what is missing."""
    body = os.urandom(10_000)
    source = _put_source(S3Storage(s3), body)
    broken = Tampered(s3, lambda first, stream: Breaking(stream, 0) if first == 6000 else stream)
    with pytest.raises(TransferError, match="broke off 5 times"):
        S3Storage(broken).download(source, tmp_path / "down", on_bytes=_ignore)  # type: ignore[arg-type] # it behaves like a client
    (partial,) = tmp_path.iterdir()
    assert partial.read_bytes() == body[:6000]
    healed, counted = Tampered(s3), Counted()
    S3Storage(healed).download(source, tmp_path / "down", on_bytes=counted)  # type: ignore[arg-type] # it behaves like a client
    assert sorted(healed.ranges) == [f"bytes={first}-{first + 999}" for first in range(6000, 10_000, 1000)]
    assert counted.total == 4000
    assert [path.name for path in tmp_path.iterdir()] == ["down"]
    assert (tmp_path / "down").read_bytes() == body


def test_another_versions_beginning_is_not_continued(s3: Any, tmp_path: Path) -> None:
    """Each version has a partial file of its own."""
    storage = S3Storage(s3)
    old = _put_source(storage, b"a" * 2000)
    broken = Tampered(s3, lambda _first, stream: Breaking(stream, 0))
    with pytest.raises(TransferError):
        S3Storage(broken).download(old, tmp_path / "down", on_bytes=_ignore)  # type: ignore[arg-type] # it behaves like a client
    new = _put_source(storage, b"b" * 2000)
    storage.download(new, tmp_path / "down", on_bytes=_ignore)
    assert (tmp_path / "down").read_bytes() == b"b" * 2000


@pytest.mark.usefixtures("_small_parts")
def test_what_on_bytes_raises_ends_the_download(s3: Any, tmp_path: Path) -> None:
    """It comes out as it went in, once every thread has stopped."""
    source = _put_source(S3Storage(s3), os.urandom(50_000))

    def lose(_count: int) -> None:
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost, match="gone"):
        S3Storage(s3).download(source, tmp_path / "down", on_bytes=lose)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("download")]


def test_what_on_bytes_raises_ends_the_upload(s3: Any, tmp_path: Path) -> None:
    """The SDK's own wrapping of it is taken off again."""
    (tmp_path / "up").write_bytes(b"x" * 100_000)

    def lose(_count: int) -> None:
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost, match="gone"):
        S3Storage(s3).upload(tmp_path / "up", BUCKET, "k", content_type="video/mp4", on_bytes=lose)


def test_a_large_file_goes_up_in_parts(s3: Any, tmp_path: Path) -> None:
    """Above 16 MiB the ETag says how many parts there were."""
    body = os.urandom(1024) * 34 * 1024
    (tmp_path / "up").write_bytes(body)
    counted = Counted()
    stored = S3Storage(s3).upload(tmp_path / "up", BUCKET, "k", content_type="video/mp4", on_bytes=counted)
    assert stored.etag.endswith("-3")
    assert counted.total == len(body)
    source = Source(bucket=BUCKET, key="k", etag=stored.etag, size_bytes=len(body))
    S3Storage(s3).download(source, tmp_path / "down", on_bytes=_ignore)
    assert (tmp_path / "down").read_bytes() == body
    assert s3.head_object(Bucket=BUCKET, Key="k")["ContentType"] == "video/mp4"


def test_a_version_can_be_read_after_it_was_replaced(s3: Any, tmp_path: Path) -> None:
    """In a bucket with versions the source is the version, whatever has become of the key."""
    bucket = f"versions-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    storage = S3Storage(s3)
    storage.put(b"old", bucket, "k", content_type="video/mp4")
    old = storage.head(bucket, "k")
    assert old is not None
    assert old.version
    storage.put(b"newer", bucket, "k", content_type="video/mp4")
    assert storage.head(bucket, "k", version=old.version) == old
    source = Source(bucket=bucket, key="k", etag=old.etag, size_bytes=3, version=old.version)
    storage.download(source, tmp_path / "down", on_bytes=_ignore)
    assert (tmp_path / "down").read_bytes() == b"old"


def test_a_full_disk_is_said_and_given_back(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partial file goes, so that other jobs have its room."""
    source = _put_source(S3Storage(s3), b"x" * 1000)

    def full(_client: object, _source: Source, file: BinaryIO, **_options: object) -> None:
        file.write(b"x" * 10)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("rugbytx.aws.s3.storage.fetch_rest", full)
    with pytest.raises(ScratchFull, match="no room"):
        S3Storage(s3).download(source, tmp_path / "down", on_bytes=_ignore)
    assert list(tmp_path.iterdir()) == []


def test_an_address_opens_one_object_and_shows_nothing(s3: Any) -> None:
    """Whoever has it reads that version, by ranges and without credentials; no text of it says so."""
    storage = S3Storage(s3)
    source = _put_source(storage, b"0123456789", key="in/a match + more?.mp4")
    address = storage.address(source, lasts_s=60)
    asked = urllib.request.Request(address.url, headers={"Range": "bytes=3-5"})  # noqa: S310  our own server
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        assert (answer.status, answer.read()) == (206, b"345")
    query = parse_qs(urlsplit(address.url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["60"]
    assert "Signature" not in repr(address)
    assert Path(address.authorities).is_file()


def test_an_address_pins_the_version(s3: Any) -> None:
    """Where the bucket keeps versions."""
    storage = S3Storage(s3)
    source = _put_source(storage, b"x").model_copy(update={"version": "v7"})
    assert parse_qs(urlsplit(storage.address(source, lasts_s=60).url).query)["versionId"] == ["v7"]


def test_authorities_of_ones_own_are_trusted(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As boto3 does."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/own.pem")
    source = _put_source(S3Storage(s3), b"x")
    assert S3Storage(s3).address(source, lasts_s=60).authorities == "/etc/own.pem"


def test_a_missing_bucket_is_one_plain_sentence(s3: Any) -> None:
    """It names the bucket."""
    storage = S3Storage(s3)
    assert storage.head("nowhere-at-all", "k") is None
    with pytest.raises(Unreachable, match="nowhere-at-all does not exist"):
        storage.put(b"x", "nowhere-at-all", "k", content_type="text/plain")
    with pytest.raises(Unreachable, match="nowhere-at-all does not exist"):
        list(storage.list("nowhere-at-all", ""))
