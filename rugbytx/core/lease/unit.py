"""The piece of work that is leased.

A unit's record springs from its first claim; every later change tests the fence::

                claim (fence + 1)                    commit (iff fence)
    (nothing) ───────────────────► LEASED ──────────────────────────────► DONE
                                    ▲  │ │           fail (iff fence)
                                    │  │ └──────────────────────────────► FAILED
                                    │  │ give back, verdict (iff fence)
              claim, once retry_at  │  ▼
              has come              WAITING
                                    ▲
    LEASED, lease run out ──────────┘  the claim itself counts a silent death
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import total_ordering
from typing import Self

from rugbytx.core.lease import failed_attempt
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
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


_FATES: Mapping[str, Fate] = {
    Charge.LEAVING: Fate.LEAVING,
    Charge.VERDICT: Fate.FAILED,
    Charge.REFUSAL: Fate.REFUSED,
}


class Measured(Record):
    """What one attempt cost and did: later decisions learn from it."""

    worker: str = ""
    worker_class: str = ""
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


class Unit(Versioned):
    """A unit's record.  Instants are float seconds of store time."""

    key: str
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
    #: What the attempt that was given back last was charged with; empty before one.
    charge: str = ""
    #: The last attempts that came to nothing, the latest last.
    lost: tuple[FailedAttempt, ...] = ()
    progress: UnitProgress = UnitProgress()
    measured: Measured = Measured()
    #: The unit's result as JSON once it is DONE: a Plan, a TracksResult, ...
    result: str = ""

    def is_claimable(self, now: float) -> bool:
        """Return whether a claim at store time ``now`` may succeed."""
        match self.state:
            case State.DONE | State.FAILED:
                return False
            case State.LEASED:
                return self.lease_until <= now
            case State.WAITING:
                return self.retry_at <= now

    def lost_with_this(self) -> tuple[FailedAttempt, ...]:
        """Return what the next claim's ``lost`` is: with a next claim, this attempt came to nothing."""
        match self.state:
            case State.LEASED:
                fate, worker = Fate.SILENT, self.owner
            case State.DONE:
                fate, worker = Fate.REDONE, self.measured.worker
            case _:
                fate, worker = _FATES.get(self.charge, Fate.OUTAGE), self.measured.worker
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
