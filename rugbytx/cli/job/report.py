"""`rugbytx report`: the week that an operator watches."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import console, emit, printable, remark

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

    found = ledger.report(system.store, system.settings, since_s=since, limit=limit, on_read=on_read)
    if len(found.bills) >= limit:
        remark(f"the last {limit} jobs were looked at; --limit looks at more")
    if export:
        _write(found, export)
        remark(f"written to {export}")
    if as_json:
        emit(to_json(found))
    elif not export:
        _show(found)


def to_json(found: "CostReport") -> dict[str, Any]:
    """Return the report for a program.  The keys are stable and always there; what is not known is null."""
    from rugbytx.core.timestamp import iso

    return {
        "since": iso(found.since),
        "until": iso(found.until),
        "jobs": len(found.bills),
        "late": sum(one.is_late for one in found.bills),
        "premature_terminations": found.premature,
        "endings": dict(found.endings),
        "attempts_lost": dict(found.lost),
        "frames": found.frames,
        "frames_twice": found.lost_frames,
        "classes": [
            {
                "worker_class": one.worker_class or None,
                "jobs": one.jobs,
                "frames": one.frames,
                "unit_s": round(one.busy_s, 1),
                "units_silent": one.silent,
                "units_left": one.left,
                "jobs_usd": round(one.usd, 6),
                **total_json(one.total),
            }
            for one in found.shares
        ],
        "month_usd": {name: round(usd, 6) for name, usd in found.month_usd.items()},
        "bills": [bill_json(one) for one in found.bills],
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
        "jetson_s": round(bill.busy_s.get("jetson", 0.0), 1),
        "aws_s": round(bill.busy_s.get("aws", 0.0), 1),
        "usd": round(bill.usd, 6),
    }


def _write(found: "CostReport", path: Path) -> None:
    """Write the report to a file; raises SettingsError where that cannot be."""
    from rugbytx.errors import SettingsError

    try:
        if path.suffix == ".json":
            path.write_text(json.dumps(to_json(found), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = [bill_json(one) for one in found.bills]
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["job_id"])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SettingsError(f"the report cannot be written to {path}: {error.strerror}") from error


def _show(found: "CostReport") -> None:
    from rugbytx.cli.shared.job_view import local_time

    screen = console()
    screen.print(f"from {local_time(found.since)} to {local_time(found.until)}")
    screen.print()
    screen.print(_facts(found))
    if found.shares:
        screen.print()
        screen.print(_shares(found))
    dearest = sorted((one for one in found.bills if one.usd), key=lambda one: -one.usd)[:SHOWN_JOBS]
    if dearest:
        screen.print()
        screen.print(_bills(dearest))


def _facts(found: "CostReport") -> "Table":
    from rich.table import Table

    aws = [one for one in found.shares if one.worker_class == "aws"]
    long_idle_s = sum(one.total.long_idle_s for one in aws)
    long_idles = sum(one.total.long_idles for one in aws)
    late = sum(one.is_late for one in found.bills)
    told = {
        "jobs": f"{len(found.bills)}, {late} late",
        "cut short": f"{found.premature} units; of AWS workers {_counts(found.endings) or 'none'} ended",
        "idle over 30 min": f"{duration.show(long_idle_s)} in {long_idles} stretches of AWS workers",
        "encoded twice": f"{found.lost_frames} of {found.frames} frames{_share(found.lost_frames, found.frames)}",
        "other failures": _counts(found.lost) or "none",
        "month to date": ", ".join(f"${usd:.2f} {name}" for name, usd in found.month_usd.items()) or "$0",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in told.items():
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


def _shares(found: "CostReport") -> "Table":
    jobs = sum(one.jobs for one in found.shares)
    hours_s = sum(one.busy_s for one in found.shares)
    table = _table(
        "class", "jobs", "work", "silent", "told to leave", "there", "cold", "busy", "idle", "cost"
    )
    for one in found.shares:
        total = one.total
        table.add_row(
            one.worker_class or "unknown",
            f"{one.jobs}{_share(one.jobs, jobs)}",
            f"{duration.show(one.busy_s)}{_share(one.busy_s, hours_s)}",
            f"{one.silent} units",
            f"{one.left} units",
            *(duration.show(seconds) for seconds in (total.paid_s, total.cold_s, total.busy_s, total.idle_s)),
            f"${total.usd:.2f}",
        )
    return table


def _bills(bills: "list[Bill]") -> "Table":
    table = _table("job", "status", "profile", "class", "on jetson", "on aws", "twice", "cost")
    for one in bills:
        table.add_row(
            one.job_id,
            str(one.status),
            printable(one.profile),
            one.worker_class,
            duration.show(one.busy_s.get("jetson", 0.0)),
            duration.show(one.busy_s.get("aws", 0.0)),
            f"{one.lost_frames} frames" if one.lost_frames else "",
            f"${one.usd:.4f}",
        )
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
