"""`rugbytx retry`: try an ended job again."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import JobId, Json, emit, remark

if TYPE_CHECKING:
    from rugbytx.core.lease.unit import UnitKey


_UNIT = re.compile(r"PLAN|AUDIO|VIDEO#[0-9]{1,6}|MP4|PUBLISH")


def _unit(text: str) -> "UnitKey":
    from rugbytx.core.lease.unit import UnitKey

    if not _UNIT.fullmatch(text.upper()):
        raise typer.BadParameter(f"{text!r} is no unit; write PLAN, AUDIO, VIDEO#3, MP4 or PUBLISH")
    return UnitKey.parse(text.upper())


def retry(
    context: typer.Context,
    job_id: JobId,
    *,
    unit: Annotated[
        Any,
        typer.Option(
            parser=_unit, metavar="UNIT", help="Do this unit again too: PLAN, AUDIO, VIDEO#3, MP4 or PUBLISH."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try an ended job again, as its next generation.

    What is finished is taken over, for 23 hours after the end of a job that did not succeed.
    With --unit that unit is done again and what is made from it.  `submit --force` does everything again.
    """
    from rugbytx.audit import who
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.job_view import as_json as to_json
    from rugbytx.control.job import retry as retry_job

    system = connection(context)
    answer = retry_job(job_id, system, redo=unit, by=who())
    if as_json:
        emit({"action": str(answer.action), **to_json(answer.job, None, system)})
    else:
        typer.echo(f"{answer.job.id}  {answer.action}  generation {answer.job.generation}")
    for sentence in answer.remarks:
        remark(sentence)
