"""A job store in memory that keeps the real one's rules, and whose time the test moves."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from rugbytx.core.job import Job, Outputs, Status
from rugbytx.core.record import SCHEMA, Versioned
from rugbytx.core.unit import Lease, Measured, Progress, State, Unit, UnitKey
from rugbytx.errors import HostUnfit, LeaseLost, Unreachable
from tests.fakes.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Versioned)


def _sent(method: Callable[Concatenate["FakeStore", P], T]) -> Callable[Concatenate["FakeStore", P], T]:
    """Run a method as the store serves a request: whole, and again where the first answer was lost."""

    @wraps(method)
    def send(self: "FakeStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            if self.down:
                raise Unreachable("the fake store does not answer: it is down")
            self._requests += 1
            if self.losing_answers:
                method(self, *args, **kwargs)
            return method(self, *args, **kwargs)

    return send


class FakeStore:
    """``ports.JobStore`` in memory.

    Three things go wrong on request: ``down`` makes every call raise
    Unreachable; ``stale`` makes lists answer from before the last write to a
    job; ``losing_answers`` loses the first answer to each request, so that it is
    sent twice, as the SDK does.
    """

    def __init__(self, *, now: Callable[[], float] | None = None) -> None:
        self.clock = Clock()
        self.down = False
        self.stale = False
        self.losing_answers = False
        self._now = now or self.clock
        self._lock = threading.Lock()
        self._requests = 0
        self._jobs: dict[str, Job] = {}
        self._before: dict[str, Job] = {}
        self._openings: dict[str, Job] = {}
        self._units: dict[tuple[str, int], dict[UnitKey, Unit]] = {}
        self._held: dict[str, tuple[str, float]] = {}

    @_sent
    def now(self) -> float:
        """Return the clock's time."""
        return self._now()

    @_sent
    def create_job(self, job: Job) -> Job:
        """Write ``job`` unless its id exists; return the record that stands."""
        if job.id not in self._jobs:
            self._openings[job.id] = job
            self._put(job)
            return job
        return self._known_job(job.id) or job

    @_sent
    def read_job(self, job_id: str) -> Job | None:
        """Return the job as it is."""
        return self._known_job(job_id)

    @_sent
    def list_jobs(self, *, status: Status | None = None, limit: int = 100) -> Sequence[Job]:
        """Return jobs, the last submitted first; from before the last write where ``stale``."""
        jobs = [job for job in self._listed() if status in {None, job.status}]
        return sorted(jobs, key=lambda job: job.submitted_at, reverse=True)[:limit]

    @_sent
    def open_jobs(self, limit: int) -> Sequence[Job]:
        """Return open jobs, the oldest first; from before the last write where ``stale``."""
        jobs = [job for job in self._listed() if job.is_open]
        return sorted(jobs, key=lambda job: job.submitted_at)[:limit]

    @_sent
    def tighten(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        """Move the deadline of an open job forward; a later deadline changes nothing."""
        job = self._open_job(job_id, generation)
        if job and deadline_at < job.deadline_at:
            self._change(job, deadline_at=deadline_at)

    @_sent
    def reopen(self, job: Job) -> bool:
        """Replace an ended job of generation ``job.generation - 1`` by ``job``; say whether it did."""
        stands = self._known_job(job.id)
        if stands and not stands.is_open and stands.generation == job.generation - 1:
            self._openings[job.id] = job
            self._put(job)
        return self._openings.get(job.id) == job

    @_sent
    def start_job(self, job_id: str, generation: int) -> None:
        """Turn QUEUED into RUNNING."""
        job = self._open_job(job_id, generation)
        if job and job.status is Status.QUEUED:
            self._change(job, status=Status.RUNNING, started_at=self._now())

    @_sent
    def planned(self, job_id: str, generation: int, *, units: int, frames: int) -> None:
        """Note on the open job's record how large the plan is."""
        if job := self._open_job(job_id, generation):
            self._change(job, units=units, frames=frames)

    @_sent
    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        """Set ``wake_at``; False where the job is not open in this generation."""
        job = self._open_job(job_id, generation)
        if job:
            self._change(job, wake_at=wake_at, resends=job.resends if resends is None else resends)
        return job is not None

    @_sent
    def end_job(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        """End an open job; False where it had ended otherwise or moved on.  Repeating it is True."""
        if job := self._open_job(job_id, generation):
            ended = {"status": status, "reason": reason, "outputs": outputs or job.outputs}
            self._change(job, **ended, ended_at=self._now())
        stands = self._jobs.get(job_id)
        asked = (generation, status, outputs)
        return stands is not None and (stands.generation, stands.status, stands.outputs) == asked

    @_sent
    def delete_job(self, job_id: str) -> None:
        """Remove the job and its units."""
        self._before = dict(self._jobs)
        self._jobs.pop(job_id, None)
        for name in [name for name in self._units if name[0] == job_id]:
            del self._units[name]

    @_sent
    def mark_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        """Add units to the job's set of finished ones; adding twice is adding once."""
        names = frozenset(map(str, keys))
        job = self._known_job(job_id)
        if names and job and job.generation == generation:
            self._change(job, done=job.done | names)

    @_sent
    def read_units(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed."""
        units = self._units.get((job_id, generation), {})
        return {key: _known(unit, str(key)) for key, unit in units.items()}

    @_sent
    def claim(self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if somebody was faster."""
        token, now = f"request-{self._requests}", self._now()
        units = self._units.setdefault((job.id, job.generation), {})
        stands = units.get(key)
        if stands is None or stands.token != token:
            if _claim_sign(stands) != _claim_sign(seen) or not (seen is None or seen.is_claimable(now)):
                return None
            units[key] = stands = Unit(
                key=str(key),
                generation=job.generation,
                state=State.LEASED,
                fence=seen.fence + 1 if seen else 1,
                owner=owner,
                token=token,
                lease_until=now + lease_s,
                verdicts=seen.verdicts if seen else 0,
                deaths=seen.deaths + (seen.state is State.LEASED) if seen else 0,
                reason=seen.reason if seen else "",
                measured=Measured(started_at=now),
            )
        return _lease(job.id, key, stands)

    @_sent
    def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` 5 s past its end; raises LeaseLost."""
        until = self._now() + lease_s
        self._change_unit(lease, lease_until=until, progress=progress)
        job = self._open_job(lease.job_id, lease.generation)
        if job is None:
            raise LeaseLost(f"job {lease.job_id} is not open in generation {lease.generation}")
        self._change(job, wake_at=until + 5)
        return replace(lease, until=until)

    @_sent
    def commit(self, lease: Lease, *, result: str, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost."""
        if not self._is_already(lease, State.DONE):
            self._change_unit(
                lease, state=State.DONE, owner="", lease_until=0.0, result=result, measured=measured
            )

    @_sent
    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charged: bool, measured: Measured
    ) -> None:
        """Make the unit WAITING; the job wakes by then.  Raises LeaseLost."""
        if not self._is_already(lease, State.WAITING):
            self._change_unit(
                lease,
                state=State.WAITING,
                owner="",
                lease_until=0.0,
                retry_at=retry_at,
                reason=reason,
                verdicts=lease.verdicts + charged,
                measured=measured,
            )
        if job := self._open_job(lease.job_id, lease.generation):
            self._change(job, wake_at=min(job.wake_at, max(retry_at, self._now())))

    @_sent
    def hold(self, name: str, *, owner: str, lease_s: float) -> bool:
        """Take or keep the named lease; False while another holds it."""
        holder, until = self._held.get(name, (owner, 0.0))
        if holder != owner and self._now() < until:
            return False
        self._held[name] = (owner, self._now() + lease_s)
        return True

    def _known_job(self, job_id: str) -> Job | None:
        job = self._jobs.get(job_id)
        return job and _known(job, f"job {job_id}")

    def _open_job(self, job_id: str, generation: int) -> Job | None:
        job = self._known_job(job_id)
        return job if job and job.is_open and job.generation == generation else None

    def _put(self, job: Job) -> None:
        self._before = dict(self._jobs)
        self._jobs[job.id] = job

    def _change(self, job: Job, **fields: object) -> None:
        self._put(job.model_copy(update=fields))

    def _listed(self) -> Sequence[Job]:
        jobs = self._before if self.stale else self._jobs
        return [job for job in jobs.values() if job.schema_number <= SCHEMA]

    def _unit(self, lease: Lease) -> Unit | None:
        unit = self._units.get((lease.job_id, lease.generation), {}).get(lease.key)
        return unit and _known(unit, str(lease.key))

    def _is_already(self, lease: Lease, state: State) -> bool:
        unit = self._unit(lease)
        return unit is not None and (unit.state, unit.fence, unit.token) == (state, lease.fence, lease.token)

    def _change_unit(self, lease: Lease, **fields: object) -> None:
        unit = self._unit(lease)
        if unit is None or not self._is_already(lease, State.LEASED):
            raise LeaseLost(
                f"{lease.key} of job {lease.job_id} is no longer leased under fence {lease.fence}"
            )
        self._units[lease.job_id, lease.generation][lease.key] = unit.model_copy(update=fields)


def _known(record: R, name: str) -> R:
    if record.schema_number > SCHEMA:
        raise HostUnfit(f"{name} was written by a newer rugbytx (schema {record.schema_number})")
    return record


def _claim_sign(unit: Unit | None) -> object:
    """Return what has to stand unchanged between a claimer's look and its claim."""
    return unit and (unit.fence, unit.state, unit.lease_until)


def _lease(job_id: str, key: UnitKey, unit: Unit) -> Lease:
    return Lease(
        job_id=job_id,
        generation=unit.generation,
        key=key,
        owner=unit.owner,
        fence=unit.fence,
        token=unit.token,
        until=unit.lease_until,
        verdicts=unit.verdicts,
        deaths=unit.deaths,
    )
