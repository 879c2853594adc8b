"""`rugbytx rm`: remove ended jobs."""

import typer

from rugbytx.cli.output import JobIds, complain


def rm(context: typer.Context, job_ids: JobIds) -> None:
    """Remove ended jobs: their outputs and their records.  Sources stay."""
    from rugbytx.cli.exit import code_of
    from rugbytx.cli.view import size
    from rugbytx.cli.wiring import connection
    from rugbytx.control import remove
    from rugbytx.errors import JobRejected, NotFound

    system = connection(context)
    code = 0
    for job_id in job_ids:
        try:
            removed = remove(
                job_id, store=system.store, storage=system.storage, bucket=system.settings.output_bucket
            )
        except (NotFound, JobRejected) as error:  # the others can still be removed
            complain(error)
            code = code or code_of(error)
        else:
            typer.echo(
                f"{removed.job_id}  removed, with {removed.objects} objects, {size(removed.size_bytes)}"
            )
    raise typer.Exit(code)
