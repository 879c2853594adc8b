"""Open jobs as facts: how much is left of each, and who is at it."""

import pytest

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Status
from rugbytx.core.scaling import workload
from rugbytx.core.scaling.facts import JobFact
from rugbytx.core.scaling.pace import Assumed
from tests.connection import NOW, make_job

ASSUMED = Assumed(px_per_byte=100.0, overhead_px=5.0)


def only(job: Job, *workers: Worker, assists: int = 0) -> JobFact:
    """Return the one job's fact."""
    [fact] = workload.facts([job], workers, assists={job.id: assists}, assumed=ASSUMED)
    return fact


def at_work(*job_ids: str) -> Worker:
    """Return a worker with these jobs in hand."""
    return Worker(
        name="w", worker_class="jetson", slots=4, busy=len(job_ids), jobs=job_ids, seen_at=NOW, until=NOW
    )


def test_a_job_without_a_plan_is_guessed_from_its_size() -> None:
    """With what every job costs besides."""
    fact = only(make_job())
    assert fact.work_px == fact.left_px == pytest.approx(62_400_000 * 100.0 + 5.0)
    assert fact.is_queued


def test_a_planned_job_knows_its_work() -> None:
    """Less the share of its units that is finished."""
    job = make_job(
        status=Status.RUNNING,
        work_px=995.0,
        units=10,
        done=frozenset({"PLAN", "AUDIO", "VIDEO#00000", "VIDEO#00001"}),
    )
    fact = only(job)
    assert (fact.work_px, fact.units_left) == (1000.0, 6)
    assert fact.left_px == pytest.approx(600.0)
    assert not fact.is_queued


def test_what_is_known_teaches_of_what_is_not() -> None:
    """Another job's pixels a byte count as much as what was assumed."""
    known = make_job(id="known", status=Status.RUNNING, work_px=62_400_000 * 300.0, units=4)
    _, guessed = workload.facts([known, make_job()], (), assists={}, assumed=Assumed(px_per_byte=100.0))
    assert guessed.work_px == pytest.approx(62_400_000 * 200.0)


@pytest.mark.parametrize(
    ("lanes", "sent", "under_way"), [(0, 1, 1), (1, 2, 2), (2, 2, 1), (3, 2, 0), (3, 0, 0)]
)
def test_an_assist_that_became_a_lane_is_not_under_way(lanes: int, sent: int, under_way: int) -> None:
    """A job's lanes beyond its first are assists'."""
    job = make_job(status=Status.RUNNING)
    fact = only(job, at_work(*[job.id] * lanes), assists=sent)
    assert (fact.lanes, fact.assists) == (lanes, under_way)


def test_an_ended_job_is_none() -> None:
    """The list may lag behind."""
    assert workload.facts([make_job(status=Status.SUCCEEDED)], (), assists={}) == ()
