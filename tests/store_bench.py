"""A job store in a world that a test can move: time passes at once, and answers get lost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.clock import StoreTime
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.core.job.job import Job, Outputs, Source
from rugbytx.core.job.profile import Profile
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import Kind, Lease, Measured, Unit, UnitKey, UnitProgress
from rugbytx.ports import Store
from tests.fakes.store import FakeStore

CHUNK = UnitKey(Kind.VIDEO, 3)
LEASE_S = 120.0
NOTHING = Measured()
#: What an attempt may leave behind, by whose fingerprint tests tell it from another's.
MADE, OTHER = (TracksResult(fingerprint=name, files=()) for name in ("made", "other"))
NO_PROGRESS = UnitProgress()
PROFILE = Profile.model_validate(
    {"name": "small", "rungs": [{"height": 360, "rate_bps": 600_000, "high_motion_rate_bps": 900_000}]}
)
SOURCE = Source(bucket="rugbytx-source", key="match.mp4", etag="e1", size_bytes=7)
OUTPUTS = Outputs(
    master_key="out/a/1/master.m3u8",
    manifest_key="out/a/1/manifest.json",
    manifest_sha256="0" * 64,
    size_bytes=9,
    frames=750,
    duration_s=30.03,
    renditions=("360p",),
)


@dataclass(kw_only=True)
class Bench:
    """A store, and what a test may do to its world."""

    store: Store
    advance: Callable[[float], None]
    #: From here on, the first answer to every request is lost.
    lose_answers: Callable[[], None]

    def job(self, job_id: str = "a", **fields: object) -> Job:
        """Return a job submitted now."""
        now = self.store.now()
        job = Job(
            id=job_id,
            source=SOURCE,
            profile=PROFILE,
            submitted_at=now,
            deadline_at=now + 3600,
            wake_at=now + 600,
        )
        return job.model_copy(update=fields)

    def created(self, job_id: str = "a", **fields: object) -> Job:
        """Return a job that the store has."""
        return self.store.jobs.create(self.job(job_id, **fields))

    def read(self, job_id: str = "a") -> Job:
        """Return the job as it stands."""
        job = self.store.jobs.read(job_id)
        assert job is not None
        return job

    def unit(self, job: Job, key: UnitKey = CHUNK) -> Unit | None:
        """Return the unit as it stands."""
        return self.store.units.read(job.id, job.generation).get(key)

    def claimed(self, job: Job, key: UnitKey = CHUNK, *, owner: str = "jetson") -> Lease:
        """Return a lease of the unit as it stands."""
        lease = self.store.units.claim(job, key, self.unit(job, key), owner=owner, lease_s=LEASE_S)
        assert lease is not None
        return lease


class ShiftedTime(StoreTime):
    """The store's time, with what a test let pass on top."""

    shift_s = 0.0

    def now(self) -> float | None:
        """Return the store's time plus the shift."""
        now = super().now()
        return None if now is None else now + self.shift_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.shift_s += seconds


def fake_bench() -> Bench:
    """Return a bench round the fake."""
    store = FakeStore()

    def lose_answers() -> None:
        store.table.losing_answers = True

    return Bench(store=store, advance=store.clock.advance, lose_answers=lose_answers)


@dataclass(kw_only=True)
class Connection:
    """One client and one store round it for all tests: making a client takes longer than most tests."""

    client: Any
    time: ShiftedTime
    store: Store


@cache
def connect(_endpoint: str) -> Connection:
    """Return the connection to what the environment points at."""
    dynamodb, time = client("dynamodb"), ShiftedTime()
    store = open_store("rugbytx", client=dynamodb, time=time)
    return Connection(client=dynamodb, time=time, store=store)


def send_again(attempts: int, **_: object) -> float | None:
    """Tell botocore to send a request a second time at once, as it does when an answer was lost."""
    return 0.0 if attempts == 1 else None
