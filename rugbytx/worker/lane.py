"""A lane: one worker's stay at one job, unit after unit, until nothing is left for it to claim."""

import logging
import random
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rugbytx.core import adopt, pin, presence, quality, retry
from rugbytx.core import next as next_unit
from rugbytx.core.delivery import Delivery, worn
from rugbytx.core.job import Job, Outputs, Pointer, Status
from rugbytx.core.plan import Plan
from rugbytx.core.result import plan_of
from rugbytx.core.unit import CHECK, PUBLISH, Lease, Unit, UnitKey
from rugbytx.errors import LeaseLost
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker import clean, finished, work
from rugbytx.worker.account import Account
from rugbytx.worker.bench import Bench
from rugbytx.worker.diary import Diary
from rugbytx.worker.drain import Leave, Notice
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
    notice: Notice

    def run(self, pointer: Pointer, delivery: Delivery) -> Ending:
        """Work on the pointer's job until nothing is left to claim; say what becomes of the message.

        Raises Unreachable where not even that could be settled with the store.
        """
        scratch = self.scratch / f"{pointer.job_id}-g{pointer.generation}"
        try:
            return self._turns(pointer, delivery, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _turns(self, pointer: Pointer, delivery: Delivery, scratch: Path) -> Ending:
        store = self.ports.store
        shown = 0
        for _ in range(MOST_TURNS):
            job = self._open_job(pointer)
            if job is None or self._is_replaced(pointer, delivery):
                return Ending.ACKNOWLEDGE
            units = self._units_of(job)
            plan = plan_of(units)
            finished.note(store, job, plan, units)
            shown = finished.show(
                job,
                plan,
                units,
                ports=self.ports,
                bucket=self.settings.output_bucket,
                owner=self.worker,
                shown=shown,
            )
            decision = self._decide(job, plan, units)
            log.info(
                "next-unit",
                extra={"job_id": job.id, "unit": str(decision.key), "reason": decision.reason},
            )
            match decision.action:
                case next_unit.Action.CLAIM:
                    self._keep_awake(job)
                    ending = self._attempt(job, plan, units, decision, delivery.receipt, scratch)
                    if ending is Ending.HAND_BACK:
                        return ending
                case next_unit.Action.PIN:
                    self._pin(job, plan, units, decision.reason)
                case next_unit.Action.WAIT:
                    # Only a wake_at in the future may let the message go.
                    if store.set_wake(job.id, job.generation, wake_at=decision.wake_at, resends=0):
                        return Ending.ACKNOWLEDGE
                case next_unit.Action.FINISH:
                    self._finish(job, plan, units, delivery.receipt, scratch)
                case next_unit.Action.FAIL:
                    self._fail(job, decision.reason)
        return Ending.HAND_BACK

    def _keep_awake(self, job: Job) -> None:
        """See that the job wakes when the lease that is about to be claimed is over, should we die with it.

        Heartbeats move ``wake_at`` on, but a unit may be shorter than a beat.
        """
        now = self.ports.store.now()
        latest = now + self.settings.lease_s + next_unit.AFTER_LEASE_S
        if not now + 2 * self.settings.heartbeat_s < job.wake_at <= latest:
            self.ports.store.set_wake(job.id, job.generation, wake_at=latest)

    def _open_job(self, pointer: Pointer) -> Job | None:
        """Return the pointer's job, which has begun; or None where it wants nothing done any more."""
        job = self.ports.store.read_job(pointer.job_id)
        if job is None or not job.is_open or job.generation != pointer.generation:
            log.info("nothing-to-do", extra={"job_id": pointer.job_id})
            return None
        if job.status is Status.QUEUED:
            self.ports.store.start_job(job.id, job.generation)
        return job

    def _is_replaced(self, pointer: Pointer, delivery: Delivery) -> bool:
        """Send a fresh message in the place of a worn one, before that is acknowledged; say whether it was worn."""
        reason = worn(delivery, now=self.ports.store.now())
        if reason:
            self.ports.queue.send([pointer])
            log.info("message-replaced", extra={"job_id": pointer.job_id, "reason": reason})
        return bool(reason)

    def _decide(self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit]) -> next_unit.Decision:
        """Return what to do next; who else lives is asked only where it matters."""
        store = self.ports.store
        maker = self.ports.media.maker()
        lives_until = 0.0
        if not job.profile.splice:
            # Read after the units: by a former pin, chunks of the present one would be made anew.
            job = store.read_job(job.id) or job
        if pin.is_foreign(job, maker):
            lives_until = presence.lives_until(store.workers(), job.pin)
        return next_unit.decide(
            plan, units, now=store.now(), maker=maker, pin=pin.of(job, lives_until=lives_until)
        )

    def _pin(self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], reason: str) -> None:
        """Pin the job to our encoder, and say what that throws away."""
        store = self.ports.store
        changed = pin.pinned(job, plan, units, maker=self.ports.media.maker(), reason=reason, now=store.now())
        store.repin(changed, seen=job)
        log.warning(
            "job-pinned",
            extra={
                "job_id": job.id,
                "maker": changed.pin,
                "before": job.pin,
                "frames_lost": sum(one.frames for one in changed.repinned[len(job.repinned) :]),
                "reason": reason,
            },
        )

    def _fail(self, job: Job, reason: str) -> None:
        """End the job FAILED."""
        store = self.ports.store
        if store.end_job(job.id, job.generation, Status.FAILED, reason=reason):
            Diary(store, job, worker=self.worker).ended(Status.FAILED, reason)

    def _finish(
        self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], receipt: str, scratch: Path
    ) -> None:
        """End the job SUCCEEDED, remove what its manifest does not name, then look at what was published.

        The look comes last and keeps nobody waiting.  Whatever comes of it, the
        message has done its work by then.
        """
        outputs = Outputs.model_validate_json(units[PUBLISH].result)
        if not self.ports.store.end_job(job.id, job.generation, Status.SUCCEEDED, outputs=outputs):
            return
        Diary(self.ports.store, job, worker=self.worker).ended(Status.SUCCEEDED)
        clean.after_publishing(job, outputs, storage=self.ports.storage, bucket=self.settings.output_bucket)
        decision = quality.decide(
            units,
            has_source=(scratch / "source").exists(),
            waiting=self.ports.queue.depth().visible,
            budget_s=self.settings.check_s,
        )
        log.info("look", extra={"job_id": job.id, "look": decision.look, "reason": decision.reason})
        if decision.look:
            claim = next_unit.Decision(action=next_unit.Action.CLAIM, reason=decision.reason, key=CHECK)
            self._attempt(job, plan, units, claim, receipt, scratch)

    def _units_of(self, job: Job) -> Mapping[UnitKey, Unit]:
        """Return the generation's units, after copying those that it takes over and nobody has copied yet."""
        store = self.ports.store
        units = store.read_units(job.id, job.generation)
        missing = adopt.missing(job, units)
        if not missing:
            return units
        former = store.read_units(job.id, job.generation - 1)
        for key in missing:
            if key in former:
                store.adopt(job, former[key])
        return store.read_units(job.id, job.generation)

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
        maker = self.ports.media.maker()
        if self.notice.asked is not Leave.NOT or self.notice.is_halted:
            return Ending.HAND_BACK
        asked_at = time.monotonic()
        lease = store.claim(
            job,
            decision.key,
            decision.seen,
            owner=self.worker,
            lease_s=settings.lease_s,
            maker=maker,
        )
        if lease is None:
            return None
        diary = Diary(store, job, worker=self.worker)
        diary.claimed(lease, decision.seen)
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
                result = work.do(bench, plan)
            measured = account.close()
            store.commit(lease, result=result.model_dump_json(), measured=measured)
            diary.done(lease, measured)
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
        Diary(store, job, worker=self.worker).failed(lease, outcome, error)
        if outcome.action is retry.Action.ABANDON:
            return None
        try:
            # Under the fence: a former owner's word counts for nothing.
            if outcome.action is retry.Action.FAIL:
                # The lane's next turn ends the job, or another lane's, should we die before it.
                store.fail(lease, reason=outcome.reason, measured=account.close())
            else:
                store.give_back(
                    lease,
                    retry_at=store.now() + outcome.pause_s,
                    reason=outcome.reason,
                    charge=outcome.charge,
                    measured=account.close(),
                )
        except LeaseLost:
            log.info("already-taken-over", extra={"job_id": job.id, "unit": str(lease.key)})
            return None
        return Ending.HAND_BACK if outcome.action is retry.Action.RELEASE else None
