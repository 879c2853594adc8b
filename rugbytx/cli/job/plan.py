"""`rugbytx plan`: what would be done with a source, before anything is paid for it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import console, emit, printable, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from rugbytx.core.cost.forecast import Forecast
    from rugbytx.core.cost.quote import Quote
    from rugbytx.core.plan.plan import Grid
    from rugbytx.preview import Preview

#: How well a price is known: from a list, and from no bill.
LISTED = "assumed"


def plan(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="s3://bucket/key, or a local file.")],
    *,
    profile: Annotated[
        str, typer.Option(help="What to make: match, clip, or a profile of your own.")
    ] = "match",
    chunk: Annotated[
        float | None,
        typer.Option(
            parser=duration.option, metavar="DURATION", help="Cut into chunks of about this length, e.g. 60s."
        ),
    ] = None,
    is_explained: Annotated[
        bool, typer.Option("--explain", help="Show every choice and figure with its reason.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what would be done with a video, how long it would take and what it would cost.

    Nothing is done: no job is written, nothing is uploaded, and of an object in
    S3 only its headers and its end are read.  A local file needs no system.
    """
    from rugbytx import intake, preview
    from rugbytx.cli.shared import connection
    from rugbytx.source import is_local

    intake.check(intake.Request(source=source, profile=profile, chunk_s=chunk))
    wish = preview.Wish(source=source, profile=profile, chunk_s=chunk)
    if is_local(source):
        planned = preview.of_file(wish, connection.alone(context))
    else:
        planned = preview.of_object(wish, connection.connection(context))
    for sentence in planned.remarks:
        remark(sentence)
    if as_json:
        emit(to_json(planned))
    else:
        _show(planned, is_explained=is_explained)


def to_json(planned: "Preview") -> dict[str, Any]:
    """Return the preview for a program.  The keys are stable and always there; what does not apply is null."""
    from rugbytx.core.plan.explanation import reason_of

    plan, media, grid = planned.plan, planned.plan.media, planned.plan.grid
    return {
        "source": planned.source,
        "source_bytes": media.size_bytes,
        "profile": planned.profile.name,
        "container": media.container,
        "duration_s": float(grid.duration_s),
        "video": {
            "codec": media.video.codec,
            "pixel_format": media.video.pixel_format,
            "width": media.video.width,
            "height": media.video.height,
            "rotation": media.video.rotation,
            "fps": float(media.video.average_rate),
            "rate_bps": media.video.rate_bps or None,
            "field_order": media.video.field_order,
            "colour_transfer": media.video.colour_transfer or None,
        },
        "audio": media.audio.model_dump() if media.audio else None,
        "grid": {
            "fps": float(grid.rate),
            "frames": grid.frames,
            "gop_frames": grid.gop,
            "segment_frames": grid.segment,
            "chunk_frames": grid.chunk,
            "chunks": grid.chunks,
        },
        "renditions": [
            {
                "name": rendition.name,
                "width": rendition.width,
                "height": rendition.height,
                "fps": float(plan.grid_of(rendition).rate),
                "rate_bps": rendition.rate_bps,
                "reason": reason_of(plan, rendition),
            }
            for rendition in plan.renditions
        ],
        "audio_rate_bps": plan.audio.rate_bps if plan.audio else None,
        "mp4": plan.mp4,
        "notes": list(plan.notes),
        "objects": planned.footprint.objects,
        "stored_bytes": planned.footprint.stored_bytes,
        "put_requests": planned.footprint.put_requests,
        "forecasts": [_forecast(forecast, _quotes(planned, forecast)) for forecast in planned.forecasts],
        "choices": [
            {"topic": choice.topic, "choice": choice.choice, "reason": choice.reason}
            for choice in planned.choices
        ],
    }


def _quotes(planned: "Preview", forecast: "Forecast") -> "list[Quote]":
    """Return what a forecast would cost, in each way to pay for it."""
    return [quote for quote in planned.quotes if quote.took.host is forecast.host]


def _forecast(forecast: "Forecast", quotes: "Sequence[Quote]") -> dict[str, Any]:
    return {
        "worker_class": forecast.host.worker_class,
        "host": forecast.host.hardware,
        "recipe": str(forecast.way.recipe),
        "reason": forecast.way.reason,
        "busy_s": round(forecast.busy_s, 1),
        "encode_s": round(forecast.encode_s, 1),
        "audio_s": round(forecast.audio_s, 1),
        "start_s": forecast.host.start_s,
        "px_per_s": round(forecast.speed.value),
        "evidence": str(forecast.speed.evidence),
        "basis": forecast.speed.source,
        "bills": [
            {
                "name": quote.payment,
                "usd": round(quote.usd, 4),
                "usd_per_h": quote.price.usd,
                "evidence": LISTED,
                "basis": quote.price.basis,
            }
            for quote in quotes
        ],
        "egress_usd": round(quotes[0].egress_usd, 4),
    }


