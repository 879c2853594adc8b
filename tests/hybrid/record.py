"""What a scene was made of, and what was decided in it: enough to play it again in the simulator."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.lease.unit import State, Unit, UnitKey
from rugbytx.core.scaling.decision_record import Recorded

#: What somebody outside of the system does to it.
JETSON_KILLED, ALL_TOLD_TO_STOP = "jetson-killed", "all-told-to-stop"

#: The settings that decisions and their times hang on.
SETTINGS = (
    *("lease_s", "heartbeat_s", "visibility_s", "sweep_s", "presence_s", "view_s", "poll_wait_s"),
    *("idle_grace_s", "margin_s", "least_use_s", "max_workers", "cold_start_s"),
    *("autoscaler_silent_s", "job_overhead_s", "tick_s"),
    *("assumed_px_per_byte", "assumed_jetson_px_per_s", "assumed_aws_px_per_s"),
)


class _Part(BaseModel):
    """A part of a record.  Instants are float seconds since the scene began."""

    model_config = ConfigDict(frozen=True)


class Arrival(_Part):
    """A film that was submitted."""

    job_id: str
    at_s: float
    length_s: int
    size_bytes: int
    deadline_s: float
    #: When somebody first had its message.
    started_s: float | None = None


class Event(_Part):
    """Something that was done to the system."""

    kind: str
    at_s: float


class Work(_Part):
    """One unit, as its last attempt measured it."""

    job_id: str
    key: str
    worker: str
    worker_class: str
    began_s: float
    ended_s: float


class Host(_Part):
    """A worker as it was first heard of in the scene, and when for the last time."""

    name: str
    worker_class: str
    #: When it began; before 0 where it was there before the scene.
    began_s: float
    speeds: tuple[float, ...]
    #: The job whose message it had first; empty where it never said that it had one.
    first_job: str = ""
    last_s: float = 0.0


class Said(_Part):
    """One decision."""

    at_s: float
    desired: int
    wanted: int
    reason: str

    @property
    def words(self) -> tuple[int, int, str]:
        """Return what was decided, without when."""
        return self.desired, self.wanted, self.reason


class Record(_Part):
    """One scene."""

    scene: str
    #: The numbers among the settings that both sides go by.
    settings: dict[str, float]
    arrivals: tuple[Arrival, ...]
    events: tuple[Event, ...]
    works: tuple[Work, ...]
    hosts: tuple[Host, ...]
    said: tuple[Said, ...]


def said_of(decisions: Iterable[Recorded], *, began_at: float) -> Iterator[Said]:
    """Yield the decisions by their instants and words."""
    for one in decisions:
        made = one.decision
        yield Said(
            at_s=round(one.facts.now - began_at, 3),
            desired=made.desired,
            wanted=made.wanted,
            reason=made.reason,
        )


def hosts_of(decisions: Iterable[Recorded], *, began_at: float) -> Iterator[Host]:
    """Yield each worker once, as it was first heard of."""
    first_words: dict[str, Worker] = {}
    first_jobs: dict[str, str] = {}
    last_s: dict[str, float] = {}
    for one in decisions:
        for worker in one.facts.workers:
            first_words.setdefault(worker.name, worker)
            last_s[worker.name] = round(one.facts.now - began_at, 3)
            for job_id in worker.jobs[:1]:
                first_jobs.setdefault(worker.name, job_id)
    for name, worker in first_words.items():
        began_s = round(worker.started_at - began_at, 3)
        yield Host(
            name=name,
            worker_class=worker.worker_class,
            began_s=began_s,
            speeds=worker.speeds if began_s < 0 else (),
            first_job=first_jobs.get(name, ""),
            last_s=last_s[name],
        )


def works_of(units: Sequence[tuple[str, UnitKey, Unit]], *, began_at: float) -> Iterator[Work]:
    """Yield the units that are done, in the order in which they were begun."""
    for job_id, key, unit in sorted(units, key=lambda one: one[2].measured.started_at):
        told = unit.measured
        if unit.state is State.DONE:
            yield Work(
                job_id=job_id,
                key=str(key),
                worker=told.worker,
                worker_class=told.worker_class,
                began_s=round(told.started_at - began_at, 3),
                ended_s=round(told.ended_at - began_at, 3),
            )
