"""One attempt at one unit: claim it, do its work, commit it; or do with it what its failure asks for."""

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rugbytx.core.job.job import Job
from rugbytx.core.lease import retry
from rugbytx.core.lease.unit import Lease, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import next_unit
from rugbytx.errors import LeaseLost
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker.lane.audit import JobAudit
from rugbytx.worker.lane.heartbeat import Heartbeat
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.shutdown.drain import Leave, Notice
from rugbytx.worker.unit import encode
from rugbytx.worker.unit.measurement import Account
from rugbytx.worker.unit.workspace import Bench

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The attempts of one worker process."""

    ports: Ports
    settings: Settings
    #: This worker's name, in leases and records.
    worker: str
    notice: Notice
    speeds: Speeds = field(default_factory=Speeds)

    def audit(self, job: Job) -> JobAudit:
        """Return what this worker adds to the job's trail."""
        return JobAudit(self.ports.store, job, worker=self.worker, worker_class=self.settings.worker_class)

    def make(
        self,
        job: Job,
        plan: Plan | None,
        units: Mapping[UnitKey, Unit],
        decision: next_unit.LaneDecision,
        receipt: str,
        scratch: Path,
    ) -> Ending | None:
        """Claim one unit, do its work and commit it; HAND_BACK where this worker should leave."""
        store, settings = self.ports.store, self.settings
        maker = self.ports.media.maker()
        if self.notice.asked is not Leave.NOT or self.notice.is_halted:
            return Ending.HAND_BACK
        asked_at = time.monotonic()
        lease = store.units.claim(
            job, decision.key, decision.seen, owner=self.worker, lease_s=settings.lease_s, maker=maker
        )
        if lease is None:
            return None
        audit = self.audit(job)
        audit.record_takeover(lease, decision.seen)
        account = Account(
            worker=self.worker, worker_class=settings.worker_class, started_at=lease.until - settings.lease_s
        )
        scratch.mkdir(parents=True, exist_ok=True)
        heartbeat = Heartbeat(
            lease, receipt, ports=self.ports, settings=settings, notice=self.notice, granted_at=asked_at
        )
        try:
            with heartbeat as pulse:
                bench = Bench(
                    job=job,
                    lease=lease,
                    units=units,
                    ports=self.ports,
                    output_bucket=settings.output_bucket,
                    scratch=scratch,
                    account=account,
                    pulse=pulse,
                    check_s=settings.check_s,
                    patience_s=settings.patience_s,
                )
                result = encode.do(bench, plan)
            measured = account.close()
            store.units.commit(lease, result=result, measured=measured)
            self.speeds.record(plan, lease.key, measured)
            audit.record_done(lease, measured)
        except Exception as error:  # noqa: BLE001  the tree in rugbytx.errors sorts every error there is
            return self._settle(job, lease, account, error)
        return None

    def _settle(self, job: Job, lease: Lease, account: Account, error: Exception) -> Ending | None:
        """Do with the unit what ``retry.decide`` says of the error."""
        store = self.ports.store
        outcome = retry.decide(
            error,
            verdicts=lease.verdicts,
            refusals=lease.refusals,
            jitter=random.random(),  # noqa: S311  no secret
        )
        self.audit(job).record_failure(lease, outcome, error)
        if outcome.action is retry.RetryAction.ABANDON:
            return None
        try:
            # Under the fence: a former owner's word counts for nothing.
            if outcome.action is retry.RetryAction.FAIL:
                # The lane's next turn ends the job, or another lane's, should we die before it.
                store.units.fail(lease, reason=outcome.reason, measured=account.close())
            else:
                store.units.give_back(
                    lease,
                    retry_at=store.now() + outcome.pause_s,
                    reason=outcome.reason,
                    charge=outcome.charge,
                    measured=account.close(),
                )
        except LeaseLost:
            log.info("already-taken-over", extra={"job_id": job.id, "unit": str(lease.key)})
            return None
        return Ending.HAND_BACK if outcome.action is retry.RetryAction.RELEASE else None
