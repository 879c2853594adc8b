"""What jobs cost, who did them, and what was done in vain."""

from typing import Any

import pytest

from rugbytx.core.cost import ledger
from rugbytx.core.cost.ledger import Bill, SlotPrices
from rugbytx.core.cost.usage import End, Span
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
from rugbytx.core.lease.unit import AUDIO, PLAN, Kind, Measured, State, Unit, UnitKey
from tests.store_bench import PROFILE, SOURCE

NOW = 1_795_608_000.0
RATES = SlotPrices(
    by_worker={"aws-1": 0.5, "aws-2": 0.2},
    by_class={WorkerClass.AWS: 0.6, WorkerClass.JETSON: 0.0036},
    classes={"aws-1": WorkerClass.AWS, "aws-2": WorkerClass.AWS, "jetson-1": WorkerClass.JETSON},
)


def job(**changed: Any) -> Job:
    """Return a job that succeeded within its deadline."""
    fields: dict[str, Any] = {
        "id": "7ad4",
        "status": Status.SUCCEEDED,
        "source": SOURCE,
        "profile": PROFILE,
        "submitted_at": NOW - 3600,
        "deadline_at": NOW,
        "wake_at": NOW,
        "ended_at": NOW - 60,
    }
    return Job(**{**fields, **changed})


def unit(key: UnitKey, worker: str, *, elapsed_s: float, frames: int = 0, **changed: Any) -> Unit:
    """Return a finished unit."""
    measured = Measured(
        worker=worker, worker_class=worker.partition("-")[0], elapsed_s=elapsed_s, frames=frames
    )
    fields: dict[str, Any] = {
        "key": str(key),
        "generation": 1,
        "state": State.DONE,
        "fence": 1,
        "measured": measured,
    }
    return Unit(**{**fields, **changed})


def chunk(index: int, worker: str, *, elapsed_s: float, **changed: Any) -> Unit:
    """Return a finished chunk of 100 frames."""
    return unit(UnitKey(Kind.VIDEO, index), worker, elapsed_s=elapsed_s, frames=100, **changed)


def lost(worker: str, fate: Fate, **changed: Any) -> FailedAttempt:
    """Return an attempt that came to nothing."""
    worker_class = "" if fate is Fate.SILENT else worker.partition("-")[0]
    return FailedAttempt(worker=worker, fate=fate, **{"worker_class": worker_class, **changed})


def made(worker: str, *, at: float, lasts_s: float = 3600, **changed: Any) -> Span:
    """Return the span of a worker that left."""
    fields: dict[str, Any] = {
        "worker": worker,
        "worker_class": worker.partition("-")[0],
        "started_at": at,
        "ready_at": at,
        "seen_at": at + lasts_s,
        "until": at + lasts_s,
        "idle_since": at,
        "usd_per_h": 0.5,
        "ending": str(End.LEFT),
    }
    return Span(**{**fields, **changed})


def test_a_job_is_charged_with_its_workers_time() -> None:
    """Each at its own rate; who has no span, at its class's."""
    units = [
        unit(PLAN, "jetson-1", elapsed_s=36),
        unit(AUDIO, "aws-1", elapsed_s=360),
        chunk(0, "aws-1", elapsed_s=3600),
        chunk(1, "aws-2", elapsed_s=1800),
        chunk(2, "aws-9", elapsed_s=3600),
    ]
    bill = ledger.bill(job(), units, RATES)
    assert bill.usd == pytest.approx(0.0036 * 0.01 + 0.05 + 0.5 + 0.1 + 0.6)
    assert bill.busy_s == {"jetson": 36, "aws": 9360}
    assert (bill.frames, bill.worker_class, bill.is_late) == ({"aws": 300}, "aws", False)


def test_attempts_in_vain_are_charged_and_counted() -> None:
    """Frames are those of chunks; what a silent worker was, its span tells."""
    units = [
        chunk(
            0,
            "jetson-1",
            elapsed_s=10,
            fence=4,
            lost=(
                lost("aws-1", Fate.SILENT, frames=50),
                lost("aws-2", Fate.LEAVING, frames=30, elapsed_s=1800.0),
                lost("aws-7", Fate.SILENT, frames=1),
            ),
        ),
        unit(AUDIO, "jetson-1", elapsed_s=0, lost=(lost("jetson-1", Fate.OUTAGE, frames=999),)),
    ]
    bill = ledger.bill(job(), units, RATES)
    assert bill.lost == {
        ("aws", Fate.SILENT): 1,
        ("aws", Fate.LEAVING): 1,
        (None, Fate.SILENT): 1,
        ("jetson", Fate.OUTAGE): 1,
    }
    assert bill.lost_frames == 81
    assert bill.usd == pytest.approx(0.1 + 0.0036 * 10 / 3600)


