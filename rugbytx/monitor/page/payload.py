"""What the pages' scripts are given: plain values with stable keys, null for what is not known."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.lease.unit import Kind
from rugbytx.core.status.overview import Piece, Sheet
from rugbytx.monitor.cache import Summary


def job_row(sheet: Sheet) -> dict[str, Any]:
    """Return a job as a line of the list, without its units."""
    job, ahead = sheet.job, sheet.outlook
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
        "percent": sheet.percent,
        "fps": round(ahead.fps, 1) if job.is_open and ahead.fps else None,
        "eta_s": round(ahead.eta_s) if ahead.eta_s is not None else None,
        "units": job.units,
        "units_done": len(job.done),
        "worker_classes": list(sheet.worker_classes),
        "usd": round(sheet.usd, 4) if sheet.worker_classes else None,
        "submitted_at": job.submitted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "deadline_at": job.deadline_at,
        "is_late": sheet.is_late,
        "is_playable": bool(job.outputs)
        or (job.is_open and any(name.startswith(Kind.VIDEO) for name in job.done)),
    }


def unit_row(piece: Piece) -> dict[str, Any]:
    """Return a unit as a cell of the map."""
    return {
        "key": str(piece.key),
        "is_chunk": piece.key.kind is Kind.VIDEO,
        "state": piece.state,
        "worker": piece.worker,
        "worker_class": piece.worker_class,
        "encoder": piece.encoder,
        "gpu": piece.gpu,
        "step": piece.step,
        "started_at": piece.started_at or None,
        "elapsed_s": round(piece.elapsed_s, 1),
        "frames": piece.frames,
        "fps": round(piece.fps, 1) if piece.fps else None,
        "fence": piece.fence,
        "verdicts": piece.verdicts,
        "deaths": piece.deaths,
        "reason": piece.reason,
        "is_adopted": piece.is_adopted,
        "is_splice": piece.is_splice,
        "usd": round(piece.usd, 6),
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
