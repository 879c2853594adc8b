"""What a lane asks before each of its turns: may it stay, and which job is served next."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from rugbytx.core.fleet import presence
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.scaling import admission, workload
from rugbytx.core.schedule import encoder_pin, job_priority
from rugbytx.ports import Ports
from rugbytx.settings import Settings

log = logging.getLogger(__name__)

#: Open jobs that are looked at, the oldest of each status first.
MOST_JOBS = 50
#: While a lane serves another job nobody has a unit of its own: the sweep is to wait for so long.
AWAY_S = 900.0


@dataclass(kw_only=True)
class Choices:
    """The choices of one lane."""

    ports: Ports
    settings: Settings
    worker: str
    _memory: job_priority.Memory = field(default_factory=job_priority.Memory)

    def may_stay(self) -> bool:
        """Return whether this lane may claim another unit; only a lane on AWS ever leaves early."""
        if self.settings.worker_class is not WorkerClass.AWS:
            return True
        store = self.ports.store
        facts = admission.AdmissionFacts(
            now=store.now(),
            name=self.worker,
            worker_class=WorkerClass.AWS,
            target=store.scaling.read_desired(),
            workers=store.workers.list(),
            is_busy=True,
        )
        return admission.may_stay(facts, self.settings.policy)

    def next(self, own: Job) -> Job:
        """Return the job to serve: our own, or another that cannot wait and has begun."""
        others = self._others(own)
        if not others:
            return own
        store = self.ports.store
        workers = store.workers.list()
        others = [job for job in others if not self._is_anothers(job, workers)]
        paces = workload.paces(workers, self.settings.priors)
        own_fact, *facts = workload.facts([own, *others], workers, assists={}, assumed=self.settings.assumed)
        living = {self.settings.worker_class, *(worker.worker_class for worker in workers)}
        choice = job_priority.decide(
            own_fact,
            facts,
            now=store.now(),
            px_per_s=max(pace.px_per_s for name, pace in paces.items() if name in living),
            policy=self.settings.policy,
            serving=self._memory.serving,
        )
        if choice.job_id == own.id:
            return own
        # The list may lag behind.
        job = store.jobs.read(choice.job_id)
        if job is None or not job.is_open:
            self._memory.passed.add(choice.job_id)
            return own
        log.info("other-job-first", extra={"job_id": job.id, "own": own.id, "reason": choice.reason})
        if job.status is Status.QUEUED:
            store.jobs.start(job.id, job.generation)
        store.jobs.set_wake(own.id, own.generation, wake_at=store.now() + AWAY_S)
        return job

    def remember(self, job: Job, *, own: Job, has_more: bool) -> None:
        """Remember what came of a turn."""
        self._memory.remember(job.id, own_id=own.id, has_more=has_more)

    def _others(self, own: Job) -> list[Job]:
        """Return the other open jobs, without those that were tried just before."""
        return [
            job
            for job in self.ports.store.jobs.list_open(MOST_JOBS)
            if job.id != own.id and job.id not in self._memory.passed
        ]

    def _is_anothers(self, job: Job, workers: Iterable[Worker]) -> bool:
        """Return whether a job is pinned to another encoder, and somebody lives who has it."""
        if not encoder_pin.is_foreign(job, self.ports.media.maker()):
            return False
        return presence.lives_until(workers, job.pin) > self.ports.store.now()
