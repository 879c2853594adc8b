"""What `rugbytx status` says of the samples that were compared with the source."""

import json

import pytest

from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.result import Metric, WindowReason
from rugbytx.core.lease.unit import CHECK, Measured
from rugbytx.core.verify import sampled_quality
from rugbytx.core.verify.sample_windows import Window
from rugbytx.core.verify.sampled_quality import Scores
from tests.connection import Fakes, Run, make_job
from tests.plans import small_plan


@pytest.fixture
def job(fakes: Fakes) -> Job:
    """Return a published job whose only join is bad."""
    job = fakes.store.jobs.create(make_job())
    fakes.end(job, Status.SUCCEEDED)
    window = Window(place=WindowReason.JOIN, frames=range(30, 90))
    scores = Scores(metric=Metric.SSIM, values=(0.97,) * 20 + (0.91,) * 20 + (0.97,) * 20)
    found = sampled_quality.judge(
        small_plan(chunks=2), [(window, scores)], job_id=job.id, generation=1, left_out=0
    )
    lease = fakes.store.units.claim(job, CHECK, None, owner="jetson-1", lease_s=60)
    assert lease
    fakes.store.units.commit(lease, result=found, measured=Measured())
    return job


def test_a_bad_join_is_shown(run: Run, job: Job) -> None:
    """In short, and with its alarm."""
    said = run("status", job.id).stdout
    assert "ssim 0.95 on average in 1 samples of 180p, lowest 0.91 at 6 s (join)" in said
    assert "the join at 6 s has ssim 0.91, and beside it are 0.97" in said


def test_a_bad_join_in_json(run: Run, job: Job) -> None:
    """Mean, worst, where, and the alarms."""
    found = json.loads(run("status", job.id, "--json").stdout)["quality"]
    assert (found["metric"], found["mean"], found["worst"], found["worst_at_s"]) == ("ssim", 0.95, 0.91, 6.0)
    assert found["alarms"] == ["the join at 6 s has ssim 0.91, and beside it are 0.97"]


def test_nobody_has_looked(run: Run, fakes: Fakes) -> None:
    """Then there is nothing to say."""
    job = fakes.store.jobs.create(make_job())
    fakes.end(job, Status.SUCCEEDED)
    assert json.loads(run("status", job.id, "--json").stdout)["quality"] is None
    assert "quality" not in run("status", job.id).stdout
