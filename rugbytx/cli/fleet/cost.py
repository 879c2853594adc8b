"""`rugbytx cost`: what workers cost, day by day."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.job.estimate import estimate
from rugbytx.cli.job.report import total_json
from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import console, emit, remark

if TYPE_CHECKING:
    from rugbytx.core.cost.usage import Total
    from rugbytx.core.fleet.worker_class import WorkerClass

cost = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)

cost.command("estimate")(estimate)


def _month(text: str) -> str:
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        raise typer.BadParameter(f"{text!r} is no month; write it as 2026-11")
    return text


@cost.callback()
def month(
    context: typer.Context,
    *,
    of: Annotated[
        str | None,
        typer.Option(
            "--month", parser=_month, metavar="YYYY-MM", help="The month, in UTC; this one by default."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what workers cost in a month, day by day, from what they recorded of themselves.

    An AWS worker costs all of its time, a host of ours its power while it
    works.  What EC2 bills before a worker's host is known and after it left is
    not in it, nor are storage, requests and traffic.
    """
    if context.invoked_subcommand:
        return
    from rugbytx import ledger
    from rugbytx.cli.shared.connection import connection

    store = connection(context).store
    now = store.now()
    chosen, days = ledger.month_of(now, of)
    totals = ledger.days(store.workers, days, now=now)
    if as_json:
        emit(to_json(chosen, totals))
    elif totals:
        _show(totals)
    else:
        remark(f"no worker has recorded anything in {chosen}")


def to_json(chosen: str, totals: "dict[tuple[str, WorkerClass], Total]") -> dict[str, Any]:
    """Return the month for a program.  The keys are stable and always there."""
    return {
        "month": chosen,
        "usd": round(sum(total.usd for total in totals.values()), 6),
        "days": [
            {"day": day, "worker_class": worker_class, **total_json(total)}
            for (day, worker_class), total in totals.items()
        ],
    }


def _show(totals: "dict[tuple[str, WorkerClass], Total]") -> None:
    from rich.table import Table

    from rugbytx.core.cost.usage import Total

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_footer=True)
    whole = sum(totals.values(), Total())
    headings = {
        "day": "all",
        "class": "",
        "there": duration.show(whole.paid_s),
        "cold": duration.show(whole.cold_s),
        "busy": duration.show(whole.busy_s),
        "idle": duration.show(whole.idle_s),
        "cost": f"${whole.usd:.2f}",
    }
    for heading, footer in headings.items():
        table.add_column(heading, footer=footer)
    for (day, worker_class), total in totals.items():
        shown = (total.paid_s, total.cold_s, total.busy_s, total.idle_s)
        table.add_row(day, worker_class, *map(duration.show, shown), f"${total.usd:.2f}")
    console().print(table)
