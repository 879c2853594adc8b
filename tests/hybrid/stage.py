"""The hybrid on one machine: a Jetson, an ECS service of AWS workers, the autoscaler as a process of its own.

Nothing is told to anybody but through the system's own ways: jobs are submitted,
the store and the queue are read, and ECS is the one of the local system.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.ecs.service import EcsFleet
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import Unit, UnitKey
from rugbytx.core.scaling import decision_record
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.local.fleet import READY_S, LocalWorker
from rugbytx.local.system import LocalSystem
from tests.hybrid import record
from tests.hybrid.film import CHUNK_S, CLIP_S, MATCH_S, Reel, work_px
from tests.hybrid.record import Arrival, Event, Record

#: Seconds of film that an encoder of each class reads in a second; the note's 35 to 25 minutes.
PACE: Mapping[WorkerClass, float] = {WorkerClass.JETSON: 3.0, WorkerClass.AWS: 4.2}
#: What a chunk takes besides, on two cores that others use too: a guess that finished chunks correct.
OVERHEAD_S = 1.5
MAX_WORKERS = 3
COLD_START_S = 5.0
#: Of a real worker process.
START_S = 6.0
GRACE_S = 8.0
TICK_S = 1.0
LEASE_S = 12.0
#: Four times ``RUGBYTX_PRESENCE_S``.
SILENT_S = 4.0
LOOK_S = 0.2


def px_per_s(worker_class: WorkerClass) -> float:
    """Return how fast a slot of the class is expected to be."""
    return work_px(CHUNK_S) / (CHUNK_S / PACE[worker_class] + OVERHEAD_S)


def times(reel: Reel) -> dict[str, str]:
    """Return the settings of a day that lasts minutes."""
    return {
        "RUGBYTX_TICK_S": f"{TICK_S:g}",
        "RUGBYTX_COLD_START_S": f"{COLD_START_S + START_S:g}",
        "RUGBYTX_IDLE_GRACE_S": f"{GRACE_S:g}",
        "RUGBYTX_MARGIN_S": "6",
        "RUGBYTX_LEAST_USE_S": "4",
        "RUGBYTX_MAX_WORKERS": f"{MAX_WORKERS}",
        "RUGBYTX_AUTOSCALER_SILENT_S": "10",
        "RUGBYTX_LEASE_S": f"{LEASE_S:g}",
        "RUGBYTX_VISIBILITY_S": f"{LEASE_S:g}",
        "RUGBYTX_ASSUMED_PX_PER_BYTE": f"{work_px(MATCH_S) / reel.bytes_of(MATCH_S):.3f}",
        "RUGBYTX_JOB_OVERHEAD_S": "2",
        # What is looked at after publishing the simulator knows nothing of.
        "RUGBYTX_CHECK_S": "0",
        "RUGBYTX_ASSUMED_JETSON_PX_PER_S": f"{px_per_s(WorkerClass.JETSON):.0f}",
        "RUGBYTX_ASSUMED_AWS_PX_PER_S": f"{px_per_s(WorkerClass.AWS):.0f}",
    }


@dataclass(frozen=True, kw_only=True)
class Told:
    """One line of the timeline."""

    at_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that should hold, whether it does, and what was seen."""

    name: str
    holds: bool
    seen: str


