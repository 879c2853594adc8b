"""A lane: one worker's stay at one job, unit after unit, until nothing is left for it to claim."""

import logging
import random
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rugbytx.core import next as next_unit
from rugbytx.core import retry
from rugbytx.core.job import Job, Outputs, Pointer, Status
from rugbytx.core.plan import Plan
from rugbytx.core.unit import PLAN, PUBLISH, Lease, State, Unit, UnitKey
from rugbytx.errors import LeaseLost
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker import work
from rugbytx.worker.account import Account
from rugbytx.worker.bench import Bench
from rugbytx.worker.heartbeat import Heartbeat

log = logging.getLogger(__name__)

#: A lane that has turned this often hands its message back: something is going round in circles.
MOST_TURNS = 20_000


class Ending(StrEnum):
    """What becomes of the message."""

    #: Nothing is left for this message to do; the store knows when to look again.
    ACKNOWLEDGE = "acknowledge"
    #: Another worker should receive it.
    HAND_BACK = "hand-back"


@dataclass(frozen=True, kw_only=True)
class Lane:
    """The lanes of one worker process."""

    ports: Ports
    settings: Settings
    #: Who we are, in leases and records.
    worker: str
    #: This process's own folder on the scratch disk.
    scratch: Path

    def run(self, pointer: Pointer, receipt: str) -> Ending:
        """Work on the pointer's job until nothing is left to claim; say what becomes of the message.

        Raises Unreachable where not even that could be settled with the store.
        """
        scratch = self.scratch / f"{pointer.job_id}-g{pointer.generation}"
        try:
            return self._turns(pointer, receipt, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _turns(self, pointer: Pointer, receipt: str, scratch: Path) -> Ending:
        store = self.ports.store
        for _ in range(MOST_TURNS):
            job = store.read_job(pointer.job_id)
            if job is None or not job.is_open or job.generation != pointer.generation:
                log.info("nothing-to-do", extra={"job_id": pointer.job_id})
                return Ending.ACKNOWLEDGE
            if job.status is Status.QUEUED:
                store.start_job(job.id, job.generation)
            units = store.read_units(job.id, job.generation)
            plan = plan_of(units)
            self._note_what_is_finished(job, plan, units)
            decision = next_unit.decide(plan, units, now=store.now())
            log.info(
                "next-unit",
                extra={"job_id": job.id, "unit": str(decision.key), "reason": decision.reason},
            )
            match decision.action:
                case next_unit.Action.CLAIM:
                    ending = self._attempt(job, plan, units, decision, receipt, scratch)
                    if ending is Ending.HAND_BACK:
                        return ending
                case next_unit.Action.WAIT:
                    # Only a wake_at in the future may let the message go.
                    if store.set_wake(job.id, job.generation, wake_at=decision.wake_at, resends=0):
                        return Ending.ACKNOWLEDGE
                case next_unit.Action.FINISH:
                    outputs = Outputs.model_validate_json(units[PUBLISH].result)
                    store.end_job(job.id, job.generation, Status.SUCCEEDED, outputs=outputs)
                case next_unit.Action.FAIL:
                    store.end_job(job.id, job.generation, Status.FAILED, reason=decision.reason)
        return Ending.HAND_BACK

    def _note_what_is_finished(self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit]) -> None:
        """Repeat what a commit should have left on the job's record, where it is missing."""
        if plan and not job.units:
            self.ports.store.planned(
                job.id, job.generation, units=next_unit.unit_count(plan), frames=plan.grid.frames
            )
        finished = [key for key, unit in units.items() if unit.state is State.DONE]
        missing = [key for key in finished if str(key) not in job.done]
        if missing:
            self.ports.store.mark_done(job.id, job.generation, missing)

    def _attempt(
        self,
        job: Job,
        plan: Plan | None,
        units: Mapping[UnitKey, Unit],
        decision: next_unit.Decision,
        receipt: str,
        scratch: Path,
    ) -> Ending | None:
        """Claim one unit, do its work and commit it; HAND_BACK where this worker should leave."""
        store, settings = self.ports.store, self.settings
        asked_at = time.monotonic()
        lease = store.claim(job, decision.key, decision.seen, owner=self.worker, lease_s=settings.lease_s)
        if lease is None:
            return None
        account = Account(
            worker=self.worker, worker_class=settings.worker_class, started_at=lease.until - settings.lease_s
        )
        scratch.mkdir(parents=True, exist_ok=True)
        heartbeat = Heartbeat(lease, receipt, ports=self.ports, settings=settings, granted_at=asked_at)
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
                )
                result = work.do(bench, plan)
            store.commit(lease, result=result.model_dump_json(), measured=account.close())
            log.info("unit-done", extra={"job_id": job.id, "unit": str(lease.key), "fence": lease.fence})
        except Exception as error:  # noqa: BLE001  the tree in rugbytx.errors sorts every error there is
            return self._settle(job, lease, account, error)
        return None

    def _settle(self, job: Job, lease: Lease, account: Account, error: Exception) -> Ending | None:
        """Do with the unit what ``retry.decide`` says of the error."""
        store = self.ports.store
        outcome = retry.decide(error, verdicts=lease.verdicts, jitter=random.random())  # noqa: S311  no secret
        log.warning(
            "attempt-ended",
            extra={
                "job_id": job.id,
                "unit": str(lease.key),
                "fence": lease.fence,
                "action": outcome.action,
                "reason": outcome.reason,
            },
            exc_info=error if outcome.is_unknown else None,
        )
        match outcome.action:
            case retry.Action.FAIL:
                store.end_job(job.id, job.generation, Status.FAILED, reason=outcome.reason)
            case retry.Action.RETRY | retry.Action.RELEASE:
                try:
                    store.give_back(
                        lease,
                        retry_at=store.now() + outcome.pause_s,
                        reason=outcome.reason,
                        charged=outcome.action is retry.Action.RETRY,
                        measured=account.close(),
                    )
                except LeaseLost:
                    log.info("already-taken-over", extra={"job_id": job.id, "unit": str(lease.key)})
            case retry.Action.ABANDON:
                pass
        return Ending.HAND_BACK if outcome.action is retry.Action.RELEASE else None


def plan_of(units: Mapping[UnitKey, Unit]) -> Plan | None:
    """Return the job's plan, or None while the PLAN unit is not done."""
    unit = units.get(PLAN)
    if unit is None or unit.state is not State.DONE:
        return None
    return Plan.model_validate_json(unit.result)
