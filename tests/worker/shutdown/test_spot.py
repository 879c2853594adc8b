"""A Spot instance that is taken back says so, and the worker hears it."""

import threading
import time
from collections.abc import Iterator

import pytest

from rugbytx.aws.ec2_metadata import Interruption, Metadata
from rugbytx.errors import Unreachable
from rugbytx.worker.shutdown.spot import Spot
from tests.metadata import MetadataService

BOUND_S = 30.0


@pytest.fixture
def service() -> Iterator[MetadataService]:
    """Return a metadata service."""
    with MetadataService() as running:
        yield running


def nothing() -> None:
    """Do nothing."""


def test_the_notice_is_read(service: MetadataService) -> None:
    """Nothing before it, one token for all looks, and another where that one is refused."""
    metadata = Metadata(service.environ)
    assert metadata.interruption() is None
    assert metadata.interruption() is None
    assert service.tokens == 1
    service.tokens += 1  # the one that was given is none any more
    service.take_back()
    assert metadata.interruption() == Interruption(action="terminate", time="2027-01-15T08:02:00Z")
    assert service.tokens == 3


@pytest.mark.parametrize("notice", [b"", b"[]", b'{"action": "terminate"}', b"\xff"])
def test_a_notice_that_cannot_be_read_is_no_end(service: MetadataService, notice: bytes) -> None:
    """It is told as a fault of the service."""
    service.notice = notice
    with pytest.raises(Unreachable, match="cannot be read"):
        Metadata(service.environ).interruption()


def test_without_a_service_there_is_no_notice() -> None:
    """A refused connection is a sentence."""
    nowhere = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    with pytest.raises(Unreachable, match=r"no metadata service at http://127\.0\.0\.1:9"):
        Metadata(nowhere).interruption()


def test_the_notice_is_passed_on_once(service: MetadataService) -> None:
    """After looks that found nothing."""
    heard = threading.Event()
    count: list[int] = []

    def note() -> None:
        count.append(1)
        heard.set()

    spot = Spot(Metadata(service.environ), on_notice=note, on_advice=nothing, look_s=0.01)
    spot.start()
    service.take_back()
    assert heard.wait(BOUND_S)
    spot.stop()
    assert count == [1]


def test_a_recommendation_is_read(service: MetadataService) -> None:
    """Since when it is given; what cannot be read is a fault of the service."""
    metadata = Metadata(service.environ)
    assert metadata.rebalance() is None
    service.advise()
    assert metadata.rebalance() == "2027-01-15T07:58:00Z"
    service.advice = b"[]"
    with pytest.raises(Unreachable, match="recommendation that cannot be read"):
        metadata.rebalance()


def test_a_recommendation_is_passed_on_once_and_the_notice_after_it(service: MetadataService) -> None:
    """It is no end of the watch."""
    told: list[str] = []
    advised, noticed = threading.Event(), threading.Event()

    def on_advice() -> None:
        told.append("advice")
        advised.set()

    def on_notice() -> None:
        told.append("notice")
        noticed.set()

    spot = Spot(Metadata(service.environ), on_notice=on_notice, on_advice=on_advice, look_s=0.01)
    spot.start()
    wait_for_looks(service, 3)
    service.advise()
    assert advised.wait(BOUND_S)
    wait_for_looks(service, 3)
    service.take_back()
    assert noticed.wait(BOUND_S)
    spot.stop()
    assert told == ["advice", "notice"]


def test_a_recommendation_that_was_there_first_is_none(
    service: MetadataService, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is started on such an instance works there: its successor would find the same."""
    service.advise()
    noticed = threading.Event()
    told: list[str] = []
    spot = Spot(
        Metadata(service.environ), on_notice=noticed.set, on_advice=lambda: told.append("x"), look_s=0.01
    )
    spot.start()
    wait_for_looks(service, 4)
    service.take_back()
    assert noticed.wait(BOUND_S)
    spot.stop()
    assert told == []
    assert "rebalance-known" in caplog.messages


def wait_for_looks(service: MetadataService, more: int) -> None:
    """Return once the service was asked so often more."""
    enough, until = service.looks + more, time.monotonic() + BOUND_S
    while service.looks < enough:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_what_is_no_instance_is_not_asked_for_ever() -> None:
    """After three looks without an answer the thread ends; where the service is switched off it never begins."""
    nowhere = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    for environ in (nowhere, nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}):
        before = set(threading.enumerate())
        Spot(Metadata(environ), on_notice=nothing, on_advice=nothing, look_s=0.01).start()
        for thread in set(threading.enumerate()) - before:
            thread.join(BOUND_S)
            assert not thread.is_alive()
