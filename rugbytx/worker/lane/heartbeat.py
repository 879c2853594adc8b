"""The heartbeat: keeps a lease alive while its work moves, and stops the work when it must."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rugbytx.core.lease.unit import Lease, UnitProgress
from rugbytx.errors import LeaseLost, Stalled, Unreachable
from rugbytx.media.process.pulse import Movement
from rugbytx.ports import Ports
from rugbytx.settings import Settings
from rugbytx.worker.shutdown.drain import Notice

log = logging.getLogger(__name__)


class Heartbeat:
    """A context in which one unit is worked on; it is a ``ports.Pulse`` for that work.

    ::

        claim      beat      beat      beat            commit
        ──┬─────────┬─────────┬─────────┬───────────────┬──►
          └ lease_s ┴─ renewed only while the work moved within stall_s
                                                 leave: stop and join

    The deadline is our own, on the monotonic clock, counted from *before* the
    call that was granted: a worker that was frozen or cut off stops by itself,
    whatever it hears.  Leaving the context joins the thread, so no renewal can
    be under way when the unit is committed.
    """

    def __init__(  # noqa: PLR0913  what it watches over, what it tells, and what may stop it
        self,
        lease: Lease,
        receipt: str,
        *,
        ports: Ports,
        settings: Settings,
        notice: Notice,
        granted_at: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``granted_at``: the monotonic instant just before the claim was asked for."""
        self._monotonic = monotonic
        self._lease = lease
        self._receipt = receipt
        self._ports = ports
        self._settings = settings
        self._notice = notice
        self._guard = threading.Lock()
        self._deadline = granted_at + settings.lease_s
        self._movement = Movement(monotonic=monotonic)
        self._progress = UnitProgress(step="begin")
        self._lost: Exception | None = None
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        # A call under way ends by its own timeouts; past the lease nothing can be committed anyway.
        self._thread.join(timeout=self._settings.lease_s)
        if kind is None:
            if self._thread.is_alive():
                raise LeaseLost("the last renewal did not come back within the lease")
            self._check_lease()

    def step(self, name: str) -> None:
        """Begin a step: its counters start from zero."""
        with self._guard:
            self._progress = UnitProgress(step=name)
            self._movement.begin()
        self.check()

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Say how far the step has come; only a counter that grew counts as life."""
        with self._guard:
            self._movement.advance(frames=frames, count=count)
            self._progress = self._progress.model_copy(update={"frames": self._movement.frames, "fps": fps})

    def check(self) -> None:
        """Raise what should end the work, if anything should."""
        self._check_lease()
        self._notice.check()
        with self._guard:
            if self._movement.stood_s() > self._settings.stall_s:
                raise Stalled(f"{self._progress.step} stood still for {self._settings.stall_s:g} s")

    def _check_lease(self) -> None:
        """Raise LeaseLost if the unit is not ours any more: all that can undo work that is finished."""
        with self._guard:
            if self._lost:
                raise self._lost
            if self._monotonic() > self._deadline:
                raise LeaseLost(f"the lease on {self._lease.key} could not be renewed in time")

    def beat(self) -> None:
        """Renew the lease, then the message's visibility, if the work has moved lately."""
        asked_at = self._monotonic()
        with self._guard:
            if self._movement.stood_s() > self._settings.stall_s or asked_at > self._deadline:
                return
            progress = self._progress
        try:
            self._lease = self._ports.store.units.renew(
                self._lease, lease_s=self._settings.lease_s, progress=progress
            )
            with self._guard:
                self._deadline = asked_at + self._settings.lease_s
            if not self._ports.queue.extend(self._receipt, visibility_s=self._settings.visibility_s):
                # The lease decides; a second delivery will find the unit taken.
                log.warning("receipt-refused", extra={"job_id": self._lease.job_id})
        except Unreachable as error:
            # The next beat tries again; the deadline ends the work if none succeeds.
            log.warning("heartbeat-missed", extra={"job_id": self._lease.job_id, "reason": str(error)})
        except Exception as error:  # noqa: BLE001  the work raises it, where it is sorted
            with self._guard:
                self._lost = error

    def _run(self) -> None:
        while not self._leaving.wait(self._settings.heartbeat_s):
            self.beat()
