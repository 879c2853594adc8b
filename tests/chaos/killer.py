"""A place for one worker: what stands there, what is done to it, and what it leaves behind."""

import os
import re
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from tests.chaos.schedule import Blow, Kind, Moment
from tests.chaos.watch import Held, Journal
from tests.faults.proxy import FaultProxy
from tests.processes import command_lines, descendants

#: A worker that is told to leave is gone by then (``docker stop`` kills after that).
LEAVES_WITHIN_S = 10.0
#: What a dead worker's kernel-given end may take.
FALLS_WITHIN_S = 3.0
#: Between two looks at the process table.
LOOK_S = 0.25
#: A blow that finds no such moment falls after so long anyway.
PATIENCE_S = 8.0
#: So soon after a commit is "right after".
JUST_S = 0.2

#: The scratch folders in an encoder's command: its worker, pool child, job and generation.
_SCRATCH = re.compile(r"/(?P<worker>jetson-\d+@[^/]+)/lane-[^/]+/(?P<job>[0-9a-f]{20})-g\d+/")


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A blow that fell, and what the worker held at that instant."""

    at: float
    #: The end of a freeze; the same instant for everything else.
    until: float
    slot: int
    owner: str
    kind: Kind
    moment: Moment
    #: False where that moment did not come, and the blow fell anyway.
    in_time: bool
    held: Held | None


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A living ffmpeg."""

    pid: int
    owner: str
    job_id: str


def encoders(scratch: Path) -> Iterator[Encoder]:
    """Yield every living ffmpeg whose command names something in the scratch folder."""
    for pid, command in command_lines().items():
        found = _SCRATCH.search(command)
        if found and str(scratch) in command:
            yield Encoder(pid=pid, owner=found["worker"], job_id=found["job"])


