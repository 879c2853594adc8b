"""The units' half of the store in memory, with the real one's rules, and what both halves share."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import CHECK, Charge, Lease, Measured, Progress, State, Unit, UnitKey
from rugbytx.core.record import SCHEMA, Versioned
from rugbytx.core.schedule import encoder_pin
from rugbytx.errors import LeaseLost, Unreachable, WrittenByNewer
from tests.fakes.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Versioned)
S = TypeVar("S", bound="FakeUnitStore")


def sent(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Run a method as the store serves a request: whole, and again where the first answer was lost."""

    @wraps(method)
    def send(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            if self.down:
                raise Unreachable("the fake store does not answer: it is down")
            self._requests += 1
            if self.losing_answers:
                method(self, *args, **kwargs)
            return method(self, *args, **kwargs)

    return send


class FakeUnitStore:
    """Units and leases in memory.

    What goes wrong on request is told at ``FakeStore``.
    """

    def __init__(self, *, now: Callable[[], float] | None = None) -> None:
        self.clock = Clock()
        self.down = False
        self.losing_answers = False
        self._now = now or self.clock
        self._lock = threading.Lock()
        self._requests = 0
        self._jobs: dict[str, Job] = {}
        self._before: dict[str, Job] = {}
        self._units: dict[tuple[str, int], dict[UnitKey, Unit]] = {}
        self._held: dict[str, tuple[str, float]] = {}

    @sent
    def now(self) -> float:
        """Return the clock's time."""
        return self._now()

    @sent
    def read_units(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed."""
        units = self._units.get((job_id, generation), {})
        return {key: _known(unit, str(key)) for key, unit in units.items()}

    @sent
    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if somebody was faster."""
        token, now = f"request-{self._requests}", self._now()
        units = self._units.setdefault((job.id, job.generation), {})
        stands = units.get(key)
        if stands is None or stands.token != token:
            may = seen is None or seen.is_claimable(now) or encoder_pin.is_outdated(encoder_pin.of(job), seen)
            if _claim_sign(stands) != _claim_sign(seen) or not may:
                return None
            units[key] = stands = Unit(
                key=str(key),
                generation=job.generation,
                state=State.LEASED,
                fence=seen.fence + 1 if seen else 1,
                owner=owner,
                maker=maker,
                token=token,
                lease_until=now + lease_s,
                verdicts=seen.verdicts if seen else 0,
                deaths=seen.deaths + (seen.state is State.LEASED) if seen else 0,
                refusals=seen.refusals if seen else 0,
                reason=seen.reason if seen else "",
                lost=seen.lost_with_this() if seen else (),
                measured=Measured(started_at=now),
            )
        return _lease(job.id, key, stands)

    @sent
    def adopt(self, job: Job, unit: Unit) -> None:
        """Make a finished unit of another generation DONE in this one, unless it has a record here."""
        units = self._units.setdefault((job.id, job.generation), {})
        units.setdefault(
            UnitKey.parse(unit.key),
            Unit(
                key=unit.key,
                generation=job.generation,
                state=State.DONE,
                fence=0,
                maker=unit.maker,
                measured=unit.measured,
                result=unit.result,
            ),
        )

    @sent
    def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` 5 s past its end; raises LeaseLost."""
        until = self._now() + lease_s
        self._change_unit(lease, lease_until=until, progress=progress)
        if lease.key == CHECK:
            return replace(lease, until=until)
        job = self._open_job(lease.job_id, lease.generation)
        if job is None:
            raise LeaseLost(f"job {lease.job_id} is not open in generation {lease.generation}")
        self._change(job, wake_at=until + 5)
        return replace(lease, until=until)

    @sent
    def commit(self, lease: Lease, *, result: str, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost."""
        self._end_attempt(lease, State.DONE, result=result, measured=measured)

    @sent
    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        """Make the unit WAITING; the job wakes by then.  Raises LeaseLost."""
        self._end_attempt(
            lease,
            State.WAITING,
            retry_at=retry_at,
            reason=reason,
            charge=str(charge),
            verdicts=lease.verdicts + (charge is Charge.VERDICT),
            refusals=lease.refusals + (charge is Charge.REFUSAL),
            measured=measured,
        )
        self._wake_by(lease, max(retry_at, self._now()))

    @sent
    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        """Make the unit FAILED, which ends its job, and wake the job at once.  Raises LeaseLost."""
        self._end_attempt(lease, State.FAILED, reason=reason, verdicts=lease.verdicts + 1, measured=measured)
        self._wake_by(lease, self._now())

    @sent
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

    def _unit(self, lease: Lease) -> Unit | None:
        unit = self._units.get((lease.job_id, lease.generation), {}).get(lease.key)
        return unit and _known(unit, str(lease.key))

    def _is_already(self, lease: Lease, state: State) -> bool:
        unit = self._unit(lease)
        return unit is not None and (unit.state, unit.fence, unit.token) == (state, lease.fence, lease.token)

    def _end_attempt(self, lease: Lease, state: State, **fields: object) -> None:
        if not self._is_already(lease, state):
            self._change_unit(lease, state=state, owner="", lease_until=0.0, **fields)

    def _wake_by(self, lease: Lease, wake_at: float) -> None:
        if job := self._open_job(lease.job_id, lease.generation):
            self._change(job, wake_at=min(job.wake_at, wake_at))

    def _change_unit(self, lease: Lease, **fields: object) -> None:
        unit = self._unit(lease)
        if unit is None or not self._is_already(lease, State.LEASED):
            raise LeaseLost(
                f"{lease.key} of job {lease.job_id} is no longer leased under fence {lease.fence}"
            )
        self._units[lease.job_id, lease.generation][lease.key] = unit.model_copy(update=fields)


def _known(record: R, name: str) -> R:
    if record.schema_number > SCHEMA:
        raise WrittenByNewer(f"{name} was written by a newer rugbytx (schema {record.schema_number})")
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
        refusals=unit.refusals,
    )
