"""The store's time: the server's, heard through its answers."""

from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.aws.dynamodb.clock import StoreTime, settle
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.errors import Unreachable
from tests.store_bench import Bench


class DeafTime(StoreTime):
    """A clock that never hears an answer's date."""

    def listen_to(self, client: Any) -> None:
        """Do nothing."""


@pytest.mark.usefixtures("dynamodb")
def test_no_date_is_no_time() -> None:
    """While the store's time is unknown there is none, and so no claim."""
    store = open_store("rugbytx", time=DeafTime())
    with pytest.raises(Unreachable, match="time is unknown"):
        store.now()


def test_time_is_the_servers(dynamodb: Bench) -> None:
    """The first question about the time asks the server; later ones are answered from the monotonic clock."""
    readings = iter([50.0, 50.25, 52.0, 53.5])
    time = StoreTime(monotonic=lambda: next(readings))
    store = open_store("rugbytx", time=time)
    first = store.now()
    assert first - 1.75 == pytest.approx(dynamodb.store.now(), abs=2)
    assert store.now() == first + 1.5


class Answer:
    """What botocore tells about one request and its answer."""

    def __init__(self, date: str | None, status_code: int = 200) -> None:
        self.context: dict[str, Any] = {}
        self.answer = {"status_code": status_code, "headers": {} if date is None else {"date": date}}

    def reach(self, time: StoreTime) -> None:
        """Let the clock hear of both."""
        time._on_request(self)
        time._on_response(self.answer, self.context)


def test_only_dynamodbs_own_answers_count() -> None:
    """An error page of something in between, and an answer without a date, set no clock."""
    time = StoreTime(monotonic=lambda: 5.0)
    Answer("Tue, 14 Nov 2023 22:13:20 GMT", status_code=503).reach(time)
    Answer(None).reach(time)
    assert time.now() is None
    Answer("Tue, 14 Nov 2023 22:13:20 GMT", status_code=400).reach(time)
    assert time.now() == 1_700_000_000.5


answers = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=30)


@given(truth_s=st.floats(-1e6, 1e9), answers=answers)
def test_more_answers_bring_the_offset_no_further_off(
    truth_s: float, answers: list[tuple[float, float, float]]
) -> None:
    """Wherever the answers' seconds and delays fall, each brings the offset nearer to the truth or lets it be."""
    offset_s: float | None = None
    for sent_at, took_s, share in answers:
        date_at = float(floor(sent_at + took_s * share + truth_s))
        before = float("inf") if offset_s is None else abs(offset_s - truth_s)
        offset_s = settle(offset_s, date_at=date_at, sent_at=sent_at, received_at=sent_at + took_s)
        assert abs(offset_s - truth_s) <= min(before, 1 + took_s) + 1e-6


def test_a_step_of_the_servers_clock_is_followed() -> None:
    """The offset lies within the bounds of the last answer, whatever was heard before."""
    offset_s = settle(None, date_at=1000.0, sent_at=10.0, received_at=10.0)
    assert settle(offset_s, date_at=1060.0, sent_at=11.0, received_at=11.0) == 1049.0
    assert settle(offset_s, date_at=940.0, sent_at=11.0, received_at=11.0) == 930.0
