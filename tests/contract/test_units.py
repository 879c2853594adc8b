"""The promises of ``ports.store.Units``, kept by DynamoDB's adapter and by the fake."""

from dataclasses import replace

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.failed_attempt import FailedAttempt, Fate
from rugbytx.core.lease.unit import CHECK, Charge, Kind, Lease, Measured, State, UnitKey, UnitProgress
from rugbytx.errors import LeaseLost
from tests.store_bench import CHUNK, LEASE_S, MADE, NO_PROGRESS, NOTHING, OTHER, Bench


def test_first_claim_makes_the_unit(shaky: Bench) -> None:
    """A unit's record springs from its first claim."""
    job = shaky.created()
    assert not shaky.store.units.read("a", 1)
    now = shaky.store.now()
    lease = shaky.store.units.claim(job, CHUNK, None, owner="jetson", lease_s=LEASE_S)
    assert lease is not None
    assert (lease.job_id, lease.generation, lease.key, lease.owner) == ("a", 1, CHUNK, "jetson")
    assert (lease.fence, lease.verdicts, lease.deaths) == (1, 0, 0)
    assert lease.until == pytest.approx(now + LEASE_S, abs=2)
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.state, unit.fence, unit.owner, unit.token) == (State.LEASED, 1, "jetson", lease.token)
    assert unit.lease_until == lease.until
    assert unit.measured.started_at == pytest.approx(now, abs=2)


def test_of_two_claimants_one_wins(shaky: Bench) -> None:
    """Two that saw the same are not both given the unit, whatever they saw."""
    job = shaky.created()
    assert shaky.store.units.claim(job, CHUNK, None, owner="jetson", lease_s=LEASE_S)
    assert shaky.store.units.claim(job, CHUNK, None, owner="aws", lease_s=LEASE_S) is None
    shaky.advance(LEASE_S + 1)
    seen = shaky.unit(job)
    assert shaky.store.units.claim(job, CHUNK, seen, owner="aws", lease_s=LEASE_S)
    assert shaky.store.units.claim(job, CHUNK, seen, owner="jetson", lease_s=LEASE_S) is None
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.owner, unit.fence) == ("aws", 2)


def test_live_lease_is_not_taken(shaky: Bench) -> None:
    """Until the lease ends nobody else gets the unit, not even one that saw it as it is."""
    job = shaky.created()
    shaky.claimed(job)
    shaky.advance(LEASE_S - 5)
    assert shaky.store.units.claim(job, CHUNK, shaky.unit(job), owner="aws", lease_s=LEASE_S) is None


def test_renewal_defeats_a_claim(shaky: Bench) -> None:
    """A claimer that saw the lease run out is beaten by a renewal that came first."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.advance(LEASE_S + 1)
    seen = shaky.unit(job)
    shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    assert shaky.store.units.claim(job, CHUNK, seen, owner="aws", lease_s=LEASE_S) is None


def test_commit_defeats_a_claim(shaky: Bench) -> None:
    """A claimer that saw the lease run out is beaten by the commit that still came."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.advance(LEASE_S + 1)
    seen = shaky.unit(job)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    assert shaky.store.units.claim(job, CHUNK, seen, owner="aws", lease_s=LEASE_S) is None


def test_takeover_counts_a_death(shaky: Bench) -> None:
    """A lease that ran out is a silent death; the fence grows and verdicts stay."""
    job = shaky.created()
    first = shaky.claimed(job)
    shaky.store.units.give_back(first, retry_at=0, reason="cut off", charge=Charge.VERDICT, measured=NOTHING)
    shaky.claimed(job)
    shaky.advance(LEASE_S + 1)
    third = shaky.claimed(job, owner="aws")
    assert (third.fence, third.verdicts, third.deaths) == (3, 1, 1)
    assert third.token != first.token


