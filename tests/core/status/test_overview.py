"""A job at a glance."""

from rugbytx.core.cost.ledger import SlotPrices
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
from rugbytx.core.lease.unit import AUDIO, PLAN, PUBLISH, Kind, Measured, State, Unit, UnitKey, UnitProgress
from rugbytx.core.status.overview import FREE, LAPSED, summarize, summarize_unplanned
from tests.connection import NOW, make_job
from tests.plans import small_plan

PRICED = SlotPrices(
    by_class={WorkerClass.JETSON: 0.0036, WorkerClass.AWS: 0.72}, usd_per_gb={WorkerClass.JETSON: 0.1}
)
FREE_OF_CHARGE = SlotPrices(by_class={})
CHUNKS = [UnitKey(Kind.VIDEO, index) for index in range(4)]


def unit(key: UnitKey, **fields: object) -> Unit:
    """Return a unit's record."""
    return Unit.model_validate({"key": str(key), "generation": 1, "state": State.DONE, "fence": 1, **fields})


def done(key: UnitKey, worker_class: str, fingerprint: str = "", **fields: object) -> Unit:
    """Return a finished unit that took a hundred seconds."""
    told = Measured(
        worker=f"{worker_class}-1@pitch",
        worker_class=worker_class,
        fingerprint=fingerprint,
        frames=50 if key.kind is Kind.VIDEO else 0,
        elapsed_s=100.0,
    )
    return unit(key, **{"measured": told, **fields})


def running(**fields: object) -> Job:
    """Return a job under way, of four chunks of fifty frames."""
    return make_job(status=Status.RUNNING, **{"frames": 200, "units": 7, **fields})


def planned() -> Unit:
    """Return the unit that made the plan."""
    return done(PLAN, "jetson", result=small_plan(chunks=4).model_dump_json())


def test_every_unit_of_the_plan_has_a_piece_in_order() -> None:
    """Also those that nobody has claimed; a lease that ran out is told from one that lasts."""
    units = {
        PLAN: planned(),
        CHUNKS[0]: done(CHUNKS[0], "jetson", "a"),
        CHUNKS[1]: unit(
            CHUNKS[1],
            state=State.LEASED,
            owner="aws-1@cloud",
            lease_until=NOW + 60,
            progress=UnitProgress(step="encode", frames=10, fps=25.0),
        ),
        CHUNKS[2]: unit(CHUNKS[2], state=State.LEASED, owner="aws-2@cloud", lease_until=NOW - 1),
    }
    worker = Worker(name="aws-1@cloud", worker_class="aws", slots=1, busy=1, seen_at=NOW, until=NOW + 60)
    found = summarize(running(), units, [worker], priced=PRICED, now=NOW)
    assert [(unit.key, unit.state) for unit in found.units if unit.key != AUDIO] == [
        (PLAN, "DONE"),
        (CHUNKS[0], "DONE"),
        (CHUNKS[1], "LEASED"),
        (CHUNKS[2], LAPSED),
        (CHUNKS[3], FREE),
        (PUBLISH, FREE),
    ]
    at_work = next(unit for unit in found.units if unit.key == CHUNKS[1])
    assert (at_work.worker_class, at_work.step, at_work.fps) == ("aws", "encode", 25.0)
    assert found.percent == 30
    assert found.worker_classes == ("jetson", "aws")


def test_splices_stand_where_two_encoders_meet() -> None:
    """Not beside a chunk that nobody has made yet, and not between other units."""
    makers = {0: "a", 1: "a", 2: "b"}
    units = {PLAN: planned()} | {
        CHUNKS[index]: done(CHUNKS[index], "jetson", maker) for index, maker in makers.items()
    }
    found = summarize(running(), units, (), priced=FREE_OF_CHARGE, now=NOW)
    assert [unit.key for unit in found.units if unit.is_splice] == [CHUNKS[2]]
    del units[CHUNKS[1]]
    found = summarize(running(), units, (), priced=FREE_OF_CHARGE, now=NOW)
    assert not any(unit.is_splice for unit in found.units)


def test_cost_counts_every_attempt_once() -> None:
    """Those that came to nothing too, and none that was taken over."""
    lost = FailedAttempt(worker="aws-1@cloud", worker_class="aws", fate=Fate.LEAVING, elapsed_s=50.0)
    units = {
        PLAN: planned(),
        CHUNKS[0]: done(CHUNKS[0], "aws", lost=(lost,)),
        CHUNKS[1]: done(CHUNKS[1], "aws", fence=0),
    }
    found = summarize(running(adopted=(str(CHUNKS[1]),)), units, (), priced=PRICED, now=NOW)
    # 100 s of a jetson's slot, and 150 s of an AWS worker's.
    assert round(found.usd, 6) == round(100 / 3600 * 0.0036 + 150 / 3600 * 0.72, 6)
    assert {unit.key for unit in found.units if unit.is_adopted} == {CHUNKS[1]}


def test_all_is_done_only_at_the_end() -> None:
    """What follows the last frame takes time too; a job that ended otherwise has no share."""
    units = {PLAN: planned()} | {key: done(key, "jetson", "a") for key in CHUNKS}
    assert summarize(running(), units, (), priced=FREE_OF_CHARGE, now=NOW).percent == 99
    for status, percent in {Status.SUCCEEDED: 100, Status.FAILED: None, Status.CANCELLED: None}.items():
        ended = make_job(status=status, ended_at=NOW + 5, frames=200)
        assert summarize(ended, units, (), priced=FREE_OF_CHARGE, now=NOW + 99_999).percent == percent
        assert summarize_unplanned(ended, now=NOW + 99_999).percent == percent


def test_late_is_judged_by_the_end_or_by_now() -> None:
    """A job that ended in time stays in time."""
    job = make_job(deadline_at=NOW + 10)
    assert not summarize_unplanned(job, now=NOW + 9).is_late
    assert summarize_unplanned(job, now=NOW + 11).is_late
    ended = make_job(status=Status.SUCCEEDED, deadline_at=NOW + 10, ended_at=NOW + 9)
    assert not summarize_unplanned(ended, now=NOW + 99).is_late
