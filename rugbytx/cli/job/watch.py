"""`rugbytx watch`: jobs as they move."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.exit import Code
from rugbytx.cli.shared.output import Json, console, emit, remark

if TYPE_CHECKING:
    from rugbytx.system import Connection

#: Each open job is read about once a second.
MAX_JOBS = 100


def watch(
    context: typer.Context,
    job_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB...]", help="Ids of jobs; all open ones if there is none."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show jobs until all of them have ended.  With --json a line for each change of a job."""
    from rugbytx.cli.shared.connection import connection

    system = connection(context)
    wanted = job_ids or [job.id for job in system.store.jobs.list_open(MAX_JOBS)]
    if not wanted:
        remark("no open jobs")
        return
    if len(wanted) > MAX_JOBS:
        raise typer.BadParameter(f"at most {MAX_JOBS} jobs can be watched at once, not {len(wanted)}")
    raise typer.Exit(watch_all(system, wanted, as_json=as_json))


def watch_all(system: "Connection", job_ids: Sequence[str], *, as_json: bool) -> Code:
    """Show the jobs until all have ended; return what a command that watched them exits with."""
    from rugbytx.cli.shared.job_view import as_json as to_json
    from rugbytx.cli.shared.job_view import master_url
    from rugbytx.cli.shared.progress import follow, snapshots
    from rugbytx.core.job.job import Status

    if as_json:
        printed: dict[str, object] = {}
        ended = {}
        for standings in snapshots(system.store, job_ids):
            for standing in standings:
                value = to_json(standing.job, standing.outlook, system)
                if printed.get(standing.job.id) != value:
                    emit(value)
                    printed[standing.job.id] = value
            ended = {standing.job.id: standing.job for standing in standings}
    else:
        screen = console()
        ended = follow(system.store, job_ids, console=screen)
        for job in ended.values():
            if address := master_url(job, system):
                screen.print(f"{job.id}  {address}", soft_wrap=True)
    succeeded = all(job.status is Status.SUCCEEDED for job in ended.values())
    return Code.DONE if succeeded else Code.JOB_FAILED
