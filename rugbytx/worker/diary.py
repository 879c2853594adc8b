"""What a lane writes into its log and its job's trail: an entry for each unit, for what went wrong, and for the end."""

import logging
from dataclasses import dataclass

from rugbytx.core import trail
from rugbytx.core.job import Job, Status
from rugbytx.core.retry import Outcome
from rugbytx.core.trail import Entry
from rugbytx.core.unit import Lease, Measured, State, Unit
from rugbytx.errors import RugbytxError
from rugbytx.ports import JobStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Diary:
    """The trail of one job, as one worker adds to it: what cannot be written is left out."""

    store: JobStore
    job: Job
    worker: str

    def claimed(self, lease: Lease, seen: Unit | None) -> None:
        """Tell of a unit that was taken from a worker that fell silent; any other claim is told by its end."""
        if seen is not None and seen.state is State.LEASED:
            self._write(trail.TAKEN_OVER, lease, reason=f"{seen.owner} fell silent")

    def done(self, lease: Lease, measured: Measured) -> None:
        """Tell of a unit that was committed."""
        log.info("unit-done", extra={"job_id": lease.job_id, "unit": str(lease.key), "fence": lease.fence})
        self._write(
            trail.UNIT_DONE,
            lease,
            reason=measured.encoder,
            frames=measured.frames,
            elapsed_s=round(measured.elapsed_s, 3),
        )

    def failed(self, lease: Lease, outcome: Outcome, error: Exception) -> None:
        """Tell of an attempt that came to nothing, and what becomes of the unit."""
        log.warning(
            "attempt-ended",
            extra={
                "job_id": lease.job_id,
                "unit": str(lease.key),
                "fence": lease.fence,
                "action": outcome.action,
                "reason": outcome.reason,
            },
            exc_info=error if outcome.is_unknown else None,
        )
        self._write(trail.ATTEMPT_ENDED, lease, reason=f"{outcome.action}: {outcome.reason}")

    def ended(self, status: Status, reason: str = "") -> None:
        """Tell of the job's end."""
        self._write(trail.ENDED, reason=f"{status}: {reason}" if reason else str(status))

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
            entry = Entry(
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
            self.store.write_trail(self.job.id, entry)
        except RugbytxError as error:
            log.warning("trail-not-written", extra={"job_id": self.job.id, "reason": str(error)})
