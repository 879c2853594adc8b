"""Where readers find an output, and that the prose of these modules is true."""

import doctest
from dataclasses import replace
from types import ModuleType

import pytest

import rugbytx.profiles
import rugbytx.settings
import rugbytx.source
import rugbytx.system
from rugbytx.cli.job import submit
from rugbytx.cli.shared import duration, exit, job_view, output  # noqa: A004 - the module is called so
from tests.connection import Fakes


@pytest.mark.parametrize(
    ("s3_url", "base_url", "url"),
    [
        ("http://127.0.0.1:5000", "", "http://127.0.0.1:5000/rugbytx-output/out/a%20b.m3u8"),
        ("http://minio:9000/", "", "http://minio:9000/rugbytx-output/out/a%20b.m3u8"),
        (
            "https://s3.eu-west-1.amazonaws.com",
            "",
            "https://rugbytx-output.s3.eu-west-1.amazonaws.com/out/a%20b.m3u8",
        ),
        (
            "https://s3.eu-west-1.amazonaws.com",
            "https://cdn.example.org/v",
            "https://cdn.example.org/v/out/a%20b.m3u8",
        ),
    ],
)
def test_an_outputs_url(s3_url: str, base_url: str, url: str) -> None:
    """The CDN's where there is one; else the bucket's, as that kind of S3 writes it."""
    connection = Fakes().connection
    settings = connection.settings.model_copy(update={"output_base_url": base_url})
    address = replace(connection.address, endpoints={"S3": s3_url})
    assert job_view.object_url("out/a b.m3u8", replace(connection, address=address, settings=settings)) == url


@pytest.mark.parametrize("text", ["", "s", "5x", "-5", "1m1h", "h", "1.5h"])
def test_what_is_no_duration(text: str) -> None:
    """A unit out of order is a typing mistake, not a sum."""
    with pytest.raises(ValueError, match="is no duration"):
        duration.parse(text)


@pytest.mark.parametrize(
    "module",
    [
        *(duration, exit, output, submit, job_view),
        *(rugbytx.profiles, rugbytx.settings, rugbytx.source, rugbytx.system),
    ],
)
def test_the_examples_hold(module: ModuleType) -> None:
    """Every doctest of these modules."""
    assert doctest.testmod(module).failed == 0
