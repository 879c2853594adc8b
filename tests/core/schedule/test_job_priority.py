"""Which job a lane serves next: its own, unless another cannot wait."""

import pytest

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.facts import JobFact
from rugbytx.core.scaling.pace import PRIORS
from rugbytx.core.schedule import job_priority
from tests.core.hybrid import NOW, match, policy_of

OWN = match("own", due_min=60, left=0.9, lanes=1)
CLIP = match("clip", due_min=100, left=0.01, is_queued=True, units_left=3)


def chosen(*others: JobFact, own: JobFact = OWN, serving: str = "") -> tuple[str, str]:
    """Return which job a Jetson's lane does next, and why."""
    choice = job_priority.decide(
        own,
        others,
        now=NOW,
        px_per_s=PRIORS[WorkerClass.JETSON].px_per_s,
        policy=policy_of(),
        serving=serving,
    )
    return choice.job_id, choice.reason


@pytest.mark.parametrize(
    ("others", "job_id", "reason"),
    [
        ((), "own", "own-job"),
        ((match("later", due_min=90),), "own", "own-job"),
        # Due before ours, and in time even if it waits.
        ((match("soon", due_min=50),), "own", "own-job"),
        # Due in half an hour, and 35 minutes of work.
        ((match("soon", due_min=30),), "soon", "deadline-in-danger"),
        # Two lanes have it already.
        ((match("soon", due_min=30, lanes=2),), "own", "own-job"),
        ((CLIP,), "clip", "short-behind-long"),
        ((match("long", due_min=100, left=0.5),), "own", "own-job"),
        # Somebody is at it.
        ((match("clip", due_min=100, left=0.01, lanes=1),), "own", "own-job"),
        ((match("bumped", due_min=300, is_bumped=True), CLIP, match("soon", due_min=30)), "bumped", "bumped"),
        ((CLIP, match("soon", due_min=30)), "soon", "deadline-in-danger"),
        ((match("second", due_min=31), match("first", due_min=30)), "first", "deadline-in-danger"),
    ],
)
def test_choice(others: tuple[JobFact, ...], job_id: str, reason: str) -> None:
    """Each case has its answer and its reason."""
    assert chosen(*others) == (job_id, reason)


def test_a_lane_finishes_the_clip_that_it_began() -> None:
    """Running and in nobody else's hands, it would wait for its own pointer."""
    begun = match("clip", due_min=100, left=0.01)
    assert chosen(begun, serving="clip") == ("clip", "short-behind-long")


def test_a_bumped_job_gives_way_to_nothing() -> None:
    """Its own lane stays with it."""
    own = match("own", left=0.9, is_bumped=True)
    assert chosen(match("soon", due_min=30), CLIP, own=own) == ("own", "own-job")


def test_a_job_in_danger_lets_no_clip_pass() -> None:
    """Clips that come faster than they are done would keep it waiting for ever; one due before it still goes first."""
    own = match("own", due_min=30, left=0.9, lanes=1)
    assert chosen(CLIP, own=own) == ("own", "own-job")
    assert chosen(match("clip", due_min=1, left=0.01, is_queued=True), own=own) == (
        "clip",
        "deadline-in-danger",
    )
