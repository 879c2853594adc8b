"""Jobs in DynamoDB: one table, single items, a condition on every write.

How a repeated write knows its own work: the opening of a generation by a digest
of what opened it, the end of a job by its status and outputs.  All others are
the same when done twice.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rugbytx.aws.dynamodb import condition
from rugbytx.aws.dynamodb.item import (
    JOB_DAYS,
    JOB_SK,
    expires_at,
    job_item,
    job_pk,
    parse_job,
    require_known_schema,
)
from rugbytx.aws.dynamodb.table import EXPIRES, STATUS_INDEX, ConditionFailed, Item, Table, Value
from rugbytx.core.job.cursor import Mark, mark_of
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.unit import UnitKey
from rugbytx.core.notify.notification import OF_STATUS, Notification
from rugbytx.core.output.retention import Cleaning, due_at
from rugbytx.errors import Unreachable
from rugbytx.ports.store import Cleanups, Jobs, Outbox

#: Rounds that a deletion makes for what a lane still wrote meanwhile.
DELETE_ROUNDS = 5


class DynamoJobs(Jobs):
    """``ports.store.Jobs`` in DynamoDB."""

    def __init__(self, table: Table, now: Callable[[], float], *, cleanups: Cleanups, outbox: Outbox) -> None:
        self._table = table
        self._now = now
        self._cleanups = cleanups
        self._outbox = outbox

    def create(self, job: Job) -> Job:
        refused = self._table.put(job_item(job, opening=_opening(job)), condition=condition.ABSENT)
        return job if refused is None else self._parse(refused.item)

    def read(self, job_id: str) -> Job | None:
        item = self._table.get(job_pk(job_id), JOB_SK)
        return None if item is None else self._parse(item)

    def list(
        self, *, status: Status | None = None, limit: int = 100, before: Mark | None = None
    ) -> Sequence[Job]:
        statuses = [status] if status else list(Status)
        return self._indexed(statuses, limit, oldest_first=False, before=before)

    def list_open(self, limit: int) -> Sequence[Job]:
        by_status = (
            self._indexed([status], limit, oldest_first=True) for status in (Status.RUNNING, Status.QUEUED)
        )
        return list({job.id: job for jobs in by_status for job in jobs}.values())

    def _indexed(
        self, statuses: Iterable[Status], limit: int, *, oldest_first: bool, before: Mark | None = None
    ) -> Sequence[Job]:
        """Return jobs from the index; one that changed its status meanwhile may be in two places."""
        jobs: dict[str, Job] = {}
        for status in statuses:
            page = self._of_status(status, limit, oldest_first=oldest_first, before=before)
            jobs |= {job.id: job for job in page}
        return sorted(jobs.values(), key=mark_of, reverse=not oldest_first)[:limit]

    def _of_status(
        self, status: Status, limit: int, *, oldest_first: bool, before: Mark | None
    ) -> Iterator[Job]:
        """Yield the first ``limit`` jobs of a status, in the index's order, and all of the last one's instant.

        The index knows the instants alone, so that a page may end between two jobs of
        the same one: both are read then, and the mark tells which was shown.
        """
        key, values = "#job_status = :status", {"status": str(status)}
        within: dict[str, Value] = {**values}
        if before:
            key, within = f"{key} AND #submitted_at <= :last", {**values, "last": before.submitted_at}
        items = self._table.query(
            key,
            within,
            IndexName=STATUS_INDEX,
            ScanIndexForward=oldest_first,
            PaginationConfig={"PageSize": limit + 1},  # with the one that tells that these are all
        )
        count, last_at = 0, 0.0
        for job in self._table.reader.read_all(items, parse_job):
            if count >= limit and job.submitted_at != last_at:
                return
            if before is None or mark_of(job) < before:
                yield job
                count, last_at = count + 1, job.submitted_at

    def tighten_deadline(self, job_id: str, generation: int, *, deadline_at: float) -> None:
        self._update(
            job_id,
            generation,
            condition.IS_LATER_DEADLINE,
            {"deadline_at": deadline_at},
            values={"deadline_at": deadline_at},
        )

    def bump(self, job_id: str, generation: int, *, bumped_at: float | None) -> bool:
        return self._update(job_id, generation, condition.IS_OPEN, {"bumped_at": bumped_at}) is None

    def add_targets(self, job_id: str, generation: int, urls: Iterable[str]) -> bool:
        targets = frozenset(urls)
        return self._update(job_id, generation, condition.IS_OPEN, add={"notify": targets}) is None

    def reopen(self, job: Job) -> bool:
        opening = _opening(job)
        refused = self._table.put(
            job_item(job, opening=opening),
            condition=condition.MAY_REOPEN,
            values={**condition.WORDS, "generation": job.generation - 1},
        )
        if refused is None:
            return True
        require_known_schema(refused.item)
        return refused.item.get("opening") == {"S": opening}

    def start(self, job_id: str, generation: int) -> None:
        change: dict[str, Value] = {"job_status": Status.RUNNING, "started_at": self._now()}
        self._update(job_id, generation, condition.IS_QUEUED, change)

    def record_plan(self, job_id: str, generation: int, *, units: int, frames: int, work_px: float) -> None:
        change: dict[str, Value] = {"units": units, "frames": frames, "work_px": work_px}
        self._update(job_id, generation, condition.IS_OPEN, change)

    def set_wake(self, job_id: str, generation: int, *, wake_at: float, resends: int | None = None) -> bool:
        change: dict[str, Value] = {"wake_at": wake_at}
        if resends is not None:
            change["resends"] = resends
        return self._update(job_id, generation, condition.IS_OPEN, change) is None

    def repin(self, job: Job, *, seen: Job) -> None:
        before, after = job_item(seen, opening=""), job_item(job, opening="")
        self._update(
            job.id,
            job.generation,
            condition.IS_PINNED_AS_SEEN,
            {"pin": job.pin, "repinned": after["repinned"]["S"], "done": job.done},
            values={"seen_pin": seen.pin, "seen_repinned": before["repinned"]["S"]},
        )

    def end(
        self,
        job_id: str,
        generation: int,
        status: Status,
        *,
        reason: str = "",
        outputs: Outputs | None = None,
    ) -> bool:
        now = self._now()
        self._cleanups.schedule(Cleaning(job_id=job_id, due_at=due_at(now)))
        kind = OF_STATUS[status]
        self._outbox.add_notification(
            Notification(
                job_id=job_id, generation=generation, kind=kind, at=now, reason=reason, outputs=outputs
            )
        )
        change: dict[str, Value] = {
            "job_status": status,
            "reason": reason,
            "ended_at": now,
            EXPIRES: expires_at(now, JOB_DAYS),
        }
        if outputs is not None:
            change["outputs"] = outputs.model_dump_json()
        refused = self._update(job_id, generation, condition.IS_OPEN, change)
        if refused is None:
            return True
        if not refused.item:
            return False
        stands = self._parse(refused.item)
        return (stands.generation, stands.status, stands.outputs) == (generation, status, outputs)

    def add_done(self, job_id: str, generation: int, keys: Iterable[UnitKey]) -> None:
        done = frozenset(map(str, keys))
        if done:
            self._update(job_id, generation, condition.IS_GENERATION, add={"done": done})

    def begin_removal(self, job_id: str, generation: int) -> bool:
        now = self._now()
        self._cleanups.schedule(Cleaning(job_id=job_id, due_at=due_at(now)))
        return self._update(job_id, generation, condition.HAS_ENDED, {"removed_at": now}) is None

    def delete(self, job_id: str) -> None:
        # The job's own record goes last, so that an interrupted deletion can be
        # found and repeated: units that outlived their job would count for a
        # later job of the same id.
        pk = job_pk(job_id)
        for _ in range(DELETE_ROUNDS):
            items = {item["sk"]["S"]: item for item in self._items_of(job_id)}
            job = items.pop(JOB_SK, None)
            if job is not None and "removed_at" not in job:
                return
            if items:
                self._table.delete([(pk, sk) for sk in items])
            elif job is None:
                return
            else:
                self._table.remove(pk, JOB_SK, condition=condition.IS_REMOVED, values=condition.WORDS)
        raise Unreachable(f"job {job_id} is still being worked on: try again once its workers have noticed")

    def wake_by(self, job_id: str, generation: int, at: float) -> None:
        """Have the open job wake at this instant, unless it would wake before that anyway."""
        wake: dict[str, Value] = {"wake_at": at}
        self._update(job_id, generation, condition.WAKES_LATER, wake, values=wake)

    def _update(
        self,
        job_id: str,
        generation: int,
        when: str,
        to: Mapping[str, Value | None] | None = None,
        *,
        values: Mapping[str, Value] | None = None,
        add: Mapping[str, Value] | None = None,
    ) -> ConditionFailed | None:
        """Change the job's record when the condition holds; raises WrittenByNewer for a newer schema."""
        known = {**condition.WORDS, "generation": generation, **(values or {})}
        refused = self._table.update(job_pk(job_id), JOB_SK, condition=when, values=known, to=to, add=add)
        if refused:
            require_known_schema(refused.item)
        return refused

    def _parse(self, item: Item) -> Job:
        """Return the item's job; raises WrittenByNewer, or RecordUnreadable."""
        return self._table.reader.read(item, parse_job)

    def _items_of(self, job_id: str) -> Iterator[Item]:
        """Yield the job's record and all of its units, by a consistent read."""
        return self._table.query("#pk = :pk", {"pk": job_pk(job_id)}, ConsistentRead=True)


def _opening(job: Job) -> str:
    """Return what tells the write that opens this generation from any other that would."""
    return hashlib.sha256(job.model_dump_json(exclude={"done", "notify"}).encode()).hexdigest()[:32]