class Slot:
    """Keeps one worker up behind a proxy of its own; the proxy outlives it."""

    def __init__(
        self, number: int, system: LocalSystem, proxy: FaultProxy, variables: Mapping[str, str]
    ) -> None:
        self.number = number
        self.proxy = proxy
        #: Everybody who ever stood here, by the name that they have in the store.
        self.owners: set[str] = set()
        self.restarts = 0
        #: Ends that nobody asked for, and processes that outlived their worker: a sentence each.
        self.failed_starts: list[str] = []
        self.uninvited: list[str] = []
        self.orphans: list[str] = []
        self.slow_to_leave: list[str] = []
        self._system = system
        self._variables = {**variables, "AWS_ENDPOINT_URL": proxy.endpoint_url}
        #: Descendants of the worker, as descriptors that stand for exactly these processes.
        self._family: dict[int, int] = {}
        self._looked_at = 0.0
        self._thaws_at: float | None = None
        self._struck_down = False
        self._leaving_since: float | None = None
        self._dead_since: float | None = None
        self._committed_at = 0.0
        self.worker = self._start()

    @property
    def owner(self) -> str:
        """Return what the store calls the worker that stands here."""
        return f"{self.worker.name}@{os.uname().nodename}"

    @property
    def is_frozen(self) -> bool:
        """Return whether the worker is stopped by SIGSTOP."""
        return self._thaws_at is not None

    @property
    def is_up(self) -> bool:
        """Return whether a living worker stands here that nothing has befallen yet."""
        return not (self.is_frozen or self._struck_down or self._dead_since or self._leaving_since)

    def excuse(self, late_s: float) -> None:
        """Give the worker more time to leave, and its children to fall, because there was none for anybody."""
        if self._leaving_since is not None:
            self._leaving_since += late_s
        if self._dead_since is not None:
            self._dead_since += late_s

    def note_commit(self, at: float) -> None:
        """Remember that this worker just committed something."""
        self._committed_at = at

    def is_at(self, moment: Moment, held: Held | None) -> bool:
        """Return whether the worker is at this moment."""
        kind = held.name.partition("#")[0] if held else ""
        match moment:
            case Moment.ANY:
                return True
            case Moment.PLANNING:
                return kind == "PLAN"
            case Moment.ENCODING:
                return kind == "VIDEO" and bool(descendants(self.worker.pid, "ffmpeg", "libx264"))
            case Moment.COMMITTED:
                return time.monotonic() - self._committed_at < JUST_S
            case Moment.PUBLISHING:
                return kind == "PUBLISH"

    def strike(self, blow: Blow, journal: Journal, *, frozen_s: float, in_time: bool) -> Hit | None:
        """Let the blow fall; None where there is nothing for it to fall on yet."""
        pid = self.worker.pid
        targets = {
            Kind.KILL_MAIN: [pid],
            Kind.KILL_CHILD: descendants(pid, "celery"),
            Kind.KILL_ENCODER: descendants(pid, "ffmpeg", "libx264"),
            Kind.FREEZE: [pid, *descendants(pid)],
            Kind.TERMINATE: [pid],
        }[blow.kind]
        if not targets:
            return None
        self._look(force=True)
        number = {Kind.FREEZE: signal.SIGSTOP, Kind.TERMINATE: signal.SIGTERM}.get(blow.kind, signal.SIGKILL)
        at = time.monotonic()
        for target in targets:
            with suppress(ProcessLookupError):
                os.kill(target, number)
        journal.look()
        until = at
        match blow.kind:
            case Kind.KILL_MAIN:
                self._struck_down = True
            case Kind.TERMINATE:
                self._leaving_since = at
            case Kind.FREEZE:
                until = self._thaws_at = at + frozen_s
        return Hit(
            at=at,
            until=until,
            slot=self.number,
            owner=self.owner,
            kind=blow.kind,
            moment=blow.moment,
            in_time=in_time,
            held=journal.held.get(self.owner),
        )

    def tend(self, *, refill: bool = True) -> None:
        """Thaw what was frozen long enough, and put another worker where one has died."""
        now = time.monotonic()
        if self._thaws_at is not None and now >= self._thaws_at:
            self.thaw()
        if self._dead_since is None and _has_exited(self.worker.pid):
            self._dead_since = now
            if not self._struck_down and self._leaving_since is None:
                # A start in a storm may fail: a host's supervisor repeats it, as we do.
                ends = self.uninvited if self._was_ready() else self.failed_starts
                ends.append(f"{self.worker.name}: {_last_line(self.worker)}")
        if self._dead_since is not None:
            self._bury(now, refill=refill)
            return
        self._look()
        if self._leaving_since is not None and now - self._leaving_since > LEAVES_WITHIN_S:
            self.slow_to_leave.append(f"{self.worker.name}: {_last_line(self.worker)}")
            self._leaving_since, self._struck_down = None, True
            self.worker.kill()

    def thaw(self) -> None:
        """Let a frozen worker go on."""
        self._thaws_at = None
        for pid in (*self._family, self.worker.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def leave(self) -> None:
        """Tell the worker to leave for good."""
        if self._dead_since is None:
            self._leaving_since = time.monotonic()
            os.kill(self.worker.pid, signal.SIGTERM)

    @property
    def is_empty(self) -> bool:
        """Return whether the worker has gone, and was not replaced."""
        return self.worker not in self._system.workers

    def _was_ready(self) -> bool:
        return " ready." in self.worker.log.read_text(encoding="utf-8", errors="replace")

    def _start(self) -> LocalWorker:
        worker = self._system.start_worker(wait=False, **self._variables)
        self.owners.add(f"{worker.name}@{os.uname().nodename}")
        return worker

    def _bury(self, now: float, *, refill: bool) -> None:
        """See that a dead worker left nothing alive, and fill its place."""
        left = self._living()
        if left and now - (self._dead_since or now) < FALLS_WITHIN_S:
            return
        for pid in left:
            self.orphans.append(f"{self.worker.name} left {command_lines().get(pid, pid)}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for descriptor in self._family.values():
            os.close(descriptor)
        self._family = {}
        self._system.stop_worker(self.worker)
        if refill:
            self._dead_since = self._leaving_since = self._thaws_at = None
            self._struck_down = False
            self.restarts += 1
            self.worker = self._start()

    def _look(self, *, force: bool = False) -> None:
        """Get to know the worker's descendants, while they are still its own."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_S and not force:
            return
        self._looked_at = now
        living = self._living()
        for pid in [pid for pid in self._family if pid not in living]:
            os.close(self._family.pop(pid))
        for pid in descendants(self.worker.pid):
            if pid not in self._family:
                with suppress(ProcessLookupError):
                    self._family[pid] = os.pidfd_open(pid)

    def _living(self) -> list[int]:
        waiting = select.poll()
        for descriptor in self._family.values():
            waiting.register(descriptor, select.POLLIN)
        ended = {descriptor for descriptor, _ in waiting.poll(0)}
        return [pid for pid, descriptor in self._family.items() if descriptor not in ended]


def _last_line(worker: LocalWorker) -> str:
    """Return the end of a worker's log, for a sentence; the whole of it is in the log."""
    return worker.log_tail().rpartition("\n")[2]


def _has_exited(pid: int) -> bool:
    """Return whether our child has ended; it is not reaped, so its number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
