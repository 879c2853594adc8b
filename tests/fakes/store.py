"""A job store in memory that keeps the real one's rules, and whose time the test moves."""

from collections.abc import Callable, Iterable, Sequence

from rugbytx.core.cost.usage import Span, day_of
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.cursor import Mark, mark_of
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.unit import UnitKey
from rugbytx.core.notify.notification import OF_STATUS, Notification
from rugbytx.core.output.retention import Cleaning, due_at
from rugbytx.core.record import SCHEMA
from rugbytx.core.scaling.admission import Told
from tests.fakes.outbox_store import FakeOutboxStore
from tests.fakes.unit_store import sent


class FakeStore(FakeOutboxStore):
    """``ports.JobStore`` in memory.

    Three things go wrong on request: ``down`` makes every call raise
    Unreachable; ``stale`` makes lists answer from before the last write to a
    job; ``losing_answers`` loses the first answer to each request, so that it is
    sent twice, as the SDK does.
    """

    def __init__(self, *, now: Callable[[], float] | None = None) -> None:
        super().__init__(now=now)
        self.stale = False
        self._openings: dict[str, Job] = {}
        self._cleanings: set[Cleaning] = set()
        self._workers: dict[str, Worker] = {}
        self._spans: dict[tuple[str, str, float], Span] = {}
        self._told: Told | None = None
        self._decision = ""

    @sent
    def create_job(self, job: Job) -> Job:
        """Write ``job`` unless its id exists; return the record that stands."""
        if job.id not in self._jobs:
            self._openings[job.id] = job
            self._put(job)
            return job
        return self._known_job(job.id) or job

    @sent
    def read_job(self, job_id: str) -> Job | None:
        """Return the job as it is."""
        return self._known_job(job_id)

    @sent
    def list_jobs(
        self, *, status: Status | None = None, limit: int = 100, before: Mark | None = None
    ) -> Sequence[Job]:
        """Return jobs, the last submitted first; from before the last write where ``stale``."""
        jobs = [job for job in self._listed() if status in {None, job.status}]
        return sorted(
            (job for job in jobs if before is None or mark_of(job) < before), key=mark_of, reverse=True
        )[:limit]

    @sent
    def open_jobs(self, limit: int) -> Sequence[Job]:
        """Return the RUNNING jobs and then the QUEUED ones; from before the last write where ``stale``."""
        jobs = sorted(self._listed(), key=lambda job: job.submitted_at)
        by_status = (
            [job for job in jobs if job.status is status][:limit]
            for status in (Status.RUNNING, Status.QUEUED)
        )
        return [job for found in by_status for job in found]

    @sent
    def tighten(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        """Move the deadline of an open job forward; a later deadline changes nothing."""
        job = self._open_job(job_id, generation)
        if job and deadline_at < job.deadline_at:
            self._change(job, deadline_at=deadline_at)

    @sent
    def bump(self, job_id: str, generation: int, *, bumped_at: float | None) -> bool:
        """Put the open job before others, or back among them; False where it is not open in this generation."""
        job = self._open_job(job_id, generation)
        if job:
            self._change(job, bumped_at=bumped_at)
        return job is not None

    @sent
    def also_notify(self, job_id: str, generation: int, urls: Iterable[str]) -> bool:
        """Add to whom the open job tells its end; False where it is not open in this generation."""
        job = self._open_job(job_id, generation)
        if job:
            self._change(job, notify=job.notify | frozenset(urls))
        return job is not None

    @sent
    def reopen(self, job: Job) -> bool:
        """Replace an ended job of generation ``job.generation - 1`` by ``job``; say whether it did."""
        stands = self._known_job(job.id)
        follows = stands and not stands.is_open and stands.generation == job.generation - 1
        if stands and follows and stands.removed_at is None:
            self._openings[job.id] = job
            self._put(job)
        return self._openings.get(job.id) == job

    @sent
    def start_job(self, job_id: str, generation: int) -> None:
        """Turn QUEUED into RUNNING."""
        job = self._open_job(job_id, generation)
        if job and job.status is Status.QUEUED:
            self._change(job, status=Status.RUNNING, started_at=self._now())

    @sent
    def planned(self, job_id: str, generation: int, *, units: int, frames: int, work_px: float) -> None:
        """Note on the open job's record how large the plan is."""
        if job := self._open_job(job_id, generation):
            self._change(job, units=units, frames=frames, work_px=work_px)

    @sent
    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        """Set ``wake_at``; False where the job is not open in this generation."""
        job = self._open_job(job_id, generation)
        if job:
            self._change(job, wake_at=wake_at, resends=job.resends if resends is None else resends)
        return job is not None

    @sent
    def repin(self, job: Job, *, seen: Job) -> None:
        """Write the pin, if the job is open and pinned as in ``seen``."""
        stands = self._open_job(seen.id, seen.generation)
        if stands and (stands.pin, stands.repinned) == (seen.pin, seen.repinned):
            self._change(stands, pin=job.pin, repinned=job.repinned, done=job.done)

    @sent
    def present(self, worker: Worker) -> None:
        """Note what a worker says of itself."""
        self._workers[worker.name] = worker

    @sent
    def withdraw(self, name: str) -> None:
        """Forget a worker that leaves."""
        self._workers.pop(name, None)

    @sent
    def workers(self) -> Sequence[Worker]:
        """Return the workers that are believed to live."""
        now = self._now()
        living = [worker for worker in self._workers.values() if worker.until > now]
        return [worker for worker in living if worker.schema_number <= SCHEMA]

    @sent
    def record_span(self, span: Span) -> None:
        """Note how a worker's span stands."""
        self._spans[day_of(span.started_at), span.worker, round(span.started_at, 3)] = span

    @sent
    def spans(self, day: str) -> Sequence[Span]:
        """Return the spans of a UTC day, by worker and beginning."""
        found = [self._spans[key] for key in sorted(self._spans) if key[0] == day]
        return [span for span in found if span.schema_number <= SCHEMA]

    @sent
    def record_decision(self, told: Told, *, decision: str) -> None:
        """Note a scaling decision."""
        self._decision, self._told = decision, told

    @sent
    def told(self) -> Told | None:
        """Return what the autoscaler said last."""
        return self._told

    @sent
    def decision(self) -> str:
        """Return the latest scaling decision."""
        return self._decision

    @sent
    def end_job(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        """End an open job, having noted a clean-up; False where it had ended otherwise or moved on."""
        self._cleanings.add(Cleaning(job_id=job_id, due_at=due_at(self._now())))
        self._tell(
            Notification(
                job_id=job_id,
                generation=generation,
                kind=OF_STATUS[status],
                at=self._now(),
                reason=reason,
                outputs=outputs,
            )
        )
        if job := self._open_job(job_id, generation):
            ended = {"status": status, "reason": reason, "outputs": outputs or job.outputs}
            self._change(job, **ended, ended_at=self._now())
        stands = self._jobs.get(job_id)
        asked = (generation, status, outputs)
        return stands is not None and (stands.generation, stands.status, stands.outputs) == asked

    @sent
    def begin_removal(self, job_id: str, generation: int) -> bool:
        """Mark an ended job as being removed, having noted a clean-up; False where it is open or moved on."""
        self._cleanings.add(Cleaning(job_id=job_id, due_at=due_at(self._now())))
        job = self._known_job(job_id)
        if job is None or job.is_open or job.generation != generation:
            return False
        self._change(job, removed_at=self._now())
        return True

    @sent
    def delete_job(self, job_id: str) -> None:
        """Remove the job, if it is marked, and its units; a job that is not marked is another one by now."""
        job = self._jobs.get(job_id)
        if job is not None and job.removed_at is None:
            return
        self._before = dict(self._jobs)
        self._jobs.pop(job_id, None)
        for name in [name for name in self._units if name[0] == job_id]:
            del self._units[name]
        self._trails.pop(job_id, None)
        self._notes.pop(job_id, None)

    @sent
    def clean_later(self, cleaning: Cleaning) -> None:
        """Note a clean-up; noting it twice is noting it once."""
        self._cleanings.add(cleaning)

    @sent
    def due_cleanings(self, limit: int) -> Sequence[Cleaning]:
        """Return clean-ups that are due, the longest overdue first."""
        due = [cleaning for cleaning in self._cleanings if cleaning.due_at <= self._now()]
        return sorted(due, key=lambda cleaning: (cleaning.due_at, cleaning.job_id))[:limit]

    @sent
    def cleaned(self, cleaning: Cleaning) -> None:
        """Forget a clean-up that was done, or is noted for later."""
        self._cleanings.discard(cleaning)

    @sent
    def mark_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        """Add units to the job's set of finished ones; adding twice is adding once."""
        names = frozenset(map(str, keys))
        job = self._known_job(job_id)
        if names and job and job.generation == generation:
            self._change(job, done=job.done | names)

    def _listed(self) -> Sequence[Job]:
        jobs = self._before if self.stale else self._jobs
        return [job for job in jobs.values() if job.schema_number <= SCHEMA]
