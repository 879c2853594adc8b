"""The sweep: a thread in any worker's main process that sends pointers for jobs nobody keeps awake.

It also does the clean-ups that are due.
"""

import logging
import threading

from rugbytx.core.job.job import Pointer, Status
from rugbytx.core.schedule import resend
from rugbytx.errors import RecordUnreadable, RugbytxError, WrittenByNewer
from rugbytx.ports import Queue
from rugbytx.ports.lease_name import LeaseName
from rugbytx.ports.service import Storage
from rugbytx.ports.store import Store
from rugbytx.upkeep.cleanup import clean_once

log = logging.getLogger(__name__)

#: A sweep looks at so many RUNNING and so many QUEUED jobs, the oldest first: those behind them have time.
MOST_JOBS = 1000


def sweep_once(store: Store, queue: Queue) -> int:
    """Send a pointer for every open job that is due one; return how many.

    The pointer goes first and ``wake_at`` moves second: a crash between them
    costs a duplicate, which finds nothing to do, and never a job.
    """
    jobs = store.jobs.list_open(limit=MOST_JOBS)
    now = store.now()
    due = [job for job in jobs if job.wake_at <= now]
    if not due:
        return 0
    depth = queue.depth()
    waiting = sum(job.status is Status.QUEUED for job in jobs)
    sent = 0
    for stale in due:
        # The list may lag behind; a duplicate is cheap, but a read is cheaper.
        try:
            job = store.jobs.read(stale.id)
        except (RecordUnreadable, WrittenByNewer) as error:
            log.warning("job-passed-over", extra={"job_id": stale.id, "reason": str(error)})
            continue
        if job is None:
            continue
        decision = resend.decide(job, now=now, visible=depth.visible, waiting=waiting)
        if decision.send:
            queue.send([Pointer(job_id=job.id, generation=job.generation)])
            sent += 1
            log.info("pointer-sent", extra={"job_id": job.id, "reason": decision.reason})
        if decision.wake_at:
            store.jobs.set_wake(job.id, job.generation, wake_at=decision.wake_at, resends=decision.resends)
    return sent


def sweep_in_turn(
    store: Store, queue: Queue, storage: Storage, *, bucket: str, owner: str, sweep_s: float
) -> None:
    """Sweep and clean up once, unless it is another's turn: many try, one sweeps."""
    # Two rounds long, so that the holder keeps it by coming back in time.
    if store.leases.acquire(LeaseName.SWEEP, owner=owner, lease_s=2 * sweep_s):
        sweep_once(store, queue)
        clean_once(store, storage, bucket)


class Sweeper:
    """Runs the sweep in a thread."""

    def __init__(self, *, store: Store, queue: Queue, storage: Storage, bucket: str, sweep_s: float) -> None:
        self._store = store
        self._queue = queue
        self._storage = storage
        self._bucket = bucket
        self._sweep_s = sweep_s
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, owner: str) -> None:
        """Begin sweeping in the background."""
        self._thread = threading.Thread(target=self._run, args=(owner,), name="sweep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; a sweep under way ends by its own timeouts and is not waited for."""
        self._leaving.set()

    def _run(self, owner: str) -> None:
        while not self._leaving.wait(self._sweep_s):
            try:
                sweep_in_turn(
                    self._store,
                    self._queue,
                    self._storage,
                    bucket=self._bucket,
                    owner=owner,
                    sweep_s=self._sweep_s,
                )
            except RugbytxError as error:
                log.warning("sweep-failed", extra={"reason": str(error)})
            except Exception:
                log.exception("sweep-broke")
