"""`rugbytx url`: where the finished job can be played."""

import typer

from rugbytx.cli.output import JobId, Json, emit


def url(context: typer.Context, job_id: JobId, *, as_json: Json = False) -> None:
    """Print the URL of a job's master playlist, and nothing else."""
    from rugbytx.cli.view import master_url, snapshot
    from rugbytx.cli.wiring import connection
    from rugbytx.errors import NotFound

    system = connection(context)
    job = snapshot(system.store, job_id).job
    address = master_url(job, system)
    if address is None:
        raise NotFound(f"job {job.id} has no output: it is {job.status}")
    if as_json:
        emit({"job_id": job.id, "master_url": address})
    else:
        typer.echo(address)
