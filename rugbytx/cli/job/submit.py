"""`rugbytx submit`: hand in videos."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.exit import code_of
from rugbytx.cli.shared.output import Json, complain, console, emit, printable, remark, say
from rugbytx.errors import JobRejected, SourceMissing, Unreachable

if TYPE_CHECKING:
    from rugbytx.intake import Accepted, Request
    from rugbytx.system import Connection

#: One command hands in at most so many sources, each in a line of at most so many characters.
MAX_SOURCES = 10_000
MAX_LINE = 4096


def submit(  # noqa: PLR0913 - each is a switch of the command line
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help="s3://bucket/key, or a local file, which is uploaded first."
        ),
    ] = None,
    *,
    from_file: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Read more sources from FILE, one a line; - is stdin."),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="What to make: match, clip, or a profile of your own.")
    ] = "match",
    deadline: Annotated[
        float | None,
        typer.Option(
            parser=duration.option, metavar="DURATION", help="Be done within, e.g. 45m; else the setting."
        ),
    ] = None,
    chunk: Annotated[
        float | None,
        typer.Option(
            parser=duration.option, metavar="DURATION", help="Cut into chunks of about this length, e.g. 60s."
        ),
    ] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Tell this URL how the job ends, by a signed webhook; repeatable."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show the jobs until they have ended.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do a job again that has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Submit videos.  Submitting the same one twice is one job, and the tighter deadline wins."""
    from rugbytx.audit import who
    from rugbytx.cli.shared.connection import connection
    from rugbytx.intake import Request

    wanted = [*(sources or ()), *(_from(from_file) if from_file is not None else ())]
    if not wanted:
        raise typer.BadParameter("name at least one source: s3://bucket/key or a local file")
    requests = [
        Request(
            source=source,
            profile=profile,
            deadline_s=deadline,
            chunk_s=chunk,
            force=force,
            notify=tuple(notify or ()),
            by=who(),
        )
        for source in wanted
    ]
    system = connection(context)
    accepted, code = _accept(requests, system, as_json=as_json)
    if watch and accepted:
        from rugbytx.cli.job.watch import watch_all

        watched = watch_all(system, [result.job.id for result in accepted], as_json=as_json)
        code = code or watched
    raise typer.Exit(code)


def _accept(
    requests: "list[Request]", system: "Connection", *, as_json: bool
) -> "tuple[list[Accepted], int]":
    """Submit, telling of each job as soon as it is accepted; return the jobs and the exit code so far."""
    from rugbytx.cli.shared.job_view import as_json as to_json
    from rugbytx.cli.shared.progress import uploads
    from rugbytx.intake import Refused, accept_all

    accepted: list[Accepted] = []
    code, answered, is_silent = 0, 0, False
    with uploads(console(stderr=True)) as on_upload:
        for result in accept_all(requests, system, on_upload=on_upload):
            if isinstance(result, Refused):
                code = code or code_of(result.error)
                if not is_silent:
                    complain(result.error)
                    answered += 1
                # Once is enough: its neighbours, which had begun, met the same silence.
                is_silent |= isinstance(result.error, Unreachable)
                continue
            answered += 1
            accepted.append(result)
            if as_json:
                emit({"action": str(result.action), **to_json(result.job, None, system)})
            else:
                say(f"{result.job.id}  {result.action}  {printable(result.job.source.url)}")
            for sentence in result.remarks:
                remark(sentence)
    if answered < len(requests):
        complain(f"{len(requests) - answered} more were not accepted")
    return accepted, code


def _from(name: str) -> list[str]:
    """Return the sources that a file lists; ``-`` is stdin."""
    if name == "-":
        return read_sources(sys.stdin)
    try:
        with Path(name).open(encoding="utf-8") as file:
            return read_sources(file)
    except UnicodeDecodeError as error:
        raise JobRejected(f"{name} is no list of sources: it is not UTF-8 text") from error
    except OSError as error:
        raise SourceMissing(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from error


def read_sources(file: TextIO) -> list[str]:
    r"""Return the sources in ``file``, one a line; blank lines and those that begin with # are left out.

    >>> import io
    >>> read_sources(io.StringIO("# round 7\n\ns3://games/a.mp4\n  b.mp4 \n"))
    ['s3://games/a.mp4', 'b.mp4']
    """
    sources: list[str] = []
    for line in _lines(file):
        if line and not line.startswith("#"):
            if len(sources) == MAX_SOURCES:
                raise JobRejected(f"one command submits at most {MAX_SOURCES} sources")
            sources.append(line)
    return sources


def _lines(file: TextIO) -> Iterable[str]:
    while text := file.readline(MAX_LINE + 1):
        if len(text) > MAX_LINE:
            raise JobRejected(f"a line of the list of sources is longer than {MAX_LINE} characters")
        yield text.strip()
