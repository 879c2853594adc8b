"""Jobs and uploads as they move, on a terminal or line by line."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.fleet_view import Surroundings
from rugbytx.cli.shared.job_view import COLOURS, Snapshot, bar, line, snapshot
from rugbytx.cli.shared.output import printable
from rugbytx.core.job.job import Job
from rugbytx.errors import Unreachable
from rugbytx.ports import Store
from rugbytx.source import Moved, OnUpload

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table

POLL_S = 0.7
#: A store that fell silent is asked less and less often, and given up after so long.
LONGEST_POLL_S = 8.0
PATIENCE_S = 90.0
#: How often a line shows the frames where nothing else changes.
LINE_S = 10.0

Pause = Callable[[float], None]


def snapshots(
    store: Store, job_ids: Sequence[str], *, pause: Pause = time.sleep
) -> Iterator[Sequence[Snapshot]]:
    """Yield how the jobs stand, again and again, until all of them have ended.

    Raises NotFound for a job that is not there.  A store that does not answer
    at first raises Unreachable at once; later it is waited for.
    """
    latest: dict[str, Snapshot] = {}
    poll_s, silent_s = POLL_S, 0.0
    while True:
        try:
            for job_id in dict.fromkeys(job_ids):
                if job_id not in latest or latest[job_id].job.is_open:
                    latest[job_id] = snapshot(store, job_id)
        except Unreachable:
            silent_s += poll_s
            if not latest or silent_s > PATIENCE_S:
                raise
            poll_s = min(2 * poll_s, LONGEST_POLL_S)
        else:
            poll_s, silent_s = POLL_S, 0.0
            yield list(latest.values())
            if not any(standing.job.is_open for standing in latest.values()):
                return
        pause(poll_s)


def follow(
    store: Store, job_ids: Sequence[str], *, console: "Console", pause: Pause = time.sleep
) -> dict[str, Job]:
    """Show the jobs until all have ended, and return them by id.

    On a terminal the view is one table that moves, with the workers and the
    autoscaler's decision below; elsewhere it is a line for each change.
    """
    states = snapshots(store, job_ids, pause=pause)
    around = Surroundings(store)
    show = _draw if console.is_terminal and not console.is_dumb_terminal else _write
    last = show(states, around, console)
    return {standing.job.id: standing.job for standing in last}


def _draw(
    states: Iterator[Sequence[Snapshot]], around: Surroundings, console: "Console"
) -> Sequence[Snapshot]:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    last: Sequence[Snapshot] = ()
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        for last in states:
            below = [
                Text(line, style="dim", no_wrap=True, overflow="ellipsis")
                for line in around.lines(at=max(standing.at for standing in last))
            ]
            live.update(Group(_table(last), *below), refresh=True)
    return last


def _table(standings: Sequence[Snapshot]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    # On a narrow terminal only the last column gives way.
    widths = {"job": 20, "status": 9, "units": 5, "progress": 18, "fps": 3, "ETA": 5}
    for heading, width in widths.items():
        table.add_column(heading, no_wrap=True, min_width=width)
    table.add_column("at work on", no_wrap=True, overflow="ellipsis")
    for standing in standings:
        job, ahead = standing.job, standing.outlook
        table.add_row(
            job.id,
            Text(str(job.status), style=COLOURS[job.status]),
            f"{len(job.done)}/{job.units}" if job.units else "",
            bar(standing, cells=12),  # a row fits into 80 columns
            f"{ahead.fps:.0f}" if ahead.fps else "",
            duration.show(ahead.eta_s) if ahead.eta_s is not None else "",
            printable(job.reason)
            or ", ".join(f"{unit.key} {unit.progress.step}" for unit in standing.units if unit.owner),
        )
    return table


def _write(
    states: Iterator[Sequence[Snapshot]], around: Surroundings, console: "Console"
) -> Sequence[Snapshot]:
    written: dict[str, tuple[object, str, float]] = {}
    sentences: Sequence[str] = ()
    last: Sequence[Snapshot] = ()
    for last in states:
        before, sentences = sentences, around.fleet_lines(at=max(standing.at for standing in last))
        for text in sentences:
            if text not in before:
                console.print(text, soft_wrap=True)
        for standing in last:
            state = (standing.job.status, standing.job.generation, standing.job.done)
            old_state, old_text, old_at = written.get(standing.job.id, (None, "", 0.0))
            text = line(standing)
            if state != old_state or (text != old_text and standing.at - old_at >= LINE_S):
                console.print(text, soft_wrap=True)
                written[standing.job.id] = (state, text, standing.at)
    return last


@contextmanager
def uploads(console: "Console") -> Iterator[OnUpload | None]:
    """Show a bar for each local file that is read and uploaded, for as long as the context lasts.

    Where nobody is looking there is no bar, and the value is None.
    """
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[tuple[str, str], TaskID] = {}

        def moved(moved: Moved) -> None:
            name = (moved.step, str(moved.path))
            if name not in tasks:
                verb = {"hash": "reading", "upload": "uploading"}[moved.step]
                tasks[name] = progress.add_task(f"{verb} {moved.path.name}", total=moved.size_bytes)
            progress.update(tasks[name], completed=moved.done_bytes)

        yield moved
