"""`rugbytx list`: the jobs."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import Json, console, emit, printable, remark

if TYPE_CHECKING:
    from rugbytx.core.job.job import Status


def _status(text: str) -> "Status":
    from rugbytx.core.job.job import Status

    try:
        return Status(text.upper())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(Status).lower()}") from error


def list_jobs(
    context: typer.Context,
    *,
    status: Annotated[
        Any, typer.Option(parser=_status, metavar="STATUS", help="Only jobs of this status, e.g. running.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the last ones first.")] = 50,
    as_json: Json = False,
) -> None:
    """List jobs, the last submitted first."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.job_view import COLOURS, local_time
    from rugbytx.cli.shared.job_view import as_json as to_json

    system = connection(context)
    jobs = system.store.jobs.list(status=status, limit=limit)
    if as_json:
        for job in jobs:
            emit(to_json(job, None, system))
        return
    if not jobs:
        remark("no jobs")
        return
    from rich.table import Table
    from rich.text import Text

    # A line for each job, however narrow the terminal: the last two columns give way.
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading, width in {"job": 20, "status": 9, "units": 5, "submitted": 11, "profile": 5}.items():
        table.add_column(heading, no_wrap=True, min_width=width)
    for heading in ("source", "reason"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for job in jobs:
        table.add_row(
            job.id,
            Text(str(job.status), style=COLOURS[job.status]),
            f"{len(job.done)}/{job.units}" if job.units else "",
            local_time(job.submitted_at)[5:16],
            job.profile.name,
            printable(PurePosixPath(job.source.key).name),
            printable(job.reason),
        )
    console().print(table)
