"""The promises of the store about pins and presence, kept by DynamoDB's adapters and by the fakes."""

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Repinned, Status
from rugbytx.core.lease.unit import State
from rugbytx.core.record import SCHEMA
from tests.store_bench import CHUNK, LEASE_S, MADE, NOTHING, OTHER, PROFILE, Bench

PINNED = PROFILE.model_copy(update={"splice": False})
LOST = Repinned(at=1.5, former="a", frames=120, reason="gone")


def pinned(job: Job, maker: str, *lost: Repinned) -> Job:
    """Return the job, pinned to ``maker`` with nothing done but the plan."""
    return job.model_copy(
        update={"pin": maker, "repinned": (*job.repinned, *lost), "done": frozenset({"PLAN"})}
    )


def test_a_claim_says_whose_encoder_it_is(shaky: Bench) -> None:
    """The unit's record has the maker, under the lease and after it."""
    job = shaky.created()
    lease = shaky.store.units.claim(job, CHUNK, None, owner="jetson", lease_s=LEASE_S, maker="a")
    assert lease
    leased = shaky.unit(job)
    shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    done = shaky.unit(job)
    assert leased
    assert done
    assert (leased.maker, done.maker) == ("a", "a")


def test_a_pin_stands_where_it_was_seen(shaky: Bench) -> None:
    """Of two lanes that saw the same job one pins it, and nothing but pin and finished units changes."""
    job = shaky.created(profile=PINNED, done=frozenset({"PLAN", "VIDEO#00003"}))
    shaky.store.jobs.repin(pinned(job, "a"), seen=job)
    first = shaky.read()
    assert first == pinned(job, "a")
    shaky.store.jobs.repin(pinned(job, "b"), seen=job)
    assert shaky.read() == first
    shaky.store.jobs.repin(pinned(first, "b", LOST), seen=first)
    assert shaky.read() == pinned(first, "b", LOST)


def test_a_pin_that_came_back_is_another(shaky: Bench) -> None:
    """What was decided on the first of two pins to one encoder does not undo the second."""
    job = shaky.created(profile=PINNED)
    shaky.store.jobs.repin(pinned(job, "a"), seen=job)
    first = shaky.read()
    shaky.store.jobs.repin(pinned(first, "b", LOST), seen=first)
    second = shaky.read()
    shaky.store.jobs.repin(pinned(second, "a", LOST), seen=second)
    third = shaky.read()
    shaky.store.jobs.repin(pinned(first, "c", LOST), seen=first)
    assert shaky.read() == third


def test_an_ended_job_is_not_pinned(shaky: Bench) -> None:
    """Nor is one of another generation."""
    job = shaky.created(profile=PINNED)
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    ended = shaky.read()
    shaky.store.jobs.repin(pinned(job, "a"), seen=job)
    shaky.store.jobs.repin(pinned(job, "a"), seen=job.model_copy(update={"generation": 2}))
    assert shaky.read() == ended


def test_a_chunk_of_a_former_pin_is_claimed_anew(shaky: Bench) -> None:
    """Under the next fence, by one of two, and nobody was silent or failed."""
    job = shaky.created(profile=PINNED, pin="a")
    first = shaky.store.units.claim(job, CHUNK, None, owner="jetson", lease_s=LEASE_S, maker="a")
    assert first
    shaky.store.units.commit(first, result=MADE, measured=NOTHING)
    done = shaky.unit(job)
    assert shaky.store.units.claim(job, CHUNK, done, owner="aws", lease_s=LEASE_S, maker="b") is None
    anew = job.model_copy(update={"pin": "b"})
    lease = shaky.store.units.claim(anew, CHUNK, done, owner="aws", lease_s=LEASE_S, maker="b")
    assert lease
    assert (lease.fence, lease.deaths, lease.verdicts) == (2, 0, 0)
    assert shaky.store.units.claim(anew, CHUNK, done, owner="jetson", lease_s=LEASE_S, maker="b") is None
    shaky.store.units.commit(lease, result=OTHER, measured=NOTHING)
    unit = shaky.unit(job)
    assert unit
    assert (unit.state, unit.result, unit.maker) == (State.DONE, OTHER, "b")
    assert shaky.store.units.claim(anew, CHUNK, unit, owner="jetson", lease_s=LEASE_S, maker="b") is None


def worker(bench: Bench, name: str, *, lasts_s: float = 60.0) -> Worker:
    """Return what a worker says now."""
    now = bench.store.now()
    return Worker(
        name=name,
        worker_class="jetson",
        slots=2,
        busy=1,
        encoder="x264",
        maker="a",
        seen_at=now,
        until=now + lasts_s,
        jobs=("a", "b"),
        speeds=(1.5e8, 1.25e8),
        temperature_c=61.5,
    )


def test_who_said_so_lately_lives(shaky: Bench) -> None:
    """A worker lives until its word has run out, however often it said it; one that leaves is gone at once."""
    jetson, aws = worker(shaky, "jetson"), worker(shaky, "aws", lasts_s=30.0)
    for one in (jetson, aws, jetson):
        shaky.store.workers.announce(one)
    assert sorted(shaky.store.workers.list(), key=lambda one: one.name) == [aws, jetson]
    shaky.advance(31)
    assert shaky.store.workers.list() == [jetson]
    shaky.store.workers.withdraw("jetson")
    shaky.store.workers.withdraw("nobody")
    assert shaky.store.workers.list() == []


def test_a_newer_workers_word_is_not_read(shaky: Bench) -> None:
    """What a newer version means by it this one does not know."""
    shaky.store.workers.announce(worker(shaky, "newer").model_copy(update={"schema_number": SCHEMA + 1}))
    assert shaky.store.workers.list() == []
