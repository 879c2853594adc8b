"""Figures of the jobs that ended last, and of the workers."""

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Status
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
from rugbytx.core.lease.unit import AUDIO, Kind, Measured, State, Unit, UnitKey
from rugbytx.core.status.prometheus import MetricFacts, families
from tests.connection import NOW, OUTPUTS, make_job


def worker(name: str, gate: str) -> Worker:
    """Return a worker whose gate says so."""
    return Worker(name=name, worker_class="aws", slots=1, busy=0, gate=gate, seen_at=NOW, until=NOW + 60)


def chunk(elapsed_s: float, **fields: object) -> Unit:
    """Return a finished chunk of an AWS worker."""
    measured = Measured(worker_class="aws", elapsed_s=elapsed_s, frames=1500)
    unit = Unit(key=UnitKey(Kind.VIDEO, 1), generation=1, state=State.DONE, fence=1, measured=measured)
    return unit.model_copy(update=fields)


def test_the_figures_of_a_system() -> None:
    """Medians over what was published; failures only count."""
    ended = [
        make_job(
            id=str(number),
            status=Status.SUCCEEDED,
            started_at=NOW + 5,
            ended_at=NOW + 5 + took_s,
            outputs=OUTPUTS,
        )
        for number, took_s in enumerate((10.0, 15.0, 60.0))
    ]
    ended.append(make_job(id="9", status=Status.FAILED, started_at=NOW + 1, ended_at=NOW + 2))
    lost = (FailedAttempt(worker="a", fate=Fate.SILENT), FailedAttempt(worker="b", fate=Fate.FAILED))
    units = {"0": [chunk(4.0, lost=lost), chunk(6.0), chunk(8.0, key=AUDIO)]}
    workers = [
        worker("a", "fit"),
        worker("b", "jetson-finishes-in-time"),
        worker("c", "jetson-finishes-in-time"),
    ]
    facts = MetricFacts(backlog_s=90.0, ended=ended, units=units, workers=workers, spent_usd=1.25)
    told = {family.name: dict(family.samples) for family in families(facts)}
    assert told == {
        "rugbytx_backlog_seconds": {(): 90.0},
        "rugbytx_spent_usd": {(): 1.25},
        "rugbytx_gates": {("aws", "fit"): 1.0, ("aws", "jetson-finishes-in-time"): 2.0},
        "rugbytx_ended_jobs": {("small", "SUCCEEDED"): 3.0, ("small", "FAILED"): 1.0},
        "rugbytx_turnaround_seconds": {("small",): 20.0},
        "rugbytx_wait_seconds": {("small",): 5.0},
        "rugbytx_real_time_factor": {("small",): 2.0},
        "rugbytx_chunk_seconds": {("aws", "small"): 5.0},
        "rugbytx_lost_attempts": {("silent",): 1.0, ("failed",): 1.0},
    }


def test_nothing_is_known_of_a_fresh_system() -> None:
    """What has no value has no sample, and not a nought."""
    told = {family.name: family.samples for family in families(MetricFacts())}
    assert told["rugbytx_spent_usd"] == (((), 0.0),)
    assert {name for name, samples in told.items() if samples} == {"rugbytx_spent_usd"}
