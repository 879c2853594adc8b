"""A job as people and programs see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rugbytx import urls
from rugbytx.cli.shared import duration
from rugbytx.cli.shared.output import printable
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.result import Quality
from rugbytx.core.lease.unit import State, Unit
from rugbytx.core.status.progress import Outlook, outlook
from rugbytx.core.timestamp import iso
from rugbytx.core.verify.sampled_quality import quality_of
from rugbytx.errors import NotFound
from rugbytx.ports.store import Store, Units
from rugbytx.system import Connection

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = {
    Status.QUEUED: "yellow",
    Status.RUNNING: "cyan",
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "magenta",
}


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A job at one moment, with its units while it is open."""

    job: Job
    units: tuple[Unit, ...]
    outlook: Outlook
    #: Store time.
    at: float


def snapshot(store: Store, job_id: str) -> Snapshot:
    """Return how the job stands; raises NotFound."""
    job = store.jobs.read(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    units = tuple(store.units.show(job.id, job.generation).values()) if job.is_open else ()
    at = store.now()
    return Snapshot(job=job, units=units, outlook=outlook(job, units, now=at), at=at)


def object_url(key: str, connection: Connection) -> str:
    """Return where readers find an output."""
    return urls.object_url(key, place(connection))


def place(connection: Connection) -> urls.OutputBucket:
    """Return where the system's outputs are."""
    settings = connection.settings
    return urls.OutputBucket(
        bucket=settings.output_bucket, s3_url=connection.s3_url, base_url=settings.output_base_url
    )


def master_url(job: Job, connection: Connection) -> str | None:
    """Return the URL of the job's master playlist, or None while it has none."""
    return object_url(job.outputs.master_key, connection) if job.outputs else None


def quality(job: Job, units: Units) -> Quality | None:
    """Return what samples of the job's outputs said, or None where nobody has looked, or not yet."""
    return None if job.outputs is None else quality_of(units.show(job.id, job.generation))


def as_json(
    job: Job, ahead: Outlook | None, connection: Connection, quality: Quality | None = None
) -> dict[str, Any]:
    """Return the job for a program.  The keys are stable and always there; what is not known is null.

    A list of jobs does not look at their units, so it knows neither ``ahead`` nor
    what was ``quality`` of the quality.
    """
    outputs = job.outputs
    return {
        "job_id": job.id,
        "generation": job.generation,
        "status": str(job.status),
        "reason": job.reason or None,
        "source": job.source.url,
        "source_bytes": job.source.size_bytes,
        "profile": job.profile.name,
        "submitted_at": iso(job.submitted_at),
        "started_at": iso(job.started_at),
        "ended_at": iso(job.ended_at),
        "deadline_at": iso(job.deadline_at),
        "bumped_at": iso(job.bumped_at),
        "units": job.units or None,
        "units_done": len(job.done),
        "frames": job.frames or None,
        "frames_done": ahead.frames_done if ahead else None,
        "fps": round(ahead.fps, 1) if ahead else None,
        "eta_s": round(ahead.eta_s, 1) if ahead and ahead.eta_s is not None else None,
        "master_url": master_url(job, connection),
        "mp4_url": object_url(outputs.mp4_key, connection) if outputs and outputs.mp4_key else None,
        "poster_url": object_url(outputs.poster_key, connection) if outputs and outputs.poster_key else None,
        "storyboard_url": (
            object_url(outputs.storyboard_key, connection) if outputs and outputs.storyboard_key else None
        ),
        "renditions": list(outputs.renditions) if outputs else None,
        "duration_s": outputs.duration_s if outputs else None,
        "output_bytes": outputs.size_bytes if outputs else None,
        "quality": quality.model_dump(mode="json", exclude={"samples"}) if quality else None,
    }


def local_time(at: float | None) -> str:
    """Return the instant for a person, in this machine's time zone."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def bar(snapshot: Snapshot, *, cells: int) -> str:
    """Return how much is done, as a bar of so many cells and a percentage; nothing while there is no plan."""
    done, whole = snapshot.outlook.frames_done, snapshot.outlook.frames
    if not whole:
        return ""
    full = cells * done // whole
    return f"{'━' * full}{'─' * (cells - full)} {100 * done // whole:3d} %"


def line(snapshot: Snapshot) -> str:
    """Return the job's progress as one line of text."""
    job, ahead = snapshot.job, snapshot.outlook
    parts = [job.id, str(job.status)]
    if job.units:
        parts.append(f"{len(job.done)}/{job.units} units")
    if ahead.frames:
        parts.append(f"{100 * ahead.frames_done // ahead.frames} %")
    if job.is_open and ahead.fps:
        parts.append(f"{ahead.fps:.0f} fps")
    if job.is_open and ahead.eta_s is not None:
        parts.append(f"ETA {duration.show(ahead.eta_s)}")
    if job.reason:
        parts.append(printable(job.reason))
    return "  ".join(parts)


def size(size_bytes: int) -> str:
    """Return a size for a person.

    >>> size(999), size(62_400_000), size(4_000_000_000)
    ('999 B', '62.4 MB', '4.0 GB')
    """
    amount, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"


def facts(snapshot: Snapshot) -> Mapping[str, str]:
    """Return what `rugbytx status` tells about a job, by label; what is not known has no label."""
    job, ahead, outputs = snapshot.job, snapshot.outlook, snapshot.job.outputs
    units = (
        f"{len(job.done)} of {job.units} units done" if job.units else "no plan yet" if job.is_open else ""
    )
    late = (
        ""
        if not job.is_open or snapshot.at <= job.deadline_at
        else f"  ({duration.show(snapshot.at - job.deadline_at)} ago)"
    )
    rows = {
        "job": job.id,
        "status": str(job.status),
        "reason": job.reason,
        "generation": str(job.generation) if job.generation > 1 else "",
        "source": f"{job.source.url}  ({size(job.source.size_bytes)})",
        "profile": job.profile.name,
        "submitted": local_time(job.submitted_at),
        "deadline": local_time(job.deadline_at) + late,
        "bumped": local_time(job.bumped_at) if job.is_open else "",
        "ended": local_time(job.ended_at),
        "progress": "  ".join(part for part in (bar(snapshot, cells=24), units) if part),
        "speed": f"{ahead.fps:.0f} fps" if ahead.fps else "",
        "ETA": duration.show(ahead.eta_s) if ahead.eta_s is not None else "",
    }
    if outputs:
        rows["renditions"] = ", ".join(outputs.renditions)
        rows["output"] = (
            f"{outputs.frames} frames, {duration.show(outputs.duration_s)}, {size(outputs.size_bytes)}"
        )
        rows["warnings"] = "; ".join(outputs.warnings)
    return {label: printable(text) for label, text in rows.items() if text}


def units_table(units: Sequence[Unit], *, at: float) -> "Table | None":
    """Return the units that are leased or wait for another try, or None where there are none."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("unit", "state", "step", "frames", "fps", "worker", "tries", "reason"):
        table.add_column(heading, overflow="fold")
    for unit in sorted(units, key=lambda unit: str(unit.key)):
        if unit.state is State.DONE:
            continue
        silent = unit.state is State.LEASED and unit.lease_until <= at
        table.add_row(
            str(unit.key),
            "SILENT" if silent else str(unit.state),
            unit.progress.step,
            str(unit.progress.frames or ""),
            f"{unit.progress.fps:.0f}" if unit.progress.fps else "",
            printable(unit.owner),
            _troubles(unit),
            printable(unit.reason),
        )
    return table if table.row_count else None


def _troubles(unit: Unit) -> str:
    """Return how often a unit's attempts came to nothing, and how.

    >>> _troubles(Unit(key="PLAN", generation=1, state=State.WAITING, fence=3, verdicts=1, refusals=2))
    '1 failed, 2 refused'
    """
    counts = ((unit.verdicts, "failed"), (unit.deaths, "died"), (unit.refusals, "refused"))
    return ", ".join(f"{number} {what}" for number, what in counts if number)