def test_after_a_takeover_the_first_has_nothing(shaky: Bench) -> None:
    """Whoever lost the lease can neither renew, commit, fail nor give back, and changes nothing."""
    job = shaky.created()
    lost = shaky.claimed(job)
    shaky.advance(LEASE_S + 1)
    shaky.claimed(job, owner="aws")
    stands, wake_at = shaky.unit(job), shaky.read().wake_at
    with pytest.raises(LeaseLost, match=r"VIDEO#00003 of job a"):
        shaky.store.units.renew(lost, lease_s=LEASE_S, progress=NO_PROGRESS)
    with pytest.raises(LeaseLost, match=r"VIDEO#00003 of job a"):
        shaky.store.units.commit(lost, result=MADE, measured=NOTHING)
    with pytest.raises(LeaseLost, match=r"VIDEO#00003 of job a"):
        shaky.store.units.give_back(lost, retry_at=0, reason="", charge=Charge.VERDICT, measured=NOTHING)
    with pytest.raises(LeaseLost, match=r"VIDEO#00003 of job a"):
        shaky.store.units.fail(lost, reason="", measured=NOTHING)
    assert (shaky.unit(job), shaky.read().wake_at) == (stands, wake_at)


def test_renewal_moves_lease_and_wake(shaky: Bench) -> None:
    """The lease grows from the renewal's instant, and the job wakes 5 s past its end, even if that is sooner."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.advance(40)
    progress = UnitProgress(step="encode", frames=500, fps=48.5)
    renewed = shaky.store.units.renew(lease, lease_s=LEASE_S, progress=progress)
    assert renewed == replace(lease, until=renewed.until)
    assert renewed.until == pytest.approx(lease.until + 40, abs=2)
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.lease_until, unit.progress, unit.fence) == (renewed.until, progress, 1)
    assert shaky.read().wake_at == renewed.until + 5
    assert shaky.read().wake_at < job.wake_at


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED, Status.SUCCEEDED])
def test_ended_job_stops_its_heartbeats(shaky: Bench, status: Status) -> None:
    """A renewal for a job that ended is LeaseLost, and does not wake the job."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.store.jobs.end("a", 1, status)
    ended = shaky.read()
    with pytest.raises(LeaseLost, match="job a"):
        shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    assert shaky.read() == ended


def test_a_look_goes_on_though_its_job_has_ended(shaky: Bench) -> None:
    """It begins only then; the job is not woken, and whoever removes it ends the look."""
    job = shaky.created()
    shaky.store.jobs.end("a", 1, Status.SUCCEEDED)
    ended = shaky.read()
    lease = shaky.claimed(job, CHECK)
    renewed = shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    assert shaky.read() == ended
    assert shaky.store.jobs.begin_removal("a", 1)
    shaky.store.jobs.delete("a")
    with pytest.raises(LeaseLost, match="job a"):
        shaky.store.units.renew(renewed, lease_s=LEASE_S, progress=NO_PROGRESS)


def test_next_generation_stops_the_last(shaky: Bench) -> None:
    """Units of two generations are strangers, and the older one's heartbeats stop."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    again = shaky.job(generation=2)
    assert shaky.store.jobs.reopen(again)
    with pytest.raises(LeaseLost, match="job a"):
        shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    assert not shaky.store.units.read("a", 2)
    fresh = shaky.store.units.claim(again, CHUNK, None, owner="aws", lease_s=LEASE_S)
    assert fresh is not None
    assert (fresh.generation, fresh.fence, fresh.deaths) == (2, 1, 0)
    assert shaky.read() == again


def test_commit_makes_done(shaky: Bench) -> None:
    """A committed unit keeps its result and what was measured, and nobody claims it any more."""
    job = shaky.created()
    lease = shaky.claimed(job)
    measured = Measured(worker="jetson", encoder="x264", frames=1800, elapsed_s=41.125, bytes_read=12)
    shaky.store.units.commit(lease, result=MADE, measured=measured)
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.state, unit.result, unit.measured) == (State.DONE, MADE, measured)
    assert (unit.owner, unit.lease_until) == ("", 0.0)
    shaky.advance(1e6)
    assert shaky.store.units.claim(job, CHUNK, unit, owner="aws", lease_s=LEASE_S) is None


def test_commit_again_is_no_defeat(shaky: Bench) -> None:
    """Whoever does not know whether the commit arrived may say it again; the first result stands."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    committed = shaky.unit(job)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    assert shaky.unit(job) == committed
    with pytest.raises(LeaseLost, match=r"no longer leased"):
        shaky.store.units.give_back(lease, retry_at=0, reason="", charge=Charge.VERDICT, measured=NOTHING)
    with pytest.raises(LeaseLost, match=r"no longer leased"):
        shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)


