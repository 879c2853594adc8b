"""What a lane writes into its log and its job's trail: an entry for each unit, for what went wrong, and for the end."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job import audit_trail
from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.retry import RetryDecision
from rugbytx.core.lease.unit import Lease, Measured, State, Unit
from rugbytx.core.status import embedded_metrics
from rugbytx.errors import RugbytxError
from rugbytx.ports.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobAudit:
    """The trail of one job, as one worker adds to it: what cannot be written is left out."""

    store: Store
    job: Job
    worker: str
    #: Where it is ``aws``, CloudWatch reads the log and takes figures from it.
    worker_class: WorkerClass | None = None

    def record_takeover(self, lease: Lease, former: Unit | None) -> None:
        """Record a unit that was taken from a worker that fell silent; the end of any other claim is enough."""
        if former is not None and former.state is State.LEASED:
            self._write(audit_trail.TAKEN_OVER, lease, reason=f"{former.owner} fell silent")

    def record_done(self, lease: Lease, measured: Measured) -> None:
        """Record a unit that was committed."""
        figures = self._figures({"unit_s": measured.elapsed_s}, kind=str(lease.key.kind))
        log.info(
            "unit-done",
            extra={"job_id": lease.job_id, "unit": str(lease.key), "fence": lease.fence, **figures},
        )
        self._write(
            audit_trail.UNIT_DONE,
            lease,
            reason=measured.encoder,
            frames=measured.frames,
            elapsed_s=round(measured.elapsed_s, 3),
        )

    def record_failure(self, lease: Lease, outcome: RetryDecision, error: Exception) -> None:
        """Record an attempt that came to nothing, and what becomes of the unit."""
        log.warning(
            "attempt-ended",
            extra={
                "job_id": lease.job_id,
                "unit": str(lease.key),
                "fence": lease.fence,
                "reason": outcome.reason,
                "action": str(outcome.action),
                **self._figures({"lost_count": 1.0}, action=str(outcome.action)),
            },
            exc_info=error if outcome.is_unknown else None,
        )
        self._write(audit_trail.ATTEMPT_ENDED, lease, reason=f"{outcome.action}: {outcome.reason}")

    def record_end(self, status: Status, reason: str = "") -> None:
        """Record the job's end, whichever lane comes to it."""
        log.info(
            "job-ended", extra={"job_id": self.job.id, "status": str(status), **self._turnaround(status)}
        )
        self._write(audit_trail.ENDED, reason=f"{status}: {reason}" if reason else str(status))

    def _turnaround(self, status: Status) -> dict[str, Any]:
        try:
            turnaround_s = self.store.now() - self.job.submitted_at
        except RugbytxError:
            return {}
        return self._figures({"turnaround_s": turnaround_s}, status=str(status))

    def _figures(self, values: Mapping[str, float], **labels: str) -> dict[str, Any]:
        """Return the fields by which CloudWatch takes figures from a log line; none elsewhere."""
        if self.worker_class is not WorkerClass.AWS:
            return {}
        try:
            at = self.store.now()
        except RugbytxError:
            return {}
        whole = {"worker_class": self.worker_class, "profile": self.job.profile.name, **labels}
        return embedded_metrics.fields(at=at, labels=whole, values=values)

    def _write(
        self,
        what: str,
        lease: Lease | None = None,
        *,
        reason: str = "",
        frames: int = 0,
        elapsed_s: float = 0.0,
    ) -> None:
        try:
            entry = AuditEntry(
                at=self.store.now(),
                what=what,
                by=self.worker,
                generation=self.job.generation,
                unit=str(lease.key) if lease else "",
                fence=lease.fence if lease else 0,
                reason=reason,
                frames=frames,
                elapsed_s=elapsed_s,
            )
            self.store.audit.add(self.job.id, entry)
        except RugbytxError as error:
            log.warning("trail-not-written", extra={"job_id": self.job.id, "reason": str(error)})
