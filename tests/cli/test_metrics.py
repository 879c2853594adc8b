"""`metrics`, on a system of fakes."""

from prometheus_client.parser import text_string_to_metric_families

from rugbytx.core.job.job import Status
from tests.connection import Fakes, Run, make_job


def test_prometheus_can_read_them(run: Run, fakes: Fakes) -> None:
    """By its own parser; medians appear with the first job that ended."""
    job = fakes.store.jobs.create(make_job())
    fakes.store.clock.advance(10)
    fakes.store.jobs.start(job.id, 1)
    fakes.store.clock.advance(20)
    fakes.end(job, Status.SUCCEEDED)
    result = run("metrics")
    assert result.exit_code == 0
    found = {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(result.stdout)
        for sample in family.samples
    }
    assert found["rugbytx_turnaround_seconds"] == ({"profile": "small"}, 30.0)
    assert found["rugbytx_real_time_factor"] == ({"profile": "small"}, 1.5)
    assert "rugbytx_backlog_seconds" not in found
