"""Jobs and their clean-ups in memory, with the real store's rules."""

from collections.abc import Iterable, Sequence

from rugbytx.core.job.cursor import Mark, mark_of
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.unit import UnitKey
from rugbytx.core.notify.notification import OF_STATUS, Notification
from rugbytx.core.output.retention import Cleaning, due_at
from rugbytx.core.record import SCHEMA
from rugbytx.ports.store import Cleanups, Jobs
from tests.fakes.outbox import add_notification
from tests.fakes.table import FakePort, sent


class FakeJobs(FakePort, Jobs):
    """``ports.store.Jobs`` in memory."""

    @sent
    def create(self, job: Job) -> Job:
        if job.id not in self.table.jobs:
            self.table.openings[job.id] = job
            self.table.put_job(job)
            return job
        return self.table.known_job(job.id) or job

    @sent
    def read(self, job_id: str) -> Job | None:
        return self.table.known_job(job_id)

    @sent
    def list(
        self, *, status: Status | None = None, limit: int = 100, before: Mark | None = None
    ) -> Sequence[Job]:
        jobs = [job for job in self._listed() if status in {None, job.status}]
        return sorted(
            (job for job in jobs if before is None or mark_of(job) < before), key=mark_of, reverse=True
        )[:limit]

    @sent
    def list_open(self, limit: int) -> Sequence[Job]:
        jobs = sorted(self._listed(), key=lambda job: job.submitted_at)
        by_status = (
            [job for job in jobs if job.status is status][:limit]
            for status in (Status.RUNNING, Status.QUEUED)
        )
        return [job for found in by_status for job in found]

    @sent
    def tighten_deadline(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        job = self.table.open_job(job_id, generation)
        if job and deadline_at < job.deadline_at:
            self.table.change_job(job, deadline_at=deadline_at)

    @sent
    def bump(self, job_id: str, generation: int, *, bumped_at: float | None) -> bool:
        job = self.table.open_job(job_id, generation)
        if job:
            self.table.change_job(job, bumped_at=bumped_at)
        return job is not None

    @sent
    def add_targets(self, job_id: str, generation: int, urls: Iterable[str]) -> bool:
        job = self.table.open_job(job_id, generation)
        if job:
            self.table.change_job(job, notify=job.notify | frozenset(urls))
        return job is not None

    @sent
    def reopen(self, job: Job) -> bool:
        stands = self.table.known_job(job.id)
        follows = stands and not stands.is_open and stands.generation == job.generation - 1
        if stands and follows and stands.removed_at is None:
            self.table.openings[job.id] = job
            self.table.put_job(job)
        return self.table.openings.get(job.id) == job

    @sent
    def start(self, job_id: str, generation: int) -> None:
        job = self.table.open_job(job_id, generation)
        if job and job.status is Status.QUEUED:
            self.table.change_job(job, status=Status.RUNNING, started_at=self.table.clock())

    @sent
    def record_plan(self, job_id: str, generation: int, *, units: int, frames: int, work_px: float) -> None:
        if job := self.table.open_job(job_id, generation):
            self.table.change_job(job, units=units, frames=frames, work_px=work_px)

    @sent
    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        job = self.table.open_job(job_id, generation)
        if job:
            self.table.change_job(job, wake_at=wake_at, resends=job.resends if resends is None else resends)
        return job is not None

    @sent
    def repin(self, job: Job, *, seen: Job) -> None:
        stands = self.table.open_job(seen.id, seen.generation)
        if stands and (stands.pin, stands.repinned) == (seen.pin, seen.repinned):
            self.table.change_job(stands, pin=job.pin, repinned=job.repinned, done=job.done)

    @sent
    def add_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        names = frozenset(map(str, keys))
        job = self.table.known_job(job_id)
        if names and job and job.generation == generation:
            self.table.change_job(job, done=job.done | names)

    @sent
    def end(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        self.table.cleanups.add(Cleaning(job_id=job_id, due_at=due_at(self.table.clock())))
        add_notification(
            self.table,
            Notification(
                job_id=job_id,
                generation=generation,
                kind=OF_STATUS[status],
                at=self.table.clock(),
                reason=reason,
                outputs=outputs,
            ),
        )
        if job := self.table.open_job(job_id, generation):
            ended = {"status": status, "reason": reason, "outputs": outputs or job.outputs}
            self.table.change_job(job, **ended, ended_at=self.table.clock())
        stands = self.table.jobs.get(job_id)
        asked = (generation, status, outputs)
        return stands is not None and (stands.generation, stands.status, stands.outputs) == asked

    @sent
    def begin_removal(self, job_id: str, generation: int) -> bool:
        self.table.cleanups.add(Cleaning(job_id=job_id, due_at=due_at(self.table.clock())))
        job = self.table.known_job(job_id)
        if job is None or job.is_open or job.generation != generation:
            return False
        self.table.change_job(job, removed_at=self.table.clock())
        return True

    @sent
    def delete(self, job_id: str) -> None:
        job = self.table.jobs.get(job_id)
        if job is not None and job.removed_at is None:
            return
        self.table.former_jobs = dict(self.table.jobs)
        self.table.jobs.pop(job_id, None)
        for name in [name for name in self.table.units if name[0] == job_id]:
            del self.table.units[name]
        self.table.trails.pop(job_id, None)
        self.table.notifications.pop(job_id, None)

    def _listed(self) -> Sequence[Job]:
        jobs = self.table.former_jobs if self.table.stale else self.table.jobs
        return [job for job in jobs.values() if job.schema_number <= SCHEMA]


class FakeCleanups(FakePort, Cleanups):
    """``ports.store.Cleanups`` in memory."""

    @sent
    def schedule(self, cleaning: Cleaning) -> None:
        self.table.cleanups.add(cleaning)

    @sent
    def list_due(self, limit: int) -> Sequence[Cleaning]:
        due = [cleaning for cleaning in self.table.cleanups if cleaning.due_at <= self.table.clock()]
        return sorted(due, key=lambda cleaning: (cleaning.due_at, cleaning.job_id))[:limit]

    @sent
    def forget(self, cleaning: Cleaning) -> None:
        self.table.cleanups.discard(cleaning)