def test_what_was_taken_over_is_charged_once() -> None:
    """A unit of the former generation was claimed there, and not here."""
    former = chunk(0, "aws-1", elapsed_s=3600)
    adopted = former.model_copy(update={"generation": 2, "fence": 0})
    bill = ledger.bill(job(generation=2), [former, adopted], RATES)
    assert (bill.usd, bill.frames) == (0.5, {"aws": 100})


def test_what_is_not_finished_is_not_charged_yet() -> None:
    """A leased unit's record says nothing of what it takes."""
    leased = chunk(0, "aws-1", elapsed_s=0, state=State.LEASED, measured=Measured(started_at=NOW))
    assert ledger.bill(job(status=Status.RUNNING, ended_at=None), [leased], RATES).usd == 0


def test_a_job_is_late_after_its_deadline() -> None:
    """An open one is not late yet."""
    assert ledger.bill(job(ended_at=NOW + 1), [], RATES).is_late
    assert not ledger.bill(job(ended_at=None, status=Status.RUNNING), [], RATES).is_late


def test_rates_are_those_of_slots() -> None:
    """And of a worker's last span."""
    spans = [
        made("aws-1", at=NOW, usd_per_h=0.4, slots=2),
        made("aws-1", at=NOW - 9000, usd_per_h=0.9),
    ]
    priced = ledger.rates(spans, {WorkerClass.AWS: 0.526})
    assert (priced.usd_per_h("aws-1", WorkerClass.AWS), priced.usd_per_h("aws-3", WorkerClass.AWS)) == (
        0.2,
        0.526,
    )
    assert priced.usd_per_h("x", None) == 0
    assert priced.classes == {"aws-1": "aws"}


def bills() -> list[Bill]:
    """Return the bills of three jobs: two of the Jetson's, one that AWS helped with."""
    silent, left = lost("aws-1", Fate.SILENT, frames=50), lost("aws-2", Fate.LEAVING)
    by_jetson = [chunk(0, "jetson-1", elapsed_s=1800, lost=(lost("jetson-1", Fate.LEAVING),))]
    by_both = [
        chunk(0, "jetson-1", elapsed_s=1800),
        chunk(1, "aws-1", elapsed_s=900, lost=(silent,)),
        chunk(2, "aws-1", elapsed_s=900, lost=(left, lost("aws-2", Fate.FAILED))),
    ]
    return [
        ledger.bill(job(id="a"), by_jetson, RATES),
        ledger.bill(job(id="b", ended_at=NOW + 5), [chunk(0, "jetson-1", elapsed_s=1800)], RATES),
        ledger.bill(job(id="c"), by_both, RATES),
    ]


def test_a_report_says_what_an_operator_watches() -> None:
    """Shares, work that was cut short, double work, idle time, and how AWS workers ended."""
    spans = [
        made("jetson-1", at=NOW - 7200, lasts_s=7200, usd_per_h=0.0036, busy_s=5400),
        made("aws-1", at=NOW - 7200, busy_s=1800, long_idles=1, long_idle_s=2000),
        made("aws-2", at=NOW - 7200, ending=str(End.SPOT)),
        made("aws-3", at=NOW - 7200, lasts_s=600, ending=""),
        made("aws-4", at=NOW - 60, lasts_s=30, until=NOW + 60, ending=""),
        made("aws-5", at=NOW - 9e5, lasts_s=600),
    ]
    month = [*spans, made("aws-6", at=NOW - 9e5)]
    found = ledger.report(bills(), spans, month, since=NOW - 86_400, now=NOW)
    jetson, aws = sorted(found.shares, key=lambda one: str(one.worker_class), reverse=True)
    assert (jetson.worker_class, jetson.jobs, jetson.frames, jetson.busy_s) == ("jetson", 2, 300, 5400)
    assert (aws.worker_class, aws.jobs, aws.frames, aws.busy_s) == ("aws", 1, 200, 1800)
    assert (aws.silent, aws.left, jetson.left, found.premature) == (1, 1, 1, 2)
    assert found.endings == {"left": 1, "spot": 1, "unfit": 0, "silent": 1}
    assert found.lost == {"failed": 1, "refused": 0, "outage": 0, "redone": 0}
    assert (found.frames, found.lost_frames) == (500, 50)
    assert (aws.total.spans, aws.total.long_idles, aws.total.long_idle_s) == (4, 1, 2000)
    assert found.month_usd["aws"] == pytest.approx(0.5 * (3600 + 3600 + 600 + 60 + 600 + 3600) / 3600)
    assert sum(one.is_late for one in found.bills) == 1


def test_nothing_happened() -> None:
    """That is a report too."""
    found = ledger.report([], [], [], since=NOW - 10, now=NOW)
    assert (found.shares, found.premature, found.frames, found.month_usd) == ((), 0, 0, {})
    assert set(found.endings.values()) == {0}
