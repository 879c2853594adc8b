"""The piece of work that is leased.

``core.lease.transition`` has its life: what may happen to a unit in each state, and what that leads to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import total_ordering
from typing import Annotated, Self, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from rugbytx.core.fleet.presence import SaidClass
from rugbytx.core.job.job import Outputs
from rugbytx.core.lease import failed_attempt
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
from rugbytx.core.lease.result import Mp4Result, Quality, Result, TracksResult
from rugbytx.core.plan.plan import Plan
from rugbytx.core.record import Record, Versioned


class Kind(StrEnum):
    """What a unit does."""

    #: Probe the source and write the plan.
    PLAN = "PLAN"
    #: Encode the audio, once for the whole job.
    AUDIO = "AUDIO"
    #: Encode one chunk in all renditions.
    VIDEO = "VIDEO"
    #: Make the progressive MP4.
    MP4 = "MP4"
    #: Write playlists and manifest.
    PUBLISH = "PUBLISH"
    #: Compare samples of a published job with its source; no part of the job's plan, which has ended by then.
    CHECK = "CHECK"


R = TypeVar("R", bound=Record)

#: What a unit of each kind leaves behind.
RESULTS: Mapping[Kind, type[Result]] = {
    Kind.PLAN: Plan,
    Kind.AUDIO: TracksResult,
    Kind.VIDEO: TracksResult,
    Kind.MP4: Mp4Result,
    Kind.PUBLISH: Outputs,
    Kind.CHECK: Quality,
}


@total_ordering
@dataclass(frozen=True)
class UnitKey:
    """Which unit of a job; ``index`` counts the chunks and is 0 for every other kind.

    >>> str(UnitKey(Kind.VIDEO, 7)), str(UnitKey(Kind.PLAN))
    ('VIDEO#00007', 'PLAN')
    >>> UnitKey.parse("VIDEO#00007")
    UnitKey(kind=<Kind.VIDEO: 'VIDEO'>, index=7)
    """

    kind: Kind
    index: int = 0
    #: A lane looks up hundreds of keys before each of its units, and would work this out each time.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.kind, self.index)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.kind}#{self.index:05d}" if self.kind is Kind.VIDEO else str(self.kind)

    def __lt__(self, other: Self) -> bool:
        return (list(Kind).index(self.kind), self.index) < (list(Kind).index(other.kind), other.index)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that ``str`` made; raises ValueError for anything else."""
        kind, _, index = text.partition("#")
        return cls(Kind(kind), int(index or 0))


PLAN = UnitKey(Kind.PLAN)
AUDIO = UnitKey(Kind.AUDIO)
MP4 = UnitKey(Kind.MP4)
PUBLISH = UnitKey(Kind.PUBLISH)
CHECK = UnitKey(Kind.CHECK)


class State(StrEnum):
    """Where a unit stands; a unit without a record was never claimed."""

    LEASED = "LEASED"
    WAITING = "WAITING"
    DONE = "DONE"
    #: No worker can do it: its job ends FAILED, for the unit's reason.
    FAILED = "FAILED"


class Charge(StrEnum):
    """What a unit that is given back is charged with."""

    NOTHING = "nothing"
    #: Nothing either: its worker was told to leave.
    LEAVING = "leaving"
    #: The attempt failed for a reason.
    VERDICT = "verdict"
    #: Its host could not do it, whatever the unit.
    REFUSAL = "refusal"


#: How the attempt ended that is charged so.
_FATES: Mapping[Charge, Fate] = {
    Charge.NOTHING: Fate.OUTAGE,
    Charge.LEAVING: Fate.LEAVING,
    Charge.VERDICT: Fate.FAILED,
    Charge.REFUSAL: Fate.REFUSED,
}


class Measured(Record):
    """What one attempt cost and did: later decisions learn from it."""

    worker: str = ""
    worker_class: SaidClass = None
    encoder: str = ""
    #: The version of the program that encoded.
    ffmpeg: str = ""
    #: The GPU that encoded, and its driver; empty where none did.
    gpu: str = ""
    driver: str = ""
    fingerprint: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    frames: int = 0
    #: Seconds of the whole attempt, by the worker's monotonic clock.
    elapsed_s: float = 0.0
    #: Seconds of the encoder alone.
    encode_s: float = 0.0


class UnitProgress(Record):
    """How far the attempt under way has come, as its heartbeat last said."""

    step: str = ""
    frames: int = 0
    fps: float = 0.0


def _charge(value: str) -> str:
    """Return the charge; a record of a unit that was never given back may say nothing."""
    return value or Charge.NOTHING


