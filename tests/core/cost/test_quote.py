"""What a job would take and cost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx import prices
from rugbytx.core.cost import quote
from rugbytx.core.cost.price_list import Item
from rugbytx.core.cost.quote import Quote, Took
from rugbytx.core.fleet.worker_class import AWS_HOST, HOSTS, JETSON_HOST, Evidence, HostFigures, WorkerClass
from rugbytx.core.scaling.pace import PRIORS, assumed, learned

MATCH_S = 7200.0
LISTED = prices.built_in()
#: Of the note: 4 GB.
SIZE_BYTES = 4e9


def quotes(film_s: float = MATCH_S, size_bytes: float = SIZE_BYTES) -> dict[str, Quote]:
    """Return quotes by the built-in prices and the note's paces, by payment."""
    times = quote.of_film(film_s, PRIORS)
    return {one.payment: one for one in quote.quotes(times, LISTED, size_bytes=size_bytes)}


def test_the_notes_match() -> None:
    """35 minutes of 26 W, or 25 minutes and a start of a rented host; the arithmetic is the row's."""
    found = quotes()
    assert found.keys() == {"power", "on-demand", "spot"}
    assert found["power"].usd == pytest.approx(35 / 60 * LISTED.power_h.usd)
    assert found["on-demand"].usd == pytest.approx((25 + 3) / 60 * LISTED.on_demand_h.usd)
    assert found["spot"].usd == pytest.approx((25 + 3) / 60 * LISTED.spot_h.usd)
    assert found["power"].egress_usd == pytest.approx(4 * LISTED.egress_gb.usd)
    assert found["spot"].egress_usd == 0


def test_egress_may_make_spot_the_cheaper_way() -> None:
    """A match costs more on its way to the Jetson than all of it costs on Spot."""
    found = quotes()
    assert found["power"].whole_usd > found["on-demand"].whole_usd > found["spot"].whole_usd
    free = quotes(size_bytes=0)
    assert free["power"].whole_usd < free["spot"].whole_usd


def test_a_rented_host_is_billed_for_a_minute_at_least() -> None:
    """And for its start in any case."""
    assert quotes(film_s=0.1)["on-demand"].usd == pytest.approx(180 / 3600 * LISTED.on_demand_h.usd, rel=0.01)


def test_starting_is_paid_for_a_rented_host_alone() -> None:
    """42 s of work and 20 s to start are 62 s at $3.60 an hour; a host of ours is paid for 42 s, and by the second."""
    host = replace(AWS_HOST, start_s=20.0)
    ours = replace(JETSON_HOST, start_s=0.0)
    times = [Took(host=one, busy_s=42.0, slow_s=50.0, evidence=Evidence.ASSUMED) for one in (host, ours)]
    hour = Item(usd=3.6, source="a test", dated="2026")
    listed = LISTED.model_copy(update={"on_demand_h": hour, "spot_h": hour, "power_h": hour})
    found = {one.payment: one for one in quote.quotes(times, listed, size_bytes=0)}
    assert found["on-demand"].usd == pytest.approx(0.062)
    assert found["power"].usd == pytest.approx(0.042)


@given(
    busy_s=st.floats(0, 1e6),
    more_s=st.floats(0, 1e6),
    host=st.sampled_from(HOSTS),
    size_bytes=st.floats(0, 1e13),
)
def test_more_work_is_never_cheaper(
    busy_s: float, more_s: float, host: HostFigures, size_bytes: float
) -> None:
    """In any way to pay."""
    less, more = (
        list(
            quote.quotes(
                [Took(host=host, busy_s=each_s, slow_s=each_s, evidence=Evidence.ASSUMED)],
                LISTED,
                size_bytes=size_bytes,
            )
        )
        for each_s in (busy_s, busy_s + more_s)
    )
    assert all(few.whole_usd <= many.whole_usd for few, many in zip(less, more, strict=True))


def test_every_price_says_where_it_comes_from() -> None:
    """And of which day it is."""
    for name, item in LISTED:
        if isinstance(item, Item):
            assert item.usd > 0, name
            assert item.source, name
            assert item.dated, name


def test_one_time_in_ten_it_takes_longer() -> None:
    """That costs more."""
    for one in quotes().values():
        assert one.took.slow_s == pytest.approx(1.2 * one.took.busy_s)
        assert one.slow_usd > one.usd


def test_measured_paces_go_before_assumed_ones() -> None:
    """Each class has its own."""
    paces = {
        WorkerClass.JETSON: learned(
            [2 * PRIORS[WorkerClass.JETSON].px_per_s] * 32, PRIORS[WorkerClass.JETSON]
        ),
        WorkerClass.AWS: assumed(1e9),
    }
    jetson, aws = quote.of_film(MATCH_S, paces)
    assert (jetson.evidence, aws.evidence) == (Evidence.MEASURED, Evidence.ASSUMED)
    assert jetson.busy_s < 20 * 60
