"""Units and their leases in DynamoDB, and the time that leases are judged by.

How a repeated write knows its own work: a claim by its token, a commit and a
return by their state under the same fence and token.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rugbytx.aws.client import client as new_client
from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.clock import StoreTime
from rugbytx.aws.dynamodb.item import (
    JOB_SK,
    LEASE_SK,
    UNIT_DAYS,
    expires_at,
    job_pk,
    lease_pk,
    parse_unit,
    require_known_schema,
    unit_item,
    unit_sk,
)
from rugbytx.aws.dynamodb.table import EXPIRES, Item, Refused, Table, Value, attribute
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import CHECK, Charge, Lease, Measured, Progress, State, Unit, UnitKey
from rugbytx.core.record import SCHEMA
from rugbytx.core.schedule import encoder_pin
from rugbytx.errors import LeaseLost, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: What nobody takes any more needs no record: some named leases are a job's own.
HOLD_DAYS = 1

#: How long after a lease's end the sweep looks at its job.
WAKE_AFTER_LEASE_S = 5.0


class DynamoUnitStore:
    """The units' half of the store: what is claimed, renewed, committed and given back."""

    def __init__(
        self, table: str, *, client: "DynamoDBClient | None" = None, time: StoreTime | None = None
    ) -> None:
        dynamodb = client or new_client("dynamodb")
        self._time = time or StoreTime()
        self._time.listen_to(dynamodb)
        self._table = Table(dynamodb, table)

    def now(self) -> float:
        """Return the store's time, asking DynamoDB for anything at all if no answer was heard so far."""
        now = self._time.now()
        if now is None:
            self._table.get("CLOCK", "CLOCK")
            now = self._time.now()
        if now is None:
            raise Unreachable("DynamoDB answers without a Date header, so the store's time is unknown")
        return now

    def read_units(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        """Return all units that were ever claimed, by a consistent read."""
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :units)",
            {"pk": job_pk(job_id), "units": unit_sk(generation)},
            ConsistentRead=True,
        )
        return {UnitKey.parse(unit.key): unit for unit in map(parse_unit, items)}

    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        """Claim a unit that still stands as ``seen``; None if somebody was faster, or it is not to be had yet."""
        now = self.now()
        if seen is not None and not (
            seen.is_claimable(now) or encoder_pin.is_outdated(encoder_pin.of(job), seen)
        ):
            return None
        unit = Unit(
            key=str(key),
            generation=job.generation,
            state=State.LEASED,
            fence=seen.fence + 1 if seen else 1,
            owner=owner,
            maker=maker,
            token=uuid.uuid4().hex,
            lease_until=now + lease_s,
            verdicts=seen.verdicts if seen else 0,
            deaths=seen.deaths + (seen.state is State.LEASED) if seen else 0,
            refusals=seen.refusals if seen else 0,
            reason=seen.reason if seen else "",
            lost=seen.lost_with_this() if seen else (),
            measured=Measured(started_at=now),
        )
        refused = self._table.put(
            unit_item(job.id, unit, written_at=now),
            condition=condition.STANDS_AS_SEEN if seen else condition.ABSENT,
            values=_as_seen(seen) if seen else {},
        )
        if refused and not _is_own(refused.item, unit.fence, unit.token, State.LEASED):
            require_known_schema(refused.item)
            return None
        return Lease(
            job_id=job.id,
            generation=job.generation,
            key=key,
            owner=owner,
            fence=unit.fence,
            token=unit.token,
            until=unit.lease_until,
            verdicts=unit.verdicts,
            deaths=unit.deaths,
            refusals=unit.refusals,
        )

    def adopt(self, job: Job, unit: Unit) -> None:
        """Make a finished unit of another generation DONE in this one, unless it has a record here.

        No fence: nobody ever claims it in this generation.
        """
        adopted = Unit(
            key=unit.key,
            generation=job.generation,
            state=State.DONE,
            fence=0,
            maker=unit.maker,
            measured=unit.measured,
            result=unit.result,
        )
        refused = self._table.put(
            unit_item(job.id, adopted, written_at=self.now()), condition=condition.ABSENT
        )
        if refused:
            require_known_schema(refused.item)

    def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> Lease:
        """Extend the lease and move the job's ``wake_at`` 5 s past its end; raises LeaseLost.

        Two requests: the lease, then the job.  A job that was ended or
        cancelled meanwhile makes the lease worthless, and this says so.  Only a
        CHECK is of a job that has ended, which nobody has to wake.
        """
        now = self.now()
        until = now + lease_s
        change: dict[str, Value] = {"lease_until": until, "progress": progress.model_dump_json()}
        refused = self._update_unit(lease, change, written_at=now)
        if refused:
            raise _lost(lease, refused.item)
        wake: dict[str, Value] = {"wake_at": until + WAKE_AFTER_LEASE_S}
        if lease.key != CHECK and self._update_job(lease.job_id, lease.generation, condition.IS_OPEN, wake):
            raise LeaseLost(
                f"job {lease.job_id} has ended or was tried anew: {lease.key} is not wanted any more"
            )
        return replace(lease, until=until)

    def commit(self, lease: Lease, *, result: str, measured: Measured) -> None:
        """Make the unit DONE; raises LeaseLost.  Only the fence is tested, not the clock."""
        self._end_attempt(lease, State.DONE, {"result": result}, measured=measured, now=self.now())

    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        """Make the unit WAITING, and count what it is charged with.  Raises LeaseLost.

        Then the job wakes at ``retry_at``, or at once where that is past, unless
        it would wake before that anyway: other units may be waiting for the
        earlier instant, so giving back only ever brings it nearer.
        """
        now = self.now()
        change: dict[str, Value] = {
            "retry_at": retry_at,
            "reason": reason,
            "charge": charge,
            "verdicts": lease.verdicts + (charge is Charge.VERDICT),
            "refusals": lease.refusals + (charge is Charge.REFUSAL),
        }
        self._end_attempt(lease, State.WAITING, change, measured=measured, now=now)
        self._wake_by(lease, max(retry_at, now))

    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        """Make the unit FAILED, which ends its job, and wake the job at once.  Raises LeaseLost."""
        now = self.now()
        change: dict[str, Value] = {"reason": reason, "verdicts": lease.verdicts + 1}
        self._end_attempt(lease, State.FAILED, change, measured=measured, now=now)
        self._wake_by(lease, now)

    def hold(self, name: str, *, owner: str, lease_s: float) -> bool:
        """Take or keep the named lease; False while another holds it."""
        now = self.now()
        refused = self._table.update(
            lease_pk(name),
            LEASE_SK,
            condition=condition.IS_FREE,
            values={**condition.WORDS, "owner": owner, "now": now},
            to={
                "owner": owner,
                "lease_until": now + lease_s,
                "schema": SCHEMA,
                EXPIRES: expires_at(now, HOLD_DAYS),
            },
        )
        if refused:
            require_known_schema(refused.item)
        return refused is None

    def _end_attempt(
        self, lease: Lease, state: State, to: Mapping[str, Value], *, measured: Measured, now: float
    ) -> None:
        """Let go of the unit in this state; raises LeaseLost where it is not ours, and was not so ended by us."""
        change: dict[str, Value] = {
            **to,
            "state": state,
            "owner": "",
            "lease_until": 0.0,
            "measured": measured.model_dump_json(),
        }
        refused = self._update_unit(lease, change, written_at=now)
        if refused and not _is_own(refused.item, lease.fence, lease.token, state):
            raise _lost(lease, refused.item)

    def _wake_by(self, lease: Lease, wake_at: float) -> None:
        """Have the lease's job wake at this instant, unless it would wake before that anyway."""
        wake: dict[str, Value] = {"wake_at": wake_at}
        self._update_job(lease.job_id, lease.generation, condition.WAKES_LATER, wake, values=wake)

    def _update_unit(self, lease: Lease, to: Mapping[str, Value], *, written_at: float) -> Refused | None:
        """Change the unit's record while the lease holds; raises WrittenByNewer for a newer schema."""
        refused = self._table.update(
            job_pk(lease.job_id),
            unit_sk(lease.generation, lease.key),
            condition=condition.HOLDS_FENCE,
            values={**condition.WORDS, "fence": lease.fence, "token": lease.token},
            to={**to, EXPIRES: expires_at(written_at, UNIT_DAYS)},
        )
        if refused:
            require_known_schema(refused.item)
        return refused

    def _update_job(
        self,
        job_id: str,
        generation: int,
        when: str,
        to: Mapping[str, Value | None] | None = None,
        *,
        values: Mapping[str, Value] | None = None,
        add: Mapping[str, Value] | None = None,
    ) -> Refused | None:
        """Change the job's record when the condition holds; raises WrittenByNewer for a newer schema."""
        known = {**condition.WORDS, "generation": generation, **(values or {})}
        refused = self._table.update(job_pk(job_id), JOB_SK, condition=when, values=known, to=to, add=add)
        if refused:
            require_known_schema(refused.item)
        return refused


def _as_seen(seen: Unit) -> Mapping[str, Value]:
    """Return the values of ``STANDS_AS_SEEN``."""
    return {
        **condition.WORDS,
        "seen_fence": seen.fence,
        "seen_state": seen.state,
        "seen_lease_until": seen.lease_until,
    }


def _is_own(item: Item, fence: int, token: str, state: State) -> bool:
    """Return whether an earlier sending of the same write made the unit what it is."""
    return bool(item) and (
        item["fence"] == attribute(fence)
        and item["token"] == attribute(token)
        and item["state"] == attribute(state)
    )


def _lost(lease: Lease, item: Item) -> LeaseLost:
    """Return the sentence for a unit that is not ours, whatever became of it."""
    what = f"{lease.key} of job {lease.job_id}"
    if not item:
        return LeaseLost(f"{what} is gone: the job was removed")
    unit = parse_unit(item)
    if unit.fence != lease.fence:
        return LeaseLost(f"{what} was claimed anew: its fence is {unit.fence} and ours was {lease.fence}")
    return LeaseLost(f"{what} is {unit.state} and no longer leased to us")