def test_commit_asks_the_fence_and_not_the_clock(shaky: Bench) -> None:
    """A lease that ran out is good for a commit until somebody takes it."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.advance(LEASE_S * 10)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    unit = shaky.unit(job)
    assert unit is not None
    assert unit.state is State.DONE


def test_commit_needs_no_open_job(shaky: Bench) -> None:
    """A unit's commit is about the unit alone."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    unit = shaky.unit(job)
    assert unit is not None
    assert unit.state is State.DONE


def test_a_finished_unit_is_taken_over(shaky: Bench) -> None:
    """The next generation has it DONE, with its result and what it cost, and nobody claims it."""
    job = shaky.created()
    measured = Measured(worker="jetson", frames=1800)
    shaky.store.units.commit(shaky.claimed(job), result=MADE, measured=measured)
    former = shaky.unit(job)
    assert former is not None
    shaky.store.jobs.end("a", 1, Status.FAILED)
    again = shaky.job(generation=2)
    shaky.store.jobs.reopen(again)
    shaky.store.units.carry_over(again, former)
    shaky.store.units.carry_over(again, former)
    unit = shaky.unit(again)
    assert unit is not None
    assert (unit.state, unit.generation, unit.result, unit.measured) == (
        State.DONE,
        2,
        MADE,
        measured,
    )
    assert (unit.fence, unit.owner, unit.verdicts, unit.deaths) == (0, "", 0, 0)
    assert shaky.store.units.claim(again, CHUNK, unit, owner="aws", lease_s=LEASE_S) is None
    assert shaky.unit(job) == former


def test_what_has_a_record_is_not_taken_over(shaky: Bench) -> None:
    """Whoever copies late changes nothing of a unit that somebody works on."""
    job = shaky.created()
    shaky.store.units.commit(shaky.claimed(job), result=MADE, measured=NOTHING)
    former = shaky.unit(job)
    assert former is not None
    again = shaky.job(generation=2)
    lease = shaky.claimed(again)
    shaky.store.units.carry_over(again, former)
    unit = shaky.unit(again)
    assert unit is not None
    assert (unit.state, unit.token) == (State.LEASED, lease.token)
    shaky.store.units.commit(lease, result=OTHER, measured=NOTHING)


@pytest.mark.parametrize(
    ("charge", "verdicts", "refusals", "fate"),
    [
        (Charge.NOTHING, 0, 0, Fate.OUTAGE),
        (Charge.LEAVING, 0, 0, Fate.LEAVING),
        (Charge.VERDICT, 1, 0, Fate.FAILED),
        (Charge.REFUSAL, 0, 1, Fate.REFUSED),
    ],
)
def test_given_back_waits(shaky: Bench, charge: Charge, verdicts: int, refusals: int, fate: Fate) -> None:
    """A unit given back waits for its retry; it is charged with what is said, and repeating it charges once."""
    job = shaky.created()
    lease = shaky.claimed(job)
    retry_at = shaky.store.now() + 30
    measured = Measured(worker="jetson-1", worker_class="jetson", elapsed_s=3.5, frames=100)
    for _ in range(2):
        shaky.store.units.give_back(
            lease, retry_at=retry_at, reason="cut off", charge=charge, measured=measured
        )
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.state, unit.retry_at) == (State.WAITING, retry_at)
    assert (unit.verdicts, unit.refusals) == (verdicts, refusals)
    assert (unit.reason, unit.measured, unit.owner) == ("cut off", measured, "")
    assert shaky.store.units.claim(job, CHUNK, unit, owner="aws", lease_s=LEASE_S) is None
    shaky.advance(31)
    again = shaky.store.units.claim(job, CHUNK, unit, owner="aws", lease_s=LEASE_S)
    assert again is not None
    assert (again.fence, again.verdicts, again.deaths, again.refusals) == (2, verdicts, 0, refusals)
    shaky.store.units.commit(again, result=MADE, measured=NOTHING)
    done = shaky.unit(job)
    assert done
    lost = FailedAttempt(worker="jetson-1", worker_class="jetson", fate=fate, frames=100, elapsed_s=3.5)
    assert done.lost == (lost,)