def _key(value: str | UnitKey) -> UnitKey:
    """Return the key, also as a record has it."""
    return value if isinstance(value, UnitKey) else UnitKey.parse(value)


class Unit(Versioned):
    """A unit's record.  Instants are float seconds of store time."""

    key: Annotated[UnitKey, PlainValidator(_key), PlainSerializer(str)]
    generation: int
    state: State
    #: Only ever grows, one for each claim.
    fence: int
    #: Who has the lease; empty when nobody has.
    owner: str = ""
    #: The fingerprint of the encoder of who claimed it last.
    maker: str = ""
    #: One token for each claim, so that a repeated claim knows itself.
    token: str = ""
    #: When the lease ends; 0 when nobody has it.
    lease_until: float = 0.0
    #: Not to be claimed before this instant; 0 for at once.
    retry_at: float = 0.0
    #: Finished attempts that failed for a reason.
    verdicts: int = 0
    #: Attempts that fell silent.
    deaths: int = 0
    #: Attempts that a host could not make.
    refusals: int = 0
    reason: str = ""
    #: What the attempt that was given back last was charged with.
    charge: Annotated[Charge, BeforeValidator(_charge)] = Charge.NOTHING
    #: The last attempts that came to nothing, the latest last.
    lost: tuple[FailedAttempt, ...] = ()
    progress: UnitProgress = UnitProgress()
    measured: Measured = Measured()
    #: What it leaves behind, as JSON, once it is DONE.  ``result`` reads it where it is wanted: a film's chunks come
    #: to 1.3 MB and 20,000 values, which lanes, ledger and monitor read often and seldom look into.
    result_json: str = Field(default="", alias="result")

    @property
    def result(self) -> Result | None:
        """Return what the unit leaves behind; None before it is DONE."""
        if self.state is not State.DONE or not self.result_json:
            return None
        return RESULTS[self.key.kind].model_validate_json(self.result_json)

    def result_as(self, model: type[R]) -> R:
        """Return what the unit leaves behind; raises TypeError before it is DONE, and where its kind leaves another thing."""
        result = self.result
        if not isinstance(result, model):
            raise TypeError(f"{self.key} is {self.state} and has no {model.__name__}")
        return result

    def is_claimable(self, now: float) -> bool:
        """Return whether a claim at store time ``now`` may succeed."""
        return self.claimable_at() <= now

    def lost_with_this(self) -> tuple[FailedAttempt, ...]:
        """Return what the next claim's ``lost`` is: with a next claim, this attempt came to nothing."""
        match self.state:
            case State.LEASED:
                fate, worker = Fate.SILENT, self.owner
            case State.DONE:
                fate, worker = Fate.REDONE, self.measured.worker
            case State.WAITING | State.FAILED:
                fate, worker = _FATES[self.charge], self.measured.worker
        latest = FailedAttempt(
            worker=worker,
            worker_class=self.measured.worker_class,
            fate=fate,
            frames=max(self.progress.frames, self.measured.frames),
            elapsed_s=self.measured.elapsed_s,
        )
        return (*self.lost, latest)[-failed_attempt.MOST_KEPT :]

    def claimable_at(self) -> float:
        """Return the instant from which a claim may succeed; infinity once DONE or FAILED."""
        match self.state:
            case State.DONE | State.FAILED:
                return float("inf")
            case State.LEASED:
                return self.lease_until
            case State.WAITING:
                return self.retry_at

    def lease(self, job_id: str) -> "Lease":
        """Return the lease that its owner has."""
        return Lease(
            job_id=job_id,
            generation=self.generation,
            key=self.key,
            owner=self.owner,
            fence=self.fence,
            token=self.token,
            until=self.lease_until,
            verdicts=self.verdicts,
            deaths=self.deaths,
            refusals=self.refusals,
        )


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A time-limited right to one unit, as its owner holds it."""

    job_id: str
    generation: int
    key: UnitKey
    owner: str
    fence: int
    token: str
    #: Store time.
    until: float
    #: What the unit had been through before this claim.
    verdicts: int = 0
    deaths: int = 0
    refusals: int = 0


def to_json(result: Result, key: UnitKey) -> str:
    """Return what a unit leaves behind as its record has it.

    >>> to_json(TracksResult(fingerprint="a", files=()), AUDIO)
    '{"schema":1,"fingerprint":"a","files":[],"stills":[],"damaged":0}'
    """
    if not isinstance(result, RESULTS[key.kind]):
        raise TypeError(f"{key} leaves no {type(result).__name__} behind")
    return result.model_dump_json()
