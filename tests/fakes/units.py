"""Units and leases in memory, with the real store's rules."""

from collections.abc import Mapping
from dataclasses import replace

from rugbytx.core.job.job import Job
from rugbytx.core.lease import transition
from rugbytx.core.lease.result import Result
from rugbytx.core.lease.transition import Claim
from rugbytx.core.lease.unit import (
    CHECK,
    Charge,
    Lease,
    Measured,
    State,
    Unit,
    UnitKey,
    UnitProgress,
    to_json,
)
from rugbytx.core.schedule import encoder_pin
from rugbytx.errors import LeaseLost
from rugbytx.ports.store import Leases, Units
from tests.fakes.table import FakePort, known, sent


class FakeUnits(FakePort, Units):
    """``ports.store.Units`` in memory."""

    @sent
    def read(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        units = self.table.units.get((job_id, generation), {})
        return {key: known(unit, str(key)) for key, unit in units.items()}

    @sent
    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        token, now = f"request-{self.table.requests}", self.table.clock()
        units = self.table.units.setdefault((job.id, job.generation), {})
        stands = units.get(key)
        if stands is None or stands.token != token:
            is_outdated = encoder_pin.is_outdated(encoder_pin.of(job), seen)
            may = transition.may_claim(seen, now=now, is_outdated=is_outdated)
            if _claim_sign(stands) != _claim_sign(seen) or not may:
                return None
            claim = Claim(owner=owner, maker=maker, token=token, at=now, lease_s=lease_s)
            units[key] = stands = transition.claimed(seen, key, job.generation, claim)
        return stands.lease(job.id)

    @sent
    def carry_over(self, job: Job, unit: Unit) -> None:
        units = self.table.units.setdefault((job.id, job.generation), {})
        units.setdefault(unit.key, transition.carried_over(unit, job.generation))

    @sent
    def renew(self, lease: Lease, *, lease_s: float, progress: UnitProgress) -> Lease:
        until = self.table.clock() + lease_s
        self._change_unit(lease, lease_until=until, progress=progress)
        if lease.key == CHECK:
            return replace(lease, until=until)
        job = self.table.open_job(lease.job_id, lease.generation)
        if job is None:
            raise LeaseLost(f"job {lease.job_id} is not open in generation {lease.generation}")
        self.table.change_job(job, wake_at=until + 5)
        return replace(lease, until=until)

    @sent
    def commit(self, lease: Lease, *, result: Result, measured: Measured) -> None:
        self._end_attempt(lease, State.DONE, result_json=to_json(result, lease.key), measured=measured)

    @sent
    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        self._end_attempt(
            lease,
            State.WAITING,
            retry_at=retry_at,
            reason=reason,
            charge=charge,
            verdicts=lease.verdicts + (charge is Charge.VERDICT),
            refusals=lease.refusals + (charge is Charge.REFUSAL),
            measured=measured,
        )
        self._wake_by(lease, max(retry_at, self.table.clock()))

    @sent
    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        self._end_attempt(lease, State.FAILED, reason=reason, verdicts=lease.verdicts + 1, measured=measured)
        self._wake_by(lease, self.table.clock())

    def _unit(self, lease: Lease) -> Unit | None:
        unit = self.table.units.get((lease.job_id, lease.generation), {}).get(lease.key)
        return unit and known(unit, str(lease.key))

    def _is_already(self, lease: Lease, state: State) -> bool:
        unit = self._unit(lease)
        return unit is not None and (unit.state, unit.fence, unit.token) == (state, lease.fence, lease.token)

    def _end_attempt(self, lease: Lease, state: State, **fields: object) -> None:
        if not self._is_already(lease, state):
            self._change_unit(lease, state=state, owner="", lease_until=0.0, **fields)

    def _wake_by(self, lease: Lease, wake_at: float) -> None:
        if job := self.table.open_job(lease.job_id, lease.generation):
            self.table.change_job(job, wake_at=min(job.wake_at, wake_at))

    def _change_unit(self, lease: Lease, **fields: object) -> None:
        unit = self._unit(lease)
        if unit is None or not self._is_already(lease, State.LEASED):
            raise LeaseLost(
                f"{lease.key} of job {lease.job_id} is no longer leased under fence {lease.fence}"
            )
        self.table.units[lease.job_id, lease.generation][lease.key] = unit.model_copy(update=fields)


class FakeLeases(FakePort, Leases):
    """``ports.store.Leases`` in memory."""

    @sent
    def acquire(self, name: str, *, owner: str, lease_s: float) -> bool:
        holder, until = self.table.leases.get(name, (owner, 0.0))
        if holder != owner and self.table.clock() < until:
            return False
        self.table.leases[name] = (owner, self.table.clock() + lease_s)
        return True

    def release(self, name: str, *, owner: str) -> None:
        self.acquire(name, owner=owner, lease_s=0)


def _claim_sign(unit: Unit | None) -> object:
    """Return what has to stand unchanged between a claimer's look and its claim."""
    return unit and (unit.fence, unit.state, unit.lease_until)