class Stage:
    """A running hybrid, and what is seen of it."""

    def __init__(self, stack: ExitStack, folder: Path, *, tell: Callable[[Told], None]) -> None:
        self.reel = Reel(folder)
        os.environ.update(times(self.reel), RUGBYTX_PROFILES=str(folder))
        self.local = stack.enter_context(
            LocalSystem(aws_max=MAX_WORKERS, cold_start_s=COLD_START_S, pace=PACE)
        )
        self.connection = systems.connect(self.local.settings)
        self.fleet = EcsFleet(cluster=self.local.settings.cluster, service=self.local.settings.service)
        #: How long a match takes on the Jetson alone: a guess until the first scene has measured it.
        self.match_s = MATCH_S / CHUNK_S * (CHUNK_S / PACE[WorkerClass.JETSON] + OVERHEAD_S)
        self.timeline: list[Told] = []
        self.decisions: list[Recorded] = []
        #: For how long messages were visible while the Jetson had nothing to do, at the longest stretch.
        self.idle_s = 0.0
        self._idle_since: float | None = None
        self._tell = tell
        self._began_at = time.monotonic()
        self._seen: dict[str, str] = {}
        self._reason = ""
        self._arrivals: list[Arrival] = []
        self._events: list[Event] = []
        #: When the scene began, by the store's clock, and how many decisions there were by then.
        self._scene_at, self._scene_from = 0.0, 0
        self._autoscaler = self._start_autoscaler(stack)
        # Without it the first decision would be that no Jetson works.
        self.until(self._is_jetson_able, within_s=READY_S)

    @property
    def now_s(self) -> float:
        """Return the seconds since the stage was set."""
        return time.monotonic() - self._began_at

    @property
    def jetson(self) -> LocalWorker:
        """Return the Jetson's process."""
        return self.local.workers[0]

    @property
    def tasks(self) -> int:
        """Return how many AWS workers run or start."""
        return len(self.local.service.tasks) if self.local.service else 0

    def begin(self) -> None:
        """Begin a scene: what follows is in its record."""
        self._arrivals, self._events = [], []
        self._scene_at, self._scene_from = self.connection.store.now(), len(self.decisions)

    def record(self, scene: str) -> Record:
        """Return what the scene was made of, and what was decided in it."""
        decisions = self.decisions[self._scene_from :]
        units = list(self.units([one.job_id for one in self._arrivals]))
        return Record(
            scene=scene,
            settings={name: getattr(self.local.settings, name) for name in record.SETTINGS},
            arrivals=tuple(self._started()),
            events=tuple(self._events),
            works=tuple(record.works_of(units, began_at=self._scene_at)),
            hosts=tuple(record.hosts_of(decisions, began_at=self._scene_at)),
            said=tuple(record.said_of(decisions, began_at=self._scene_at)),
        )

    def _started(self) -> Iterator[Arrival]:
        for one in self._arrivals:
            started_at = self.job(one.job_id).started_at
            started_s = None if started_at is None else round(started_at - self._scene_at, 3)
            yield one.model_copy(update={"started_s": started_s})

    def mark(self, kind: str) -> None:
        """Note on the record that something was done to the system."""
        at_s = round(self.connection.store.now() - self._scene_at, 3)
        self._events.append(Event(kind=kind, at_s=at_s))

    def submit(self, length_s: int, *, due_s: float) -> str:
        """Submit a film; return its job's id."""
        request = intake.Request(
            source=str(self.reel.film(length_s)), profile="hybrid", deadline_s=due_s, chunk_s=CHUNK_S
        )
        job = intake.accept(request, self.connection).job
        self._arrivals.append(
            Arrival(
                job_id=job.id,
                at_s=round(job.submitted_at - self._scene_at, 3),
                length_s=length_s,
                size_bytes=job.source.size_bytes,
                deadline_s=round(due_s, 3),
            )
        )
        self.note(
            f"{job.id} submitted: {'a clip' if length_s == CLIP_S else 'a match'}, due in {due_s:.0f} s"
        )
        return job.id

    def note(self, text: str) -> None:
        """Put a line on the timeline."""
        told = Told(at_s=self.now_s, text=text)
        self.timeline.append(told)
        self._tell(told)

    def until(self, holds: Callable[[], bool], *, within_s: float) -> bool:
        """Look on until it holds; False where it does not in time."""
        until = self.now_s + within_s
        while self.now_s < until:
            self.look()
            if holds():
                return True
            time.sleep(LOOK_S)
        return False

    def look(self) -> None:
        """Do what ECS would, and note what has changed."""
        if self.local.service:
            for sentence in self.local.service.reconcile():
                self.note(sentence)
        if self._autoscaler.poll() is not None:
            raise RuntimeError(f"the autoscaler ended with status {self._autoscaler.returncode}")
        if self.decisions and (decision := self.decisions[-1].decision).reason != self._reason:
            self._reason = decision.reason
            self.note(f"decision: desired {decision.desired}, wanted {decision.wanted}: {decision.reason}")
        for job in self.jobs():
            if self._seen.get(job.id) != job.status:
                self._seen[job.id] = job.status
                self.note(f"{job.id} is {job.status} {job.reason}".rstrip())
        self._look_at_jetson()

    def jobs(self) -> Sequence[Job]:
        """Return all jobs."""
        return self.connection.store.jobs.list(limit=1000)

    def job(self, job_id: str) -> Job:
        """Return a job."""
        job = self.connection.store.jobs.read(job_id)
        assert job
        return job

    def ended(self, job_ids: Sequence[str]) -> bool:
        """Return whether all of them have ended."""
        return not any(self.job(job_id).is_open for job_id in job_ids)

    def units(self, job_ids: Sequence[str]) -> Iterator[tuple[str, UnitKey, Unit]]:
        """Yield all units of these jobs."""
        for job_id in job_ids:
            for key, unit in self.connection.store.units.read(job_id, 1).items():
                yield job_id, key, unit

    def _is_jetson_able(self) -> bool:
        """Return whether the Jetson says that it can work."""
        return any(
            one.worker_class == "jetson" and one.is_able for one in self.connection.store.workers.list()
        )

    def calm(self) -> bool:
        """Return whether no AWS worker is there or ordered."""
        return self.tasks == 0

    def _look_at_jetson(self) -> None:
        """Measure for how long a message waits beside an idle Jetson."""
        busy = [one.busy for one in self.connection.store.workers.list() if one.worker_class == "jetson"]
        is_idle = busy == [0] and self.connection.queue.depth().visible > 0
        if not is_idle:
            self._idle_since = None
            return
        self._idle_since = self._idle_since if self._idle_since is not None else self.now_s
        self.idle_s = max(self.idle_s, self.now_s - self._idle_since)

    def _start_autoscaler(self, stack: ExitStack) -> "subprocess.Popen[str]":
        log = stack.enter_context((self.local.folder / "autoscaler.log").open("w"))
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("rugbytx")), "autoscale", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=self.local.folder,
        )
        thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        thread.start()

        def stop() -> None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            thread.join(10)

        stack.callback(stop)
        return process

    def _read(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self.decisions.append(decision_record.from_json(line))
