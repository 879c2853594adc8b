"""Units and their leases in DynamoDB.

How a repeated write knows its own work: a claim by its token, a commit and a
return by their state under the same fence and token.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import (
    UNIT_DAYS,
    expires_at,
    job_pk,
    parse_unit,
    require_known_schema,
    unit_item,
    unit_sk,
)
from rugbytx.aws.dynamodb.jobs import DynamoJobs
from rugbytx.aws.dynamodb.record_reader import ODD
from rugbytx.aws.dynamodb.table import EXPIRES, ConditionFailed, Item, Table, Value, attribute
from rugbytx.core.job.job import Job
from rugbytx.core.lease import transition
from rugbytx.core.lease.result import Result
from rugbytx.core.lease.transition import Claim, Event
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
from rugbytx.core.schedule.next_unit import AFTER_LEASE_S
from rugbytx.errors import LeaseLost
from rugbytx.ports.store import Units


class DynamoUnits(Units):
    """``ports.store.Units`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float], jobs: DynamoJobs) -> None:
        self._table = table
        self._now = now
        self._jobs = jobs

    def read(self, job_id: str, generation: int) -> Mapping[UnitKey, Unit]:
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :units)",
            {"pk": job_pk(job_id), "units": unit_sk(generation)},
            ConsistentRead=True,
        )
        return {unit.key: unit for unit in (self._table.reader.read(item, parse_unit) for item in items)}

    def claim(
        self, job: Job, key: UnitKey, seen: Unit | None, *, owner: str, lease_s: float, maker: str = ""
    ) -> Lease | None:
        now = self._now()
        is_outdated = encoder_pin.is_outdated(encoder_pin.of(job), seen)
        if not transition.may_claim(seen, now=now, is_outdated=is_outdated):
            return None
        claim = Claim(owner=owner, maker=maker, token=uuid.uuid4().hex, at=now, lease_s=lease_s)
        unit = transition.claimed(seen, key, job.generation, claim)
        refused = self._table.put(
            unit_item(job.id, unit, written_at=now),
            condition=condition.STANDS_AS_SEEN if seen else condition.ABSENT,
            values=_as_seen(seen) if seen else {},
        )
        lease = unit.lease(job.id)
        if refused and _own_state(refused.item, lease) is not unit.state:
            require_known_schema(refused.item)
            return None
        return lease

    def carry_over(self, job: Job, unit: Unit) -> None:
        carried = transition.carried_over(unit, job.generation)
        refused = self._table.put(
            unit_item(job.id, carried, written_at=self._now()), condition=condition.ABSENT
        )
        if refused:
            require_known_schema(refused.item)

    def renew(self, lease: Lease, *, lease_s: float, progress: UnitProgress) -> Lease:
        now = self._now()
        until = now + lease_s
        change: dict[str, Value] = {"lease_until": until, "progress": progress.model_dump_json()}
        refused = self._update_unit(lease, Event.RENEW, change, written_at=now)
        if refused:
            raise _lost(lease, refused.item)
        wake_at = until + AFTER_LEASE_S
        if lease.key != CHECK and not self._jobs.set_wake(lease.job_id, lease.generation, wake_at=wake_at):
            raise LeaseLost(
                f"job {lease.job_id} has ended or was tried anew: {lease.key} is not wanted any more"
            )
        return replace(lease, until=until)

    def commit(self, lease: Lease, *, result: Result, measured: Measured) -> None:
        self._end_attempt(
            lease, Event.COMMIT, {"result": to_json(result, lease.key)}, measured=measured, now=self._now()
        )

    def give_back(
        self, lease: Lease, *, retry_at: float, reason: str, charge: Charge, measured: Measured
    ) -> None:
        now = self._now()
        change: dict[str, Value] = {
            "retry_at": retry_at,
            "reason": reason,
            "charge": charge,
            "verdicts": lease.verdicts + (charge is Charge.VERDICT),
            "refusals": lease.refusals + (charge is Charge.REFUSAL),
        }
        self._end_attempt(lease, Event.GIVE_BACK, change, measured=measured, now=now)
        self._jobs.wake_by(lease.job_id, lease.generation, max(retry_at, now))

    def fail(self, lease: Lease, *, reason: str, measured: Measured) -> None:
        now = self._now()
        change: dict[str, Value] = {"reason": reason, "verdicts": lease.verdicts + 1}
        self._end_attempt(lease, Event.FAIL, change, measured=measured, now=now)
        self._jobs.wake_by(lease.job_id, lease.generation, now)

    def _end_attempt(
        self, lease: Lease, event: Event, to: Mapping[str, Value], *, measured: Measured, now: float
    ) -> None:
        """Let go of the unit; raises LeaseLost where it is not ours, and was not so ended by us."""
        change: dict[str, Value] = {
            **to,
            "state": transition.target(event),
            "owner": "",
            "lease_until": 0.0,
            "measured": measured.model_dump_json(),
        }
        refused = self._update_unit(lease, event, change, written_at=now)
        if not refused:
            return
        state = _own_state(refused.item, lease)
        if state is None or not transition.is_repetition(event, state):
            raise _lost(lease, refused.item)

    def _update_unit(
        self, lease: Lease, event: Event, to: Mapping[str, Value], *, written_at: float
    ) -> ConditionFailed | None:
        """Change the unit's record while the lease holds; raises WrittenByNewer for a newer schema."""
        refused = self._table.update(
            job_pk(lease.job_id),
            unit_sk(lease.generation, lease.key),
            condition=condition.holds_fence(event),
            values={**condition.WORDS, "fence": lease.fence, "token": lease.token},
            to={**to, EXPIRES: expires_at(written_at, UNIT_DAYS)},
        )
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


def _own_state(item: Item, lease: Lease) -> State | None:
    """Return the state in which the lease's own claim left the unit; None where it is another claim's."""
    if not item or item.get("fence") != attribute(lease.fence) or item.get("token") != attribute(lease.token):
        return None
    state = item.get("state", {}).get("S")
    return State(state) if state in set(State) else None


def _lost(lease: Lease, item: Item) -> LeaseLost:
    """Return the sentence for a unit that is not ours, whatever became of it."""
    what = f"{lease.key} of job {lease.job_id}"
    if not item:
        return LeaseLost(f"{what} is gone: the job was removed")
    try:
        unit = parse_unit(item)
    except ODD:
        return LeaseLost(f"{what} has a record that cannot be read any more")
    if unit.fence != lease.fence:
        return LeaseLost(f"{what} was claimed anew: its fence is {unit.fence} and ours was {lease.fence}")
    return LeaseLost(f"{what} is {unit.state} and no longer leased to us")
