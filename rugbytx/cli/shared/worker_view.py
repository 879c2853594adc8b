"""Workers as a table, and as a line of text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import printable
from rugbytx.core.fleet.worker_class import WorkerClass

if TYPE_CHECKING:
    from rich.table import Table

    from rugbytx.core.fleet.presence import Worker


def speed(worker: "Worker") -> float | None:
    """Return the median speed of the chunks that the worker's slots did last, in px/s; None before one."""
    from statistics import median

    return round(median(worker.speeds)) if worker.speeds else None


def table(workers: Sequence["Worker"], *, at: float) -> "Table":
    """Return the workers as a table."""
    from rich.table import Table

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("worker", "class", "encoder", "busy", "gate", "Mpx/s", "°C", "power", "up", "at"):
        shown.add_column(heading, overflow="fold")
    for worker in ordered(workers):
        px_per_s = speed(worker)
        shown.add_row(
            printable(worker.name),
            worker.worker_class,
            worker.encoder or "none",
            f"{worker.busy}/{worker.slots}",
            printable(worker.gate),
            f"{px_per_s / 1e6:.0f}" if px_per_s else "",
            f"{worker.temperature_c:.0f}" if worker.temperature_c is not None else "",
            printable(worker.power_mode),
            duration.show(max(0.0, at - worker.started_at)) if worker.started_at else "",
            _at(worker, at=at),
            style=None if worker.is_able else "red",
        )
    return shown


def line(worker: "Worker", *, at: float) -> str:
    """Return the worker as one line of text."""
    parts = [worker.name, worker.worker_class, worker.encoder or "no encoder", worker.gate]
    parts += [f"{worker.busy}/{worker.slots} busy", _at(worker, at=at)]
    return printable("  ".join(part for part in parts if part))


def _at(worker: "Worker", *, at: float) -> str:
    if worker.jobs or worker.busy:
        return printable(", ".join(worker.jobs))
    return f"idle for {duration.show(max(0.0, at - worker.idle_since))}" if worker.idle_since else ""


def ordered(workers: Sequence["Worker"]) -> list["Worker"]:
    """Return the workers by name, those of the Jetson first."""
    return sorted(workers, key=lambda worker: (worker.worker_class is not WorkerClass.JETSON, worker.name))
