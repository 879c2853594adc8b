"""A lane: one worker's stay under one message, unit after unit, until nothing is left for it to claim."""

import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.core.job.message import Delivery, worn
from rugbytx.errors import RugbytxError
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker.lane.attempt import Attempts
from rugbytx.worker.lane.job_choice import Choices
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.lane.turn import After, Turns
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.shutdown.drain import Notice

log = logging.getLogger(__name__)

#: A lane that has turned this often hands its message back: something is going round in circles.
MOST_TURNS = 20_000


@dataclass(frozen=True, kw_only=True)
class Lane:
    """The lanes of one worker process."""

    ports: Ports
    settings: Settings
    #: This worker's name, in leases and records.
    worker: str
    #: This process's own folder on the scratch disk.
    scratch: Path
    notice: Notice
    #: The record of finished chunks' speeds.
    speeds: Speeds = field(default_factory=Speeds)

    def run(self, pointer: Pointer, delivery: Delivery) -> Ending:
        """Work until nothing of the pointer's job is left to claim; say what becomes of the message.

        Between units it may serve another job that cannot wait.  Raises
        Unreachable where the message could not be settled with the store.
        """
        scratch = self.scratch / f"{pointer.job_id}-g{pointer.generation}"
        try:
            return self._turns(pointer, delivery, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _turns(self, pointer: Pointer, delivery: Delivery, scratch: Path) -> Ending:
        attempts = Attempts(
            ports=self.ports,
            settings=self.settings,
            worker=self.worker,
            notice=self.notice,
            speeds=self.speeds,
        )
        turns = Turns(attempts=attempts, scratch=scratch, receipt=delivery.receipt)
        choices = Choices(ports=self.ports, settings=self.settings, worker=self.worker)
        for _ in range(MOST_TURNS):
            own = self._open_job(pointer)
            if own is None or self._is_replaced(pointer, delivery):
                return Ending.ACKNOWLEDGE
            if not choices.may_stay():
                return self._leave(own, pointer)
            job = choices.next(own)
            try:
                after = turns.take(job)
            except RugbytxError as error:
                if job.id == own.id:
                    raise
                # What is wrong with another job is its own lanes' affair.
                log.warning("other-job-left", extra={"job_id": job.id, "reason": str(error)})
                after = After.NOTHING_LEFT
            if after is After.HAND_BACK:
                return Ending.HAND_BACK
            if after is After.NOTHING_LEFT and job.id == own.id:
                return Ending.ACKNOWLEDGE
            choices.remember(job, own=own, has_more=after is After.GO_ON)
        return Ending.HAND_BACK

    def _open_job(self, pointer: Pointer) -> Job | None:
        """Return the pointer's job, which has begun; or None where it wants nothing done any more."""
        job = self.ports.store.jobs.read(pointer.job_id)
        if job is None or not job.is_open or job.generation != pointer.generation:
            log.info("nothing-to-do", extra={"job_id": pointer.job_id})
            return None
        if job.status is Status.QUEUED:
            self.ports.store.jobs.start(job.id, job.generation)
        return job

    def _is_replaced(self, pointer: Pointer, delivery: Delivery) -> bool:
        """Send a fresh message in the place of a worn one, before that is acknowledged; say whether it was worn."""
        reason = worn(delivery, now=self.ports.store.now())
        if reason:
            self.ports.queue.send([pointer])
            log.info("message-replaced", extra={"job_id": pointer.job_id, "reason": reason})
        return bool(reason)

    def _leave(self, own: Job, pointer: Pointer) -> Ending:
        """Leave the rest to the Jetson: a fresh message first, then this one goes.

        Where another worker has a message of the job it needs none: one that nobody
        takes before the job ends stays in the queue.  If that worker leaves in the
        same moment, the sweep sends one, a heartbeat later: whoever is still at the
        job has put that off by then.
        """
        store = self.ports.store
        others = (worker for worker in store.workers.list() if worker.name != self.worker)
        if any(own.id in worker.jobs for worker in others):
            wake_at = min(own.wake_at, store.now() + self.settings.heartbeat_s)
            store.jobs.set_wake(own.id, own.generation, wake_at=wake_at)
        else:
            self.ports.queue.send([pointer])
        log.info("lane-left", extra={"job_id": own.id, "reason": "not-wanted"})
        return Ending.ACKNOWLEDGE
