"""`rugbytx dlq`: messages that nobody could handle."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import Json, console, emit, printable, remark

if TYPE_CHECKING:
    from rugbytx.core.job.dead_letter import DeadLetter

#: How much of a body is shown.
EXCERPT_CHARS = 120

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[MESSAGE...]", help="Ids of messages; all if there is none.")
]

dlq = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Look at messages that nobody could handle, send them again, or drop them.",
)


@dlq.command("list")
def list_letters(context: typer.Context, *, as_json: Json = False) -> None:
    """List the messages, the oldest first."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.job_view import local_time
    from rugbytx.control import dead_letter

    letters = dead_letter.list_letters(connection(context).queue)
    if as_json:
        for letter in letters:
            emit(_as_json(letter))
        return
    if not letters:
        remark("no messages")
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("message", "sent", "receives", "job", "body"):
        table.add_column(heading, no_wrap=heading != "body", overflow="fold")
    for letter in letters:
        job_id = letter.pointer.job_id if letter.pointer else ""
        sent = local_time(letter.sent_at)
        table.add_row(letter.id, sent, str(letter.receives), printable(job_id), _excerpt(letter))
    console().print(table)


@dlq.command()
def redrive(context: typer.Context, messages: Ids = None, *, as_json: Json = False) -> None:
    """Send messages to the queue again."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.control import dead_letter

    queue = connection(context).queue
    _print_each("redriven", dead_letter.redrive(queue, messages or ()), as_json=as_json)


@dlq.command()
def drop(
    context: typer.Context,
    messages: Ids = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete messages for good, after asking.  Jobs are not deleted."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.control import dead_letter

    queue = connection(context).queue
    if not yes:
        what = f"{len(messages)} messages" if messages else "all messages"
        typer.confirm(f"Delete {what} of the dead-letter queue for good?", abort=True, err=True)
    _print_each("dropped", dead_letter.drop(queue, messages or ()), as_json=as_json)


def _print_each(done: str, letters: "Iterable[DeadLetter]", *, as_json: bool) -> None:
    """Tell of each message as soon as it went, for the next one may fail."""
    count = 0
    for letter in letters:
        count += 1
        if as_json:
            emit({"action": done, **_as_json(letter)})
        else:
            typer.echo(f"{letter.id}  {done}  {_excerpt(letter)}")
    if not count:
        remark("no messages")


def _as_json(letter: "DeadLetter") -> dict[str, Any]:
    """Return the message for a program; ``job_id`` is null where it is no pointer, and ``refusal`` says why a worker leaves it."""
    from rugbytx.core.timestamp import iso

    return {
        "message_id": letter.id,
        "sent_at": iso(letter.sent_at),
        "receives": letter.receives,
        "job_id": letter.pointer.job_id if letter.pointer else None,
        "generation": letter.pointer.generation if letter.pointer else None,
        "submits": letter.submits or None,
        "refusal": letter.refusal or None,
        "body": letter.body[:EXCERPT_CHARS],
        "body_chars": len(letter.body),
    }


def _excerpt(letter: "DeadLetter") -> str:
    """Return what a person should see of the body: nothing that steers a terminal, and not all of it."""
    if letter.pointer:
        return f"generation {letter.pointer.generation} of job {printable(letter.pointer.job_id)}"
    if letter.submits:
        return f"submits {printable(letter.submits)}"
    text = printable(letter.body[:EXCERPT_CHARS]) + "…" * (len(letter.body) > EXCERPT_CHARS)
    return f"{text}  ({printable(letter.refusal)})"
