"""What a job would take and cost."""

import pytest

from rugbytx import prices
from rugbytx.core.cost import quote
from rugbytx.core.cost.quote import Quote
from rugbytx.core.fleet.worker_class import Evidence
from rugbytx.core.scaling.pace import PRIORS, assumed, learned

MATCH_S = 7200.0
#: Of the note: 4 GB.
SIZE_BYTES = 4e9


def quotes(film_s: float = MATCH_S, size_bytes: float = SIZE_BYTES) -> dict[str, Quote]:
    """Return quotes by the built-in prices and the note's paces, by payment."""
    times = quote.of_film(film_s, PRIORS)
    return {one.payment: one for one in quote.quotes(times, prices.load(), size_bytes=size_bytes)}


def test_the_notes_match() -> None:
    """35 minutes of 26 W, or 25 minutes and a start of a rented host; the arithmetic is the row's."""
    found = quotes()
    assert found.keys() == {"power", "on-demand", "spot"}
    assert found["power"].usd == pytest.approx(35 / 60 * 0.0044)
    assert found["on-demand"].usd == pytest.approx((25 + 3) / 60 * 0.526)
    assert found["spot"].usd == pytest.approx((25 + 3) / 60 * 0.21)
    assert found["power"].egress_usd == pytest.approx(4 * 0.09)
    assert found["spot"].egress_usd == 0


def test_egress_may_make_spot_the_cheaper_way() -> None:
    """A match costs more on its way to the Jetson than all of it costs on Spot."""
    found = quotes()
    assert found["power"].whole_usd > found["on-demand"].whole_usd > found["spot"].whole_usd
    free = quotes(size_bytes=0)
    assert free["power"].whole_usd < free["spot"].whole_usd


def test_a_rented_host_is_billed_for_a_minute_at_least() -> None:
    """And for its start in any case."""
    assert quotes(film_s=0.1)["on-demand"].usd == pytest.approx(180 / 3600 * 0.526, rel=0.01)


def test_one_time_in_ten_it_takes_longer() -> None:
    """That costs more."""
    for one in quotes().values():
        assert one.took.slow_s == pytest.approx(1.2 * one.took.busy_s)
        assert one.slow_usd > one.usd


def test_measured_paces_go_before_assumed_ones() -> None:
    """Each class has its own."""
    paces = {"jetson": learned([2 * PRIORS["jetson"].px_per_s] * 32, PRIORS["jetson"]), "aws": assumed(1e9)}
    jetson, aws = quote.of_film(MATCH_S, paces)
    assert (jetson.evidence, aws.evidence) == (Evidence.MEASURED, Evidence.ASSUMED)
    assert jetson.busy_s < 20 * 60
