"""`rugbytx report`: the week that an operator watches."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import console, emit, printable, remark
from rugbytx.core.fleet.worker_class import WorkerClass

if TYPE_CHECKING:
    from rich.table import Table

    from rugbytx.core.cost.ledger import Bill, CostReport
    from rugbytx.core.cost.usage import Total

#: Records of jobs and spans live so long.
MOST_S = 400 * 86_400.0
#: Jobs that a person sees, the dearest first.
SHOWN_JOBS = 10
#: While jobs are read, a line at least so often, in jobs.
REMARK_EVERY = 100


def _since(text: str) -> float:
    since_s = duration.option(text, days=True)
    if since_s > MOST_S:
        raise typer.BadParameter("records are kept for 400 days")
    return since_s


def _export(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".json", ".csv"}:
        raise typer.BadParameter(
            f"{text!r} ends neither in .json (everything) nor in .csv (a line for each job)"
        )
    return path


def report(
    context: typer.Context,
    *,
    since: Annotated[
        float, typer.Option(parser=_since, metavar="DURATION", help="How far to look back, e.g. 7d or 12h.")
    ] = "7d",  # type: ignore[assignment]  # the parser makes it seconds
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Look at so many jobs at most, the last ones first.")
    ] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            parser=_export, metavar="FILE", help="Write it to FILE: .json everything, .csv the jobs."
        ),
    ] = None,
) -> None:
    """Report on what was done: work cut short, idle and double work, shares and hours by class, costs.

    The jobs are read one by one, with their units.  Units' records live 30
    days, so of older jobs only the spans of their workers are known.
    """
    from rugbytx import ledger
    from rugbytx.cli.shared.connection import connection

    system = connection(context)

    def on_read(number: int, count: int) -> None:
        if number % REMARK_EVERY == 0:
            remark(f"{number} of {count} jobs read")

    costs = ledger.report(system.store, system.settings, since_s=since, limit=limit, on_read=on_read)
    if len(costs.bills) >= limit:
        remark(f"the last {limit} jobs were looked at; --limit looks at more")
    if export:
        _write(costs, export)
        remark(f"written to {export}")
    if as_json:
        emit(to_json(costs))
    elif not export:
        _show(costs)


def to_json(costs: "CostReport") -> dict[str, Any]:
    """Return the report for a program.  The keys are stable and always there; what is not known is null."""
    from rugbytx.core.timestamp import iso

    return {
        "since": iso(costs.since),
        "until": iso(costs.until),
        "jobs": len(costs.bills),
        "late": sum(bill.is_late for bill in costs.bills),
        "premature_terminations": costs.premature,
        "endings": dict(costs.endings),
        "attempts_lost": dict(costs.lost),
        "frames": costs.frames,
        "frames_twice": costs.lost_frames,
        "classes": [
            {
                "worker_class": share.worker_class or None,
                "jobs": share.jobs,
                "frames": share.frames,
                "unit_s": round(share.busy_s, 1),
                "units_silent": share.silent,
                "units_left": share.left,
                "jobs_usd": round(share.usd, 6),
                **total_json(share.total),
            }
            for share in costs.shares
        ],
        "month_usd": {name: round(usd, 6) for name, usd in costs.month_usd.items()},
        "bills": [bill_json(bill) for bill in costs.bills],
    }


def total_json(total: "Total") -> dict[str, Any]:
    """Return what spans add up to, for a program."""
    return {
        "paid_s": round(total.paid_s, 1),
        "cold_s": round(total.cold_s, 1),
        "busy_s": round(total.busy_s, 1),
        "idle_s": round(total.idle_s, 1),
        "long_idles": total.long_idles,
        "long_idle_s": round(total.long_idle_s, 1),
        "usd": round(total.usd, 6),
    }


def bill_json(bill: "Bill") -> dict[str, Any]:
    """Return a job's bill for a program, without anything nested: it is a line of a table too."""
    from rugbytx.core.timestamp import iso

    return {
        "job_id": bill.job_id,
        "status": str(bill.status),
        "profile": bill.profile,
        "worker_class": bill.worker_class or None,
        "submitted_at": iso(bill.submitted_at),
        "ended_at": iso(bill.ended_at),
        "is_late": bill.is_late,
        "frames": sum(bill.frames.values()),
        "frames_twice": bill.lost_frames,
        "attempts_lost": sum(bill.lost.values()),
        "jetson_s": round(bill.busy_s.get(WorkerClass.JETSON, 0.0), 1),
        "aws_s": round(bill.busy_s.get(WorkerClass.AWS, 0.0), 1),
        "usd": round(bill.usd, 6),
    }


