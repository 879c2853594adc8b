"""What the pages' scripts are given: plain values with stable keys, null for what is not known."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.lease.unit import Kind
from rugbytx.core.status.overview import JobOverview, UnitOverview
from rugbytx.monitor.cache import Summary


def job_row(overview: JobOverview) -> dict[str, Any]:
    """Return a job as a line of the list, without its units."""
    job, ahead = overview.job, overview.outlook
    return {
        "job_id": job.id,
        "generation": job.generation,
        "status": str(job.status),
        "is_open": job.is_open,
        "is_bumped": job.bumped_at is not None,
        "reason": job.reason,
        "source": job.source.url,
        "name": PurePosixPath(job.source.key).name,
        "source_bytes": job.source.size_bytes,
        "profile": job.profile.name,
        "percent": overview.percent,
        "fps": round(ahead.fps, 1) if job.is_open and ahead.fps else None,
        "eta_s": round(ahead.eta_s) if ahead.eta_s is not None else None,
        "units": job.units,
        "units_done": len(job.done),
        "worker_classes": list(overview.worker_classes),
        "usd": round(overview.usd, 4) if overview.worker_classes else None,
        "submitted_at": job.submitted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "deadline_at": job.deadline_at,
        "is_late": overview.is_late,
        "is_playable": bool(job.outputs)
        or (job.is_open and any(name.startswith(Kind.VIDEO) for name in job.done)),
    }


def unit_row(unit: UnitOverview) -> dict[str, Any]:
    """Return a unit as a cell of the map."""
    return {
        "key": str(unit.key),
        "is_chunk": unit.key.kind is Kind.VIDEO,
        "state": unit.state,
        "worker": unit.worker,
        "worker_class": unit.worker_class,
        "encoder": unit.encoder,
        "gpu": unit.gpu,
        "step": unit.step,
        "started_at": unit.started_at or None,
        "elapsed_s": round(unit.elapsed_s, 1),
        "frames": unit.frames,
        "fps": round(unit.fps, 1) if unit.fps else None,
        "fence": unit.fence,
        "verdicts": unit.verdicts,
        "deaths": unit.deaths,
        "reason": unit.reason,
        "is_adopted": unit.is_adopted,
        "is_splice": unit.is_splice,
        "usd": round(unit.usd, 6),
    }


def worker_row(worker: Worker, *, at: float) -> dict[str, Any]:
    """Return what a worker last said of itself; its host stands behind the @ of its name."""
    return {
        "name": worker.name,
        "host": worker.name.partition("@")[2],
        "worker_class": worker.worker_class,
        "encoder": worker.encoder,
        "slots": worker.slots,
        "busy": worker.busy,
        "gate": worker.gate,
        "silent_s": round(max(0.0, at - worker.seen_at)),
    }


def summary_row(summary: Summary, decision: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return queue, workers and the autoscaler's last decision."""
    return {
        "queue": summary.queue,
        "waiting": summary.depth.visible,
        "in_flight": summary.depth.in_flight,
        "dead": summary.dead.visible + summary.dead.in_flight,
        "queued": sum(job.status == "QUEUED" for job in summary.open_jobs),
        "running": sum(job.status == "RUNNING" for job in summary.open_jobs),
        "workers": [worker_row(worker, at=summary.at) for worker in summary.workers],
        "decision": decision,
        "at": summary.at,
    }
