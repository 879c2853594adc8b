"""`rugbytx cancel`: end jobs before they are done."""

import typer

from rugbytx.cli.shared.exit import Code
from rugbytx.cli.shared.output import JobIds, Json, complain, emit, remark


def cancel(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Cancel jobs: queued ones at once, running ones within a heartbeat.

    A job that was cancelled before is no error.  One that SUCCEEDED or FAILED before is exit status 1.
    """
    from rugbytx.audit import who
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.exit import code_of
    from rugbytx.cli.shared.job_view import as_json as to_json
    from rugbytx.control.job import ControlAction
    from rugbytx.control.job import cancel as cancel_job
    from rugbytx.errors import NotFound

    system = connection(context)
    code = 0
    for job_id in job_ids:
        try:
            answer = cancel_job(job_id, system, by=who())
        except NotFound as error:  # the others can still be cancelled
            complain(error)
            code = code or code_of(error)
            continue
        if as_json:
            emit({"action": str(answer.action), **to_json(answer.job, None, system)})
        else:
            typer.echo(f"{answer.job.id}  {answer.action}  {answer.job.status}")
        if answer.action is ControlAction.TOO_LATE:
            complain(answer.remarks[0])
            code = code or Code.JOB_FAILED
            continue
        for sentence in answer.remarks:
            remark(sentence)
    raise typer.Exit(code)
