"""`rugbytx url`: where the finished job can be played, or its finished beginning."""

from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.output import JobId, Json, emit

if TYPE_CHECKING:
    from rugbytx.core.job.job import Job
    from rugbytx.system import Connection


def url(
    context: typer.Context,
    job_id: JobId,
    *,
    early: Annotated[
        bool, typer.Option("--early", help="Of a job under way: the beginning that is finished, which grows.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the URL of a job's master playlist, and nothing else."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.job_view import master_url, snapshot
    from rugbytx.errors import NotFound

    system = connection(context)
    job = snapshot(system.store, job_id).job
    address = master_url(job, system)
    is_early = early and address is None
    if is_early:
        address = _early_url(job, system)
    if address is None:
        raise NotFound(f"job {job.id} has no output: it is {job.status}")
    if as_json:
        emit({"job_id": job.id, "master_url": address, "is_early": is_early})
    else:
        typer.echo(address)


def _early_url(job: "Job", system: "Connection") -> str:
    """Return where the finished beginning of a job is; raises NotFound where there is none."""
    from rugbytx.cli.shared.job_view import object_url
    from rugbytx.core.output import object_keys
    from rugbytx.errors import NotFound

    key = object_keys.early_key(job.id, job.generation, "master")
    if job.is_open and system.storage.head(system.settings.output_bucket, key):
        return object_url(key, system)
    why = "its first chunk and its sound are not finished"
    if not job.profile.splice:
        why = "its profile takes chunks of one encoder only, and they may be made anew"
    elif not job.is_open:
        why = f"it is {job.status}"
    raise NotFound(f"job {job.id} has nothing to be watched yet: {why}")
