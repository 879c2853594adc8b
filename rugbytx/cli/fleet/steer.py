"""`rugbytx bump`, `unbump`, `pause`, `resume`, `drain` and `undrain`: steer what is under way."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.output import JobIds, Json, complain, emit, remark

if TYPE_CHECKING:
    from rugbytx.control.steer import SteerResult

Class = Annotated[
    str | None,
    typer.Argument(metavar="[CLASS]", help="jetson or aws; the whole queue if there is none."),
]
Workers = Annotated[
    list[str], typer.Argument(metavar="WORKER...", help="Names of workers, as `rugbytx workers` shows them.")
]


def bump(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Put open jobs before all others: workers take them at their next unit."""
    from rugbytx.control import steer

    _each(context, job_ids, lambda name, store, by: steer.bump(name, store, by=by), as_json=as_json)


def unbump(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Put bumped jobs back among the others."""
    from rugbytx.control import steer

    _each(context, job_ids, lambda name, store, by: steer.unbump(name, store, by=by), as_json=as_json)


def pause(context: typer.Context, worker_class: Class = None, *, as_json: Json = False) -> None:
    """Have workers receive nothing more: those of a class, or all.  Units in work are finished first."""
    from rugbytx.control import steer

    _each(context, [""], lambda _, store, by: steer.pause(worker_class, store, by=by), as_json=as_json)


def resume(context: typer.Context, worker_class: Class = None, *, as_json: Json = False) -> None:
    """Take a pause back.  The queue's and a class's are apart."""
    from rugbytx.control import steer

    _each(context, [""], lambda _, store, by: steer.resume(worker_class, store, by=by), as_json=as_json)


def drain(context: typer.Context, workers: Workers, *, as_json: Json = False) -> None:
    """Have workers receive nothing more, until they are undrained.  Units in work are finished first."""
    from rugbytx.control import steer

    _each(context, workers, lambda name, store, by: steer.drain(name, store, by=by), as_json=as_json)


def undrain(context: typer.Context, workers: Workers, *, as_json: Json = False) -> None:
    """Let drained workers receive again."""
    from rugbytx.control import steer

    _each(context, workers, lambda name, store, by: steer.undrain(name, store, by=by), as_json=as_json)


def _each(
    context: typer.Context,
    names: Sequence[str],
    ask: "Callable[..., SteerResult]",
    *,
    as_json: bool,
) -> None:
    """Ask for each, and tell of each; one that is not there does not stop the others."""
    from rugbytx.audit import who
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.exit import code_of
    from rugbytx.errors import JobRejected, NotFound

    store = connection(context).store
    code = 0
    for name in names:
        try:
            answer = ask(name, store, who())
        except (NotFound, JobRejected) as error:
            complain(error)
            code = code or code_of(error)
            continue
        if as_json:
            emit({"name": answer.name, "action": answer.what, "changed": answer.has_changed})
        else:
            typer.echo(f"{answer.name}  {answer.what}")
        if not answer.has_changed:
            remark(f"{answer.name} was so before: nothing has changed")
    raise typer.Exit(code)
