"""One turn at a job: look at it, decide what is next for it, and do that."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rugbytx.core.fleet import presence
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.unit import CHECK, PLAN, PUBLISH, Unit, UnitKey
from rugbytx.core.output.result import plan_of
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import carry_over, encoder_pin, next_unit
from rugbytx.core.verify import sampled_quality
from rugbytx.upkeep import cleanup
from rugbytx.worker.lane.attempt import Attempts
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.unit import early_playlists

log = logging.getLogger(__name__)


class After(StrEnum):
    """What a lane may do after a turn."""

    GO_ON = "go-on"
    #: Nothing of this job can be claimed, and the store knows when to look again.
    NOTHING_LEFT = "nothing-left"
    #: This worker should leave.
    HAND_BACK = "hand-back"


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The turns of one lane, under one message."""

    attempts: Attempts
    #: The lane's folder on the scratch disk: a folder in it for each job.
    scratch: Path
    receipt: str
    #: How many chunks of each job's beginning have been shown.
    _shown: dict[str, int] = field(default_factory=dict)

    def take(self, job: Job) -> After:
        """Do what is next for a job that has begun; raises Unreachable where the store cannot be asked."""
        store = self.attempts.ports.store
        units = self._units_of(job)
        plan = plan_of(units)
        early_playlists.complete_record(store.jobs, job, plan, units)
        self._shown[job.id] = early_playlists.show(
            job,
            plan,
            units,
            ports=self.attempts.ports,
            bucket=self.attempts.settings.output_bucket,
            owner=self.attempts.worker,
            shown=self._shown.get(job.id, 0),
        )
        decision = self._decide(job, plan, units)
        log.info(
            "next-unit",
            extra={"job_id": job.id, "unit": str(decision.key), "reason": decision.reason},
        )
        return self._do(job, plan, units, decision)

    def _do(
        self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], decision: next_unit.LaneDecision
    ) -> After:
        store = self.attempts.ports.store
        match decision.action:
            case next_unit.LaneAction.CLAIM:
                self._keep_awake(job)
                ending = self.attempts.make(job, plan, units, decision, self.receipt, self._folder(job))
                if ending is Ending.HAND_BACK:
                    return After.HAND_BACK
                if decision.key == PLAN:
                    # Our next unit may be another job's, and a job without a plan gets no assist.
                    units = store.units.read(job.id, job.generation)
                    early_playlists.complete_record(store.jobs, job, plan_of(units), units)
            case next_unit.LaneAction.PIN:
                self._pin(job, plan, units, decision.reason)
            case next_unit.LaneAction.WAIT:
                # Only a wake_at in the future may let the message go.
                if store.jobs.set_wake(job.id, job.generation, wake_at=decision.wake_at, resends=0):
                    return After.NOTHING_LEFT
            case next_unit.LaneAction.FINISH:
                self._finish(job, plan, units, self.receipt, self._folder(job))
            case next_unit.LaneAction.FAIL:
                if store.jobs.end(job.id, job.generation, Status.FAILED, reason=decision.reason):
                    self.attempts.audit(job).record_end(Status.FAILED, decision.reason)
        return After.GO_ON

    def _folder(self, job: Job) -> Path:
        return self.scratch / f"{job.id}-g{job.generation}"

    def _keep_awake(self, job: Job) -> None:
        """See that the job wakes when the lease that is about to be claimed is over, should we die with it.

        Heartbeats move ``wake_at`` on, but a unit may be shorter than a beat.
        """
        now = self.attempts.ports.store.now()
        latest = now + self.attempts.settings.lease_s + next_unit.AFTER_LEASE_S
        if not now + 2 * self.attempts.settings.heartbeat_s < job.wake_at <= latest:
            self.attempts.ports.store.jobs.set_wake(job.id, job.generation, wake_at=latest)

    def _decide(self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit]) -> next_unit.LaneDecision:
        """Return what to do next; who else lives is asked only where it matters."""
        store = self.attempts.ports.store
        maker = self.attempts.ports.media.maker()
        lives_until = 0.0
        if not job.profile.splice:
            # Read after the units: by a former pin, chunks of the present one would be made anew.
            job = store.jobs.read(job.id) or job
        if encoder_pin.is_foreign(job, maker):
            lives_until = presence.lives_until(store.workers.list(), job.pin)
        return next_unit.decide(
            plan, units, now=store.now(), maker=maker, pin=encoder_pin.of(job, lives_until=lives_until)
        )

    def _pin(self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], reason: str) -> None:
        """Pin the job to our encoder, and say what that throws away."""
        store = self.attempts.ports.store
        changed = encoder_pin.pinned(
            job, plan, units, maker=self.attempts.ports.media.maker(), reason=reason, now=store.now()
        )
        store.jobs.repin(changed, seen=job)
        log.warning(
            "job-pinned",
            extra={
                "job_id": job.id,
                "maker": changed.pin,
                "before": job.pin,
                "frames_lost": sum(repinned.frames for repinned in changed.repinned[len(job.repinned) :]),
                "reason": reason,
            },
        )

    def _finish(
        self, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], receipt: str, scratch: Path
    ) -> None:
        """End the job SUCCEEDED, remove what its manifest does not name, then look at what was published.

        The look comes last and keeps nobody waiting.  Whatever comes of it, the
        message has done its work by then.
        """
        outputs = units[PUBLISH].result_as(Outputs)
        if not self.attempts.ports.store.jobs.end(job.id, job.generation, Status.SUCCEEDED, outputs=outputs):
            return
        self.attempts.audit(job).record_end(Status.SUCCEEDED)
        cleanup.after_publishing(
            job, outputs, storage=self.attempts.ports.storage, bucket=self.attempts.settings.output_bucket
        )
        decision = sampled_quality.decide(
            units,
            has_source=(scratch / "source").exists(),
            waiting=self.attempts.ports.queue.depth().visible,
            budget_s=self.attempts.settings.check_s,
        )
        log.info("sampling", extra={"job_id": job.id, "samples": decision.samples, "reason": decision.reason})
        if decision.samples:
            claim = next_unit.LaneDecision(
                action=next_unit.LaneAction.CLAIM, reason=decision.reason, key=CHECK
            )
            self.attempts.make(job, plan, units, claim, receipt, scratch)

    def _units_of(self, job: Job) -> Mapping[UnitKey, Unit]:
        """Return the generation's units, after copying those that it takes over and nobody has copied yet."""
        store = self.attempts.ports.store
        units = store.units.read(job.id, job.generation)
        missing = carry_over.missing(job, units)
        if not missing:
            return units
        former = store.units.read(job.id, job.generation - 1)
        for key in missing:
            if key in former:
                store.units.carry_over(job, former[key])
        return store.units.read(job.id, job.generation)
