"""The one encoder whose chunks a job takes, where its profile allows no splice.

::

    not pinned ─── the first lane that would take a chunk ──► pinned to its encoder
                                                                 │
        a lane of another encoder: waits while a worker ◄────────┤
        with the pinned one lives                                │ nobody with it lives
                                                                 ▼
        chunks of the former encoder count as not done ◄── pinned anew, which is recorded

Only the job's record is written.  A chunk that its owner finishes after that is
another one of the former encoder's, and is made anew like the others: so it
does not matter how the write and a claim cross.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rugbytx.core.job.job import Job, Repinned
from rugbytx.core.lease.unit import Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan

#: A job that was pinned anew so often has lost more work than it is worth.
MOST_REPINS = 8


@dataclass(frozen=True, kw_only=True)
class EncoderPin:
    """What a decision needs to know of a job's pin."""

    #: The encoder's fingerprint; empty while the job is not pinned.
    maker: str
    #: How often the job was pinned anew.
    times: int
    #: When the last worker with that encoder counts as silent.
    lives_until: float


def is_foreign(job: Job, maker: str) -> bool:
    """Return whether the job is pinned to another encoder than this."""
    return not job.profile.splice and job.pin not in {"", maker}


def of(job: Job, *, lives_until: float = 0.0) -> EncoderPin | None:
    """Return the job's pin; None where its profile allows splices, so that it has none."""
    if job.profile.splice:
        return None
    return EncoderPin(maker=job.pin, times=len(job.repinned), lives_until=lives_until)


def is_outdated(pin: EncoderPin | None, unit: Unit | None) -> bool:
    """Return whether a finished chunk is of another encoder than the pinned one, so that it is made anew."""
    if pin is None or unit is None or unit.state is not State.DONE or unit.maker == pin.maker:
        return False
    return unit.key.kind is Kind.VIDEO


def pinned(
    job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], *, maker: str, reason: str, now: float
) -> Job:
    """Return the job's record as it is once it is pinned to ``maker``, with what that throws away."""
    changed = job.model_copy(update={"pin": maker})
    lost = [key for key, unit in units.items() if is_outdated(of(changed), unit)]
    kept = [key for key, unit in units.items() if unit.state is State.DONE and key not in lost]
    frames = sum(len(plan.grid.chunk_frames(key.index)) for key in lost) if plan else 0
    repinned = job.repinned
    if job.pin:
        repinned += (Repinned(at=now, former=job.pin, frames=frames, reason=reason),)
    return changed.model_copy(update={"repinned": repinned, "done": frozenset(map(str, kept))})