def test_a_unit_remembers_who_fell_silent(shaky: Bench) -> None:
    """With the frames of the last heartbeat, which are encoded in vain; a renewal and a commit forget nobody."""
    job = shaky.created()
    first = shaky.claimed(job, owner="aws-1")
    shaky.store.units.renew(first, lease_s=LEASE_S, progress=UnitProgress(step="encode", frames=500))
    shaky.advance(LEASE_S + 1)
    shaky.claimed(job, owner="aws-2")
    shaky.advance(LEASE_S + 1)
    third = shaky.claimed(job, owner="jetson-1")
    third = shaky.store.units.renew(third, lease_s=LEASE_S, progress=NO_PROGRESS)
    shaky.store.units.commit(third, result=MADE, measured=NOTHING)
    done = shaky.unit(job)
    assert done
    assert [(lost.worker, lost.fate, lost.frames) for lost in done.lost] == [
        ("aws-1", Fate.SILENT, 500),
        ("aws-2", Fate.SILENT, 0),
    ]


def test_failed_is_the_end(shaky: Bench) -> None:
    """A unit that no worker can do carries its verdict and reason, is claimed no more, and wakes its job at once."""
    job = shaky.created()
    lease = shaky.claimed(job)
    for _ in range(2):
        shaky.store.units.fail(lease, reason="it is no film", measured=Measured(worker="jetson"))
    unit = shaky.unit(job)
    assert unit is not None
    assert (unit.state, unit.verdicts, unit.reason) == (State.FAILED, 1, "it is no film")
    assert (unit.owner, unit.lease_until, unit.measured.worker) == ("", 0, "jetson")
    assert shaky.read().wake_at == pytest.approx(shaky.store.now(), abs=2)
    shaky.advance(LEASE_S + 1)
    assert shaky.store.units.claim(job, CHUNK, unit, owner="aws", lease_s=LEASE_S) is None
    for late in (
        lambda: shaky.store.units.commit(lease, result=MADE, measured=NOTHING),
        lambda: shaky.store.units.give_back(
            lease, retry_at=0, reason="", charge=Charge.NOTHING, measured=NOTHING
        ),
        lambda: shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS),
    ):
        with pytest.raises(LeaseLost):
            late()


def test_giving_back_brings_the_wake_nearer(shaky: Bench) -> None:
    """The job wakes at the retry, or at once; never later than it would have."""
    job = shaky.created()
    now = shaky.store.now()
    first, second, third = (shaky.claimed(job, UnitKey(Kind.VIDEO, index)) for index in range(3))

    def wake_after(lease: Lease, retry_at: float) -> float:
        shaky.store.units.give_back(
            lease, retry_at=retry_at, reason="", charge=Charge.NOTHING, measured=NOTHING
        )
        return shaky.read().wake_at

    assert wake_after(first, now + 60) == now + 60
    assert wake_after(second, now + 90) == now + 60
    assert wake_after(third, 0) == pytest.approx(now, abs=2)


def test_giving_back_to_an_ended_job(shaky: Bench) -> None:
    """A unit may be given back after its job ended; the job stays asleep."""
    job = shaky.created()
    lease = shaky.claimed(job)
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    shaky.store.units.give_back(lease, retry_at=0, reason="", charge=Charge.NOTHING, measured=NOTHING)
    assert shaky.read().wake_at == job.wake_at
