"""What is left of a job, and how long that may take."""

import pytest

from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import AUDIO, Kind, Measured, State, Unit, UnitKey, UnitProgress
from rugbytx.core.status.progress import outlook
from tests.connection import NOW, OUTPUTS, make_job

RUNNING = make_job(status=Status.RUNNING, units=6, frames=750)


def done(index: int, *, frames: int = 250, elapsed_s: float = 5.0) -> Unit:
    """Return a finished chunk."""
    measured = Measured(frames=frames, elapsed_s=elapsed_s)
    return Unit(key=UnitKey(Kind.VIDEO, index), generation=1, state=State.DONE, fence=1, measured=measured)


def at_work(index: int, *, frames: int, fps: float, until: float = NOW + 60) -> Unit:
    """Return a chunk that is being encoded."""
    return Unit(
        key=UnitKey(Kind.VIDEO, index),
        generation=1,
        state=State.LEASED,
        fence=1,
        lease_until=until,
        progress=UnitProgress(step="encode", frames=frames, fps=fps),
    )


def audio() -> Unit:
    """Return the finished audio, whose frames are no pictures."""
    measured = Measured(frames=9999, elapsed_s=1.0)
    return Unit(key=AUDIO, generation=1, state=State.DONE, fence=1, measured=measured)


@pytest.mark.parametrize(
    ("units", "frames_done", "fps", "eta_s"),
    [
        ((), 0, 0.0, None),
        ((audio(),), 0, 0.0, None),
        ((at_work(0, frames=0, fps=0.0),), 0, 0.0, None),
        ((at_work(0, frames=150, fps=60.0),), 150, 60.0, 600 / 60),
        ((done(0), at_work(1, frames=50, fps=100.0)), 300, 100.0, 450 / 50),
        ((at_work(0, frames=50, fps=40.0), at_work(1, frames=100, fps=60.0)), 150, 100.0, 600 / 100),
        ((done(0),), 250, 50.0, 500 / 50),
        ((done(0), at_work(1, frames=200, fps=99.0, until=NOW)), 250, 50.0, 500 / 50),
        ((done(0), done(1), done(2)), 750, 50.0, 0.0),
        ((done(0, frames=900),), 750, 180.0, 0.0),
    ],
    ids=[
        "nothing claimed",
        "audio is not counted",
        "not one frame yet: nobody can tell",
        "the encoder at work",
        "the rest at the pace of the finished chunks, which is not all encoding",
        "two lanes add up",
        "between chunks: the speed of the finished ones",
        "a silent lease says nothing",
        "only publishing is left",
        "never more than there is",
    ],
)
def test_an_open_job(units: tuple[Unit, ...], frames_done: int, fps: float, eta_s: float | None) -> None:
    """The plan holds 750 frames."""
    seen = outlook(RUNNING, units, now=NOW)
    assert (seen.frames_done, seen.frames, seen.fps, seen.eta_s) == (frames_done, 750, fps, eta_s)


@pytest.mark.parametrize(
    ("job", "frames_done", "frames"),
    [
        (make_job(), 0, 0),
        (make_job(status=Status.SUCCEEDED, frames=750, outputs=OUTPUTS), 750, 750),
        (make_job(status=Status.FAILED, frames=750), 0, 750),
    ],
    ids=["no plan", "published", "failed"],
)
def test_a_job_without_a_future(job: Job, frames_done: int, frames: int) -> None:
    """What has ended, or has no plan, has no estimate."""
    seen = outlook(job, (), now=NOW)
    assert (seen.frames_done, seen.frames, seen.eta_s) == (frames_done, frames, None)


def test_each_lane_has_its_own_pace() -> None:
    """A slow worker's chunks say nothing of a fast one's; who has none yet counts as the others."""
    slow, fast = (
        done(index, elapsed_s=elapsed_s).model_copy(
            update={"measured": Measured(frames=250, elapsed_s=elapsed_s, worker=name)}
        )
        for index, elapsed_s, name in ((0, 10.0, "slow"), (1, 2.5, "fast"))
    )
    working = [
        at_work(number, frames=0, fps=0.0).model_copy(update={"owner": name})
        for number, name in ((2, "slow"), (3, "fast"), (4, "fresh"))
    ]
    seen = outlook(RUNNING, [slow, fast, *working], now=NOW)
    assert seen.eta_s == pytest.approx(250 / (25 + 100 + 500 / 12.5))


def test_at_half_time_it_is_right_though_a_third_is_not_encoding() -> None:
    """Ten chunks of 10 s each, of which the encoder takes 7: five and a half are done, so 45 s are left."""
    job = RUNNING.model_copy(update={"frames": 2500})
    units = [*(done(index, elapsed_s=10.0) for index in range(5)), at_work(5, frames=125, fps=250 / 7)]
    seen = outlook(job, units, now=NOW)
    assert seen.eta_s == pytest.approx(45)
