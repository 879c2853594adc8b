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
        seen = preview.of_file(wish, connection.alone(context))
    else:
        seen = preview.of_object(wish, connection.connection(context))
    for sentence in seen.remarks:
        remark(sentence)
    if as_json:
        emit(to_json(seen))
    else:
        _show(seen, is_explained=is_explained)


def to_json(seen: "Preview") -> dict[str, Any]:
    """Return the preview for a program.  The keys are stable and always there; what does not apply is null."""
    from rugbytx.core.plan.explanation import reason_of

    plan, media, grid = seen.plan, seen.plan.media, seen.plan.grid
    return {
        "source": seen.source,
        "source_bytes": media.size_bytes,
        "profile": seen.profile.name,
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
                "name": one.name,
                "width": one.width,
                "height": one.height,
                "fps": float(plan.grid_of(one).rate),
                "rate_bps": one.rate_bps,
                "reason": reason_of(plan, one),
            }
            for one in plan.renditions
        ],
        "audio_rate_bps": plan.audio.rate_bps if plan.audio else None,
        "mp4": plan.mp4,
        "notes": list(plan.notes),
        "objects": seen.footprint.objects,
        "stored_bytes": seen.footprint.stored_bytes,
        "put_requests": seen.footprint.put_requests,
        "forecasts": [_forecast(one, _quotes(seen, one)) for one in seen.forecasts],
        "choices": [{"topic": one.topic, "choice": one.choice, "reason": one.reason} for one in seen.choices],
    }


def _quotes(seen: "Preview", forecast: "Forecast") -> "list[Quote]":
    """Return what a forecast would cost, in each way to pay for it."""
    return [quote for quote in seen.quotes if quote.took.host is forecast.host]


def _forecast(one: "Forecast", quotes: "Sequence[Quote]") -> dict[str, Any]:
    return {
        "worker_class": one.host.worker_class,
        "host": one.host.hardware,
        "recipe": str(one.way.recipe),
        "reason": one.way.reason,
        "busy_s": round(one.busy_s, 1),
        "encode_s": round(one.encode_s, 1),
        "audio_s": round(one.audio_s, 1),
        "start_s": one.host.start_s,
        "px_per_s": round(one.speed.value),
        "evidence": str(one.speed.evidence),
        "basis": one.speed.source,
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


def _show(seen: "Preview", *, is_explained: bool) -> None:
    screen = console()
    screen.print(_facts(seen))
    screen.print()
    screen.print(_renditions(seen))
    screen.print()
    screen.print(_forecasts(seen))
    if is_explained:
        screen.print()
        screen.print(_choices(seen))
        screen.print()
        screen.print(_figures(seen))
    elif seen.plan.notes:
        screen.print()
        for note in seen.plan.notes:
            screen.print(f"- {printable(note)}", soft_wrap=True)


def _facts(seen: "Preview") -> "Table":
    from rich.table import Table

    from rugbytx.cli.shared.job_view import size

    plan, video, audio = seen.plan, seen.plan.media.video, seen.plan.media.audio
    grid, stored = plan.grid, seen.footprint
    turned = f", turned by {video.rotation} degrees" if video.rotation else ""
    told = {
        "source": f"{seen.source}  ({size(plan.media.size_bytes)}, {plan.media.container.partition(',')[0]})",
        "video": f"{video.codec} {video.width}x{video.height}{turned}, {video.pixel_format}, "
        f"{float(video.average_rate):.5g} fps, {duration.show(float(grid.duration_s))}",
        "audio": f"{audio.codec}, {audio.channels} channels, {audio.sample_rate} Hz" if audio else "none",
        "profile": seen.profile.name,
        "grid": f"{grid.frames} frames at {float(grid.rate):.5g} fps, {_chunks(grid)}",
        "sound": f"AAC, {plan.audio.rate_bps // 1000} kbit/s" if plan.audio else "none",
        "mp4": f"of {plan.renditions[0].name}" if plan.mp4 else "none",
        "stored": f"about {size(stored.stored_bytes)} in {stored.objects} objects, {stored.put_requests} PUT requests",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in told.items():
        table.add_row(label, printable(text))
    return table


def _chunks(grid: "Grid") -> str:
    if grid.chunks == 1:
        return "one chunk"
    return f"{grid.chunks} chunks of {float(grid.chunk / grid.rate):.5g} s"


def _renditions(seen: "Preview") -> "Table":
    from rugbytx.core.plan.explanation import reason_of

    table = _table("rendition", "size", "fps", "kbit/s", "reason")
    for one in seen.plan.renditions:
        table.add_row(
            one.name,
            f"{one.width}x{one.height}",
            f"{float(seen.plan.grid_of(one).rate):.5g}",
            str(one.rate_bps // 1000),
            reason_of(seen.plan, one),
        )
    return table


def _forecasts(seen: "Preview") -> "Table":
    table = _table("worker", "encoder", "time", "cost", "speed is")
    for one in seen.forecasts:
        start = f" and {duration.show(one.host.start_s)} to start" if one.host.start_s else ""
        quotes = _quotes(seen, one)
        costs = [f"${quote.usd:.3f} {quote.payment}" for quote in quotes]
        if quotes[0].egress_usd:
            costs.append(f"${quotes[0].egress_usd:.3f} egress beyond the month's free gigabytes")
        table.add_row(
            one.host.worker_class,
            str(one.way.recipe),
            duration.show(one.busy_s) + start,
            ", ".join(costs),
            str(one.speed.evidence),
        )
    return table


def _choices(seen: "Preview") -> "Table":
    table = _table("about", "choice", "reason")
    for one in seen.choices:
        table.add_row(one.topic, printable(one.choice), printable(one.reason))
    return table


def _figures(seen: "Preview") -> "Table":
    """Return what each forecast rests on."""
    table = _table("worker", "figure", "is", "from")
    for one in seen.forecasts:
        pace = f", the {one.narrowest.upper()} sets the pace" if one.narrowest else ""
        speed = f"{one.speed.value / 1e6:.0f} million pixels a second{pace}"
        table.add_row(one.host.worker_class, speed, str(one.speed.evidence), one.speed.source)
        for quote in _quotes(seen, one):
            table.add_row("", f"${quote.price.usd:g} an hour, {quote.payment}", LISTED, quote.price.basis)
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
