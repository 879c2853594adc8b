"""S3 refuses to say what it holds: no verdict on the job."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from rugbytx.aws.s3.storage import S3Storage
from rugbytx.errors import SourceMissing, TransferError


@pytest.fixture
def s3() -> Iterator[tuple[S3Storage, Stubber]]:
    """Return S3, and what makes it answer what it is told to."""
    client = boto3.Session("local", "local", region_name="eu-west-1").client("s3")
    with Stubber(client) as stub:
        yield S3Storage(client), stub
    client.close()


def test_an_upload_that_cannot_be_looked_at_may_be_repeated(
    s3: tuple[S3Storage, Stubber], tmp_path: Path
) -> None:
    """HeadObject answers an expired token by a bare 403, as it does for what may not be read."""
    storage, stub = s3
    path = tmp_path / "chunk.mp4"
    path.write_bytes(b"frames")
    stub.add_response("put_object", {})
    stub.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
    with pytest.raises(TransferError, match="cannot be looked at"):
        storage.upload(path, "out", "k", content_type="video/mp4", on_bytes=lambda _: None)


def test_a_source_that_may_not_be_read_is_missing(s3: tuple[S3Storage, Stubber]) -> None:
    """For a source the same answer is one: nobody here will be able to read it."""
    storage, stub = s3
    stub.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
    with pytest.raises(SourceMissing, match="may not be read"):
        storage.head("source", "k")
