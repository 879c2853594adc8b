"""How far a job has come, and when it may be done: what its record and its units tell."""

from collections.abc import Iterable
from dataclasses import dataclass

from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import Kind, Measured, State, Unit


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """How far a job has come.  None means that nobody can tell yet."""

    #: Frames of finished chunks, and of those under way as far as they have come.
    frames_done: int
    #: Frames of the whole grid; 0 while there is no plan.
    frames: int
    #: Frames a second of all encoders at work on this job together, or what the finished chunks
    #: had while none reports; 0 before that.
    fps: float
    eta_s: float | None


def outlook(job: Job, units: Iterable[Unit], *, now: float) -> Outlook:
    """Return how far ``job`` has come at store time ``now``.

    The rest is divided by the pace of the lanes at work: what each needed for its
    finished chunks, with all that is not encoding (checks, uploads), else what the
    others needed for theirs, and before a first chunk what its encoder says.
    Between two chunks it is the pace of one lane.  Publishing takes seconds and
    is not in the estimate.  A lease that has run out says nothing.
    """
    if not job.is_open:
        frames = job.outputs.frames if job.outputs else 0
        return Outlook(frames_done=frames, frames=max(job.frames, frames), fps=0.0, eta_s=None)
    chunks = [unit for unit in units if unit.key.kind is Kind.VIDEO]
    finished = [unit.measured for unit in chunks if unit.state is State.DONE]
    at_work = [unit for unit in chunks if unit.state is State.LEASED and unit.lease_until > now]
    frames_done = sum(chunk.frames for chunk in finished) + sum(unit.progress.frames for unit in at_work)
    frames_done = min(frames_done, job.frames)
    past_fps = _pace_fps(finished)
    fps = sum((unit.progress.fps for unit in at_work), 0.0) or past_fps
    lanes_fps = sum(
        (
            _pace_fps(chunk for chunk in finished if chunk.worker == unit.owner)
            or past_fps
            or unit.progress.fps
            for unit in at_work
        ),
        0.0,
    )
    return Outlook(
        frames_done=frames_done,
        frames=job.frames,
        fps=fps,
        eta_s=eta_s(frames_left=job.frames - frames_done, fps=lanes_fps or past_fps) if job.frames else None,
    )


def _pace_fps(finished: Iterable[Measured]) -> float:
    """Return the frames a second of one lane over these chunks as wholes, 0.0 without any."""
    measured = [(chunk.frames, chunk.elapsed_s) for chunk in finished]
    elapsed_s = sum(seconds for _, seconds in measured)
    return sum(frames for frames, _ in measured) / elapsed_s if elapsed_s > 0 else 0.0


def eta_s(*, frames_left: int, fps: float) -> float | None:
    """Return how long the frames that are left will take, or None while no speed is known.

    >>> eta_s(frames_left=900, fps=60.0), eta_s(frames_left=900, fps=0.0), eta_s(frames_left=0, fps=0.0)
    (15.0, None, 0.0)
    """
    if frames_left <= 0:
        return 0.0
    return frames_left / fps if fps > 0 else None
