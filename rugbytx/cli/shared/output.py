"""What goes to the terminal: tables to stdout, sentences to stderr, JSON Lines for programs."""

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.errors import RugbytxError

if TYPE_CHECKING:
    from rich.console import Console

#: Wide enough for a table in a log or a pipe, where nobody says how wide it is.
PIPE_COLUMNS = 160

#: The ``--json`` switch that commands share.
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object for each job.")]
#: One job's id, and several.
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as `rugbytx submit` printed it.")]
JobIds = Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids of jobs.")]


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console that shows text as it is."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        width=None if stream.isatty() else PIPE_COLUMNS,
        markup=False,
        highlight=False,
        emoji=False,
    )


def printable(text: str) -> str:
    r"""Return the text without what could steer a terminal: an object's key may hold anything.

    >>> printable("a\x1b[2Jb")
    'a�[2Jb'
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def complain(problem: RugbytxError | str) -> None:
    """Say on stderr, in one line, what went wrong."""
    typer.secho(f"rugbytx: {printable(str(problem))}", fg="red", err=True, color=_colours())


def remark(text: str) -> None:
    """Say on stderr what is good to know."""
    typer.secho(printable(text), dim=True, err=True, color=_colours())


def _colours() -> bool | None:
    """Return False where colours are not wanted (https://no-color.org), else None: the terminal decides."""
    return False if os.environ.get("NO_COLOR") else None


def emit(value: Mapping[str, Any]) -> None:
    """Print one line of JSON, at once: a program may be waiting for it."""
    say(json.dumps(value, ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))


def say(text: str) -> None:
    """Print a line to stdout; a reader who has left stops nothing that the command does for others."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
