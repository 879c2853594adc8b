"""`rugbytx rm`: remove ended jobs."""

import typer

from rugbytx.cli.shared.output import JobIds, Json, complain, emit


def rm(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Remove ended jobs: their outputs and their records.  Sources stay."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.exit import code_of
    from rugbytx.cli.shared.job_view import size
    from rugbytx.control.job import remove
    from rugbytx.errors import JobRejected, NotFound

    system = connection(context)
    code = 0
    for job_id in job_ids:
        try:
            removed = remove(job_id, system)
        except (NotFound, JobRejected) as error:  # the others can still be removed
            complain(error)
            code = code or code_of(error)
        else:
            if as_json:
                emit({"job_id": removed.job_id, "objects": removed.objects, "size_bytes": removed.size_bytes})
            else:
                typer.echo(
                    f"{removed.job_id}  removed, with {removed.objects} objects, {size(removed.size_bytes)}"
                )
    raise typer.Exit(code)