def _write(costs: "CostReport", path: Path) -> None:
    """Write the report to a file; raises SettingsError where that cannot be."""
    from rugbytx.errors import SettingsError

    try:
        if path.suffix == ".json":
            path.write_text(json.dumps(to_json(costs), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = [bill_json(bill) for bill in costs.bills]
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["job_id"])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SettingsError(f"the report cannot be written to {path}: {error.strerror}") from error


def _show(costs: "CostReport") -> None:
    from rugbytx.cli.shared.job_view import local_time

    screen = console()
    screen.print(f"from {local_time(costs.since)} to {local_time(costs.until)}")
    screen.print()
    screen.print(_facts(costs))
    if costs.shares:
        screen.print()
        screen.print(_shares(costs))
    dearest = sorted((bill for bill in costs.bills if bill.usd), key=lambda bill: -bill.usd)[:SHOWN_JOBS]
    if dearest:
        screen.print()
        screen.print(_bills(dearest))


def _facts(costs: "CostReport") -> "Table":
    from rich.table import Table

    aws = [share for share in costs.shares if share.worker_class is WorkerClass.AWS]
    long_idle_s = sum(share.total.long_idle_s for share in aws)
    long_idles = sum(share.total.long_idles for share in aws)
    late = sum(bill.is_late for bill in costs.bills)
    rows = {
        "jobs": f"{len(costs.bills)}, {late} late",
        "cut short": f"{costs.premature} units; of AWS workers {_counts(costs.endings) or 'none'} ended",
        "idle over 30 min": f"{duration.show(long_idle_s)} in {long_idles} stretches of AWS workers",
        "encoded twice": f"{costs.lost_frames} of {costs.frames} frames{_share(costs.lost_frames, costs.frames)}",
        "other failures": _counts(costs.lost) or "none",
        "month to date": ", ".join(f"${usd:.2f} {name}" for name, usd in costs.month_usd.items()) or "$0",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in rows.items():
        table.add_row(label, text)
    return table


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items() if count)


def _share(part: float, whole: float) -> str:
    """Return a share in percent behind a comma; nothing where there is no whole.

    >>> _share(1, 8), _share(1, 0)
    (', 12.5 %', '')
    """
    return f", {100 * part / whole:.1f} %" if whole else ""


def _shares(costs: "CostReport") -> "Table":
    jobs = sum(share.jobs for share in costs.shares)
    hours_s = sum(share.busy_s for share in costs.shares)
    table = _table(
        "class", "jobs", "work", "silent", "told to leave", "there", "cold", "busy", "idle", "cost"
    )
    for share in costs.shares:
        total = share.total
        table.add_row(
            share.worker_class or "unknown",
            f"{share.jobs}{_share(share.jobs, jobs)}",
            f"{duration.show(share.busy_s)}{_share(share.busy_s, hours_s)}",
            f"{share.silent} units",
            f"{share.left} units",
            *(duration.show(seconds) for seconds in (total.paid_s, total.cold_s, total.busy_s, total.idle_s)),
            f"${total.usd:.2f}",
        )
    return table


def _bills(bills: "list[Bill]") -> "Table":
    table = _table("job", "status", "profile", "class", "on jetson", "on aws", "twice", "cost")
    for bill in bills:
        table.add_row(
            bill.job_id,
            str(bill.status),
            printable(bill.profile),
            bill.worker_class,
            duration.show(bill.busy_s.get(WorkerClass.JETSON, 0.0)),
            duration.show(bill.busy_s.get(WorkerClass.AWS, 0.0)),
            f"{bill.lost_frames} frames" if bill.lost_frames else "",
            f"${bill.usd:.4f}",
        )
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