def _show(planned: "Preview", *, is_explained: bool) -> None:
    screen = console()
    screen.print(_facts(planned))
    screen.print()
    screen.print(_renditions(planned))
    screen.print()
    screen.print(_forecasts(planned))
    if is_explained:
        screen.print()
        screen.print(_choices(planned))
        screen.print()
        screen.print(_figures(planned))
    elif planned.plan.notes:
        screen.print()
        for note in planned.plan.notes:
            screen.print(f"- {printable(note)}", soft_wrap=True)


def _facts(planned: "Preview") -> "Table":
    from rich.table import Table

    from rugbytx.cli.shared.job_view import size

    plan, video, audio = planned.plan, planned.plan.media.video, planned.plan.media.audio
    grid, stored = plan.grid, planned.footprint
    turned = f", turned by {video.rotation} degrees" if video.rotation else ""
    rows = {
        "source": f"{planned.source}  ({size(plan.media.size_bytes)}, {plan.media.container.partition(',')[0]})",
        "video": (
            f"{video.codec} {video.width}x{video.height}{turned}, "
            f"{video.pixel_format}, {float(video.average_rate):.5g} fps, {duration.show(float(grid.duration_s))}"
        ),
        "audio": f"{audio.codec}, {audio.channels} channels, {audio.sample_rate} Hz" if audio else "none",
        "profile": planned.profile.name,
        "grid": f"{grid.frames} frames at {float(grid.rate):.5g} fps, {_chunks(grid)}",
        "sound": f"AAC, {plan.audio.rate_bps // 1000} kbit/s" if plan.audio else "none",
        "mp4": f"of {plan.renditions[0].name}" if plan.mp4 else "none",
        "stored": f"about {size(stored.stored_bytes)} in {stored.objects} objects, {stored.put_requests} PUT requests",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in rows.items():
        table.add_row(label, printable(text))
    return table


def _chunks(grid: "Grid") -> str:
    if grid.chunks == 1:
        return "one chunk"
    return f"{grid.chunks} chunks of {float(grid.chunk / grid.rate):.5g} s"


def _renditions(planned: "Preview") -> "Table":
    from rugbytx.core.plan.explanation import reason_of

    table = _table("rendition", "size", "fps", "kbit/s", "reason")
    for rendition in planned.plan.renditions:
        table.add_row(
            rendition.name,
            f"{rendition.width}x{rendition.height}",
            f"{float(planned.plan.grid_of(rendition).rate):.5g}",
            str(rendition.rate_bps // 1000),
            reason_of(planned.plan, rendition),
        )
    return table


def _forecasts(planned: "Preview") -> "Table":
    table = _table("worker", "encoder", "time", "cost", "speed is")
    for forecast in planned.forecasts:
        start = f" and {duration.show(forecast.host.start_s)} to start" if forecast.host.start_s else ""
        quotes = _quotes(planned, forecast)
        costs = [f"${quote.usd:.3f} {quote.payment}" for quote in quotes]
        if quotes[0].egress_usd:
            costs.append(f"${quotes[0].egress_usd:.3f} egress beyond the month's free gigabytes")
        table.add_row(
            forecast.host.worker_class,
            str(forecast.way.recipe),
            duration.show(forecast.busy_s) + start,
            ", ".join(costs),
            str(forecast.speed.evidence),
        )
    return table


def _choices(planned: "Preview") -> "Table":
    table = _table("about", "choice", "reason")
    for choice in planned.choices:
        table.add_row(choice.topic, printable(choice.choice), printable(choice.reason))
    return table


def _figures(planned: "Preview") -> "Table":
    """Return what each forecast rests on."""
    table = _table("worker", "figure", "is", "from")
    for forecast in planned.forecasts:
        pace = f", the {forecast.narrowest.upper()} sets the pace" if forecast.narrowest else ""
        speed = f"{forecast.speed.value / 1e6:.0f} million pixels a second{pace}"
        table.add_row(forecast.host.worker_class, speed, str(forecast.speed.evidence), forecast.speed.source)
        for quote in _quotes(planned, forecast):
            table.add_row("", f"${quote.price.usd:g} an hour, {quote.payment}", LISTED, quote.price.basis)
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
