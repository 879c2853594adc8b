"""What the gate reads: whether this worker is fit to receive, refreshed by a thread every few seconds."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rugbytx.core.fleet import halt, receive_window
from rugbytx.core.fleet.receive_window import Hours
from rugbytx.core.fleet.scale_in_protection import PROTECTED
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.admission import AdmissionDecision
from rugbytx.errors import RugbytxError
from rugbytx.ports import Store
from rugbytx.worker.gate.encoder_health import Fitness
from rugbytx.worker.gate.scale_in_protection import Protection
from rugbytx.worker.gate.temperature import Heat

log = logging.getLogger(__name__)

#: A view this many periods old is none.
PERIODS = 3

OPEN = "fit"
UNSEEN = "not-looked-yet"
STALE = "view-too-old"
DRAINING = "draining"
STORE_UNREACHABLE = "store-unreachable"
SCRATCH_LOW = "scratch-low"
TOO_HOT = "too-hot"
UNFIT = "encoder-unfit"
LOOK_BROKE = "look-broke"


class View:
    """The ``Gate`` of a worker.

    Asking it costs nothing: it answers from the last look, which a thread
    takes.  It is closed before the first look and once the last one is too
    old, so a thread that hangs with the store closes it too.  Make it at any
    time, but start it only after the pool has forked.
    """

    def __init__(  # noqa: PLR0913  whatever can close a gate
        self,
        *,
        store: Store,
        scratch: Path,
        scratch_floor_bytes: int,
        view_s: float,
        is_draining: Callable[[], bool],
        heat: Heat | None = None,
        work_hours: Hours | None = None,
        fitness: Fitness | None = None,
        admission: Callable[[str], AdmissionDecision] | None = None,
        protection: Protection | None = None,
        worker_class: WorkerClass | None = None,
        on_halt: Callable[[bool], None] = lambda _is_halted: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._scratch_floor_bytes = scratch_floor_bytes
        self._view_s = view_s
        self._is_draining = is_draining
        self._heat = heat
        self._work_hours = work_hours
        self._fitness = fitness
        self._admission = admission
        #: The name under which Celery knows this worker; set before the first refresh.
        self._name = ""
        self._protection = protection
        self._worker_class = worker_class
        self._on_halt = on_halt
        self._monotonic = monotonic
        #: The last refresh: its reason, and when.  One tuple, so that it is never half of two.
        self._seen = (UNSEEN, 0.0)
        self._last_reason = ""
        self._leaving = threading.Event()

    @property
    def reason(self) -> str:
        """Return why the gate is open or closed."""
        reason, seen_at = self._seen
        if self._is_draining():
            return DRAINING
        if self._fitness and self._fitness.is_broken():
            return UNFIT
        if reason == OPEN and self._monotonic() - seen_at > PERIODS * self._view_s:
            return STALE
        return reason

    def is_open(self) -> bool:
        """Return whether this worker may receive; log where that has changed since it was last asked."""
        reason = self.reason
        if reason != self._last_reason:
            self._last_reason = reason
            log.info("gate-open" if reason == OPEN else "gate-closed", extra={"reason": reason})
        return reason == OPEN

    def start(self, *, name: str) -> None:
        """Begin to look, at once and then every period, for the worker of this name."""
        self._name = name
        threading.Thread(target=self._run, name="view", daemon=True).start()

    def stop(self) -> None:
        """Look no more; a look under way ends by its own timeouts and is not waited for."""
        self._leaving.set()

    def refresh(self) -> None:
        """Make the view anew, once."""
        # Before looking, not after: a read that takes long tells of the past.
        seen_at = self._monotonic()
        self._seen = (self._protected(self._judge()), seen_at)

    def _protected(self, reason: str) -> str:
        """Return the reason once this worker's task has the protection that it calls for."""
        if self._protection is None:
            return reason
        try:
            answer = self._protection.follow(
                is_admitted=reason == OPEN and not self._is_draining(), was_closed=self._seen[0] != OPEN
            )
        except Exception:
            log.exception("look-broke")
            return LOOK_BROKE
        return answer if reason == OPEN and answer != PROTECTED else reason

    def _judge(self) -> str:
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._scratch).free < self._scratch_floor_bytes:
                return SCRATCH_LOW
            if self._heat and self._heat.is_too_hot():
                return TOO_HOT
            if self._fitness and not self._fitness.check():
                return UNFIT
            return self._allowed()
        except RugbytxError:
            return STORE_UNREACHABLE
        except Exception:
            log.exception("look-broke")
            return LOOK_BROKE

    def _allowed(self) -> str:
        """Return whether this fit worker may receive, as the store says."""
        halts = self._store.halts.list()
        asked_hours = receive_window.decide(self._store.now(), self._work_hours)
        halted = halt.reason(halts, worker=self._name, worker_class=self._worker_class)
        if not asked_hours.is_open:
            halted = halted or asked_hours.reason
        # Only where the store answers: until then the last word holds.
        self._on_halt(bool(halted))
        if not halted and self._admission and not (asked := self._admission(self._name)).is_open:
            return asked.reason
        return halted or OPEN

    def _run(self) -> None:
        while True:
            self.refresh()
            if self._leaving.wait(self._view_s):
                return
