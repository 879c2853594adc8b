"""`rugbytx logs`: what happened to a job, or to the system."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import Json, emit, printable, remark, say

if TYPE_CHECKING:
    from rugbytx.core.job.audit_trail import AuditEntry


def logs(
    context: typer.Context,
    job_id: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="The job's id; else what was asked of the system.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many entries, the last.")] = 1000,
    as_json: Json = False,
) -> None:
    """Show what happened to a job, in order, across workers, with who did it and when."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.control import steer
    from rugbytx.core.job import audit_trail

    store = connection(context).store
    if job_id is None:
        entries = store.audit.read(audit_trail.SYSTEM, limit=limit)
    else:
        entries = steer.list_entries(job_id, store, limit=limit)
    for entry in entries:
        if as_json:
            emit(_as_json(entry))
        else:
            say(line(entry))
    if not entries:
        remark("nothing is known: entries stay for 30 days")


def line(entry: "AuditEntry") -> str:
    """Return an entry as one line of text."""
    from rugbytx.cli.shared.job_view import local_time

    parts = [f"{local_time(entry.at)}  {entry.what:<13}"]
    if entry.unit:
        parts.append(f"{entry.unit} f{entry.fence}")
    if entry.frames and entry.elapsed_s:
        parts.append(f"{entry.frames} frames at {entry.frames / entry.elapsed_s:.0f} fps")
    elif entry.elapsed_s:
        parts.append(f"{entry.elapsed_s:.1f} s")
    if entry.reason:
        parts.append(printable(entry.reason))
    if entry.by:
        parts.append(f"by {printable(entry.by)}")
    return "  ".join(parts)


def _as_json(entry: "AuditEntry") -> dict[str, Any]:
    """Return an entry for a program; what does not apply is null."""
    from rugbytx.core.timestamp import iso

    return {
        "at": iso(entry.at),
        "what": entry.what,
        "by": entry.by or None,
        "generation": entry.generation or None,
        "unit": entry.unit or None,
        "fence": entry.fence or None,
        "reason": entry.reason or None,
        "frames": entry.frames or None,
        "elapsed_s": entry.elapsed_s or None,
    }
