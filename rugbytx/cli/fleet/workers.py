"""`rugbytx workers`: who works, at what, and who does not and why."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import console, emit, printable, remark
from rugbytx.cli.shared.worker_view import line, ordered, speed, table
from rugbytx.errors import Unreachable

if TYPE_CHECKING:
    from rich.console import Console

    from rugbytx.core.fleet.presence import Worker
    from rugbytx.ports import Store

#: Workers speak every 15 s; a look costs one read.
POLL_S = 2.0
#: A store that does not answer is given up after so long.
PATIENCE_S = 90.0

Pause = Callable[[float], None]


def workers(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing them until Ctrl-C.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: one object for each worker.")
    ] = False,
) -> None:
    """Show the workers that are believed to live.  With --watch --json a line for each change of a worker."""
    from rugbytx.cli.shared.connection import connection

    store = connection(context).store
    if watch:
        follow(poll_workers(store), console=console(), as_json=as_json)
        return
    at, living = store.now(), store.workers.list()
    if as_json:
        for worker in ordered(living):
            emit(to_json(worker, at=at))
    elif living:
        console().print(table(living, at=at))
    else:
        remark("no workers")


def poll_workers(store: "Store", *, pause: Pause = time.sleep) -> Iterator[tuple[float, Sequence["Worker"]]]:
    """Yield the store's time and the workers, again and again; raises Unreachable after long silence."""
    silent_s = 0.0
    while True:
        try:
            workers = store.workers.list()
            at = store.now()
        except Unreachable:
            silent_s += POLL_S
            if silent_s > PATIENCE_S:
                raise
        else:
            silent_s = 0.0
            yield at, workers
        pause(POLL_S)


def follow(states: Iterator[tuple[float, Sequence["Worker"]]], *, console: "Console", as_json: bool) -> None:
    """Show the workers as they change: a table that moves on a terminal, elsewhere a line for each change."""
    if not as_json and console.is_terminal and not console.is_dumb_terminal:
        from rich.live import Live

        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            for at, workers in states:
                live.update(table(workers, at=at), refresh=True)
        return
    shown: dict[str, Worker] = {}
    for at, workers in states:
        for worker in ordered(workers):
            if worker.name not in shown or _state(shown[worker.name]) != _state(worker):
                shown[worker.name] = worker
                if as_json:
                    emit(to_json(worker, at=at))
                else:
                    console.print(line(worker, at=at), soft_wrap=True)
        for name in sorted(set(shown) - {worker.name for worker in workers}):
            gone = shown.pop(name)
            if as_json:
                emit({**to_json(gone, at=at), "is_gone": True})
            else:
                console.print(f"{printable(name)}  gone", soft_wrap=True)


def _state(worker: "Worker") -> object:
    """Return what says more of a worker than that time passes."""
    return worker.model_dump(exclude={"seen_at", "until", "idle_since", "temperature_c"})


def to_json(worker: "Worker", *, at: float) -> dict[str, Any]:
    """Return the worker for a program.  The keys are stable and always there; what is not known is null."""
    from rugbytx.core.timestamp import iso

    return {
        "worker": worker.name,
        "worker_class": worker.worker_class,
        "slots": worker.slots,
        "busy": worker.busy,
        "encoder": worker.encoder or None,
        "fingerprint": worker.maker or None,
        "gate": worker.gate or None,
        "is_able": worker.is_able,
        "jobs": list(worker.jobs),
        "px_per_s": speed(worker),
        "temperature_c": worker.temperature_c,
        "power_mode": worker.power_mode or None,
        "started_at": iso(worker.started_at or None),
        "idle_s": round(at - worker.idle_since, 1) if not worker.busy and worker.idle_since else None,
        "seen_at": iso(worker.seen_at),
        "is_gone": False,
    }
