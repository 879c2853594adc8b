"""`rugbytx cost estimate`: what a job would cost, before it is one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import console, emit, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rugbytx.core.cost.price_list import Prices
    from rugbytx.core.cost.quote import Quote, Took


def estimate(  # noqa: PLR0913  what, how large, from where
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="s3://bucket/key, or a local file.")
    ] = None,
    *,
    gb: Annotated[
        float | None, typer.Option("--gb", min=0.0, max=10_000, help="Instead of a source: its size.")
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option("--hours", min=0.001, max=1000, help="Instead of a source: how long it lasts."),
    ] = None,
    profile: Annotated[str, typer.Option(help="What to make of SOURCE.")] = "match",
    is_measured: Annotated[
        bool, typer.Option("--measured", help="With --hours: go by the chunks that living workers did last.")
    ] = False,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A price list of your own, in TOML.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a job would take and cost on one worker of each class.

    Either of a SOURCE, which is probed and planned, or of so many --gb and
    --hours of film, taken as 1080p at 30 frames a second in the renditions of
    `match`.
    """
    from rugbytx import prices as price_list
    from rugbytx.core.cost import quote

    if (source is None) == (hours is None and gb is None):
        raise typer.BadParameter("name either a SOURCE, or --gb and --hours")
    if source is None and (hours is None or gb is None):
        raise typer.BadParameter(
            "--gb and --hours go together: one says what it costs to carry, one how much work it is"
        )
    listed = price_list.load(prices)
    if source is not None:
        size_bytes, times = _planned(context, source, profile)
    else:
        size_bytes, times = (gb or 0.0) * 1e9, _assumed(context, hours or 0.0, is_measured=is_measured)
    quotes = list(quote.quotes(times, listed, size_bytes=size_bytes))
    if as_json:
        emit(to_json(quotes, listed))
    else:
        _show(quotes, listed)


def _planned(context: typer.Context, source: str, profile: str) -> "tuple[float, list[Took]]":
    from rugbytx import intake, preview
    from rugbytx.cli.shared import connection
    from rugbytx.core.cost import quote
    from rugbytx.source import is_local

    intake.check(intake.Request(source=source, profile=profile))
    wish = preview.Wish(source=source, profile=profile)
    if is_local(source):
        planned = preview.of_file(wish, connection.alone(context))
    else:
        planned = preview.of_object(wish, connection.connection(context))
    for sentence in planned.remarks:
        remark(sentence)
    return planned.plan.source.size_bytes, list(quote.of_plan(planned.forecasts))


def _assumed(context: typer.Context, hours: float, *, is_measured: bool) -> "list[Took]":
    from rugbytx.cli.shared import connection
    from rugbytx.core.cost import quote
    from rugbytx.core.scaling import workload

    if is_measured:
        system = connection.connection(context)
        paces = workload.paces(system.store.workers.list(), system.settings.priors)
    else:
        paces = dict(connection.alone(context).priors)
    return list(quote.of_film(hours * 3600, paces))


def to_json(quotes: "Sequence[Quote]", listed: "Prices") -> dict[str, Any]:
    """Return the estimate for a program.  The keys are stable and always there."""
    return {
        "prices": {"region": listed.region, "as_of": listed.as_of},
        "quotes": [
            {
                "worker_class": offer.took.host.worker_class,
                "payment": offer.payment,
                "evidence": str(offer.took.evidence),
                "busy_s": round(offer.took.busy_s, 3),
                "slow_s": round(offer.took.slow_s, 3),
                "start_s": offer.took.host.start_s,
                "usd_per_h": offer.price.usd,
                "usd": round(offer.usd, 6),
                "slow_usd": round(offer.slow_usd, 6),
                "egress_usd": round(offer.egress_usd, 6),
                "whole_usd": round(offer.whole_usd, 6),
            }
            for offer in quotes
        ],
    }


def _show(quotes: "Sequence[Quote]", listed: "Prices") -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in (
        "worker",
        "paid by",
        "time",
        "1 in 10 takes",
        "to start",
        "worker's cost",
        "egress",
        "all",
        "speed is",
    ):
        table.add_column(heading, overflow="fold")
    for offer in quotes:
        took = offer.took
        start_s = took.host.start_s
        table.add_row(
            took.host.worker_class,
            offer.payment,
            duration.show(took.busy_s),
            f"over {duration.show(took.slow_s)}",
            duration.show(start_s) if start_s else "",
            f"${offer.usd:.4f}",
            f"${offer.egress_usd:.4f}" if offer.egress_usd else "",
            f"${offer.whole_usd:.4f}",
            str(took.evidence),
        )
    screen = console()
    screen.print(table)
    dearest, cheapest = (pick(quotes, key=lambda offer: offer.whole_usd) for pick in (max, min))
    if dearest.egress_usd > cheapest.whole_usd:
        remark(
            f"carrying the source to the {dearest.took.host.worker_class} costs more than all of it "
            f"on {cheapest.took.host.worker_class} ({cheapest.payment}); the first {listed.egress_free_gb_a_month:g} GB a month are free"
        )
    remark(
        f"prices of {listed.region}, {listed.as_of}; waiting in the queue and idling afterwards are not in it"
    )
