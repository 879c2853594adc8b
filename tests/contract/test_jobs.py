"""The promises of ``ports.store.Jobs``, kept by DynamoDB's adapter and by the fake."""

import pytest

from rugbytx.core.job.cursor import mark_of
from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import AUDIO, PLAN, Kind, UnitKey
from rugbytx.core.record import SCHEMA
from rugbytx.errors import HostUnfit, LeaseLost, Unreachable, WrittenByNewer
from tests.fakes.store import FakeStore
from tests.store_bench import CHUNK, LEASE_S, MADE, NO_PROGRESS, NOTHING, OUTPUTS, Bench


def test_job_reads_back_as_it_was_written(shaky: Bench) -> None:
    """Every field of a job survives the store."""
    job = shaky.job(chunk_s=30.5, done=frozenset({"PLAN"}), units=3, reason="", started_at=1.25)
    assert shaky.store.jobs.create(job) == job
    assert shaky.store.jobs.read("a") == job


def test_no_such_job_is_none(bench: Bench) -> None:
    """A job that nobody submitted is not there."""
    assert bench.store.jobs.read("nobody") is None


def test_second_submission_finds_the_first(shaky: Bench) -> None:
    """The record that stands is the first one's."""
    first = shaky.created()
    shaky.advance(10)
    assert shaky.store.jobs.create(shaky.job()) == first
    assert shaky.read() == first


def test_deadline_only_moves_forward(shaky: Bench) -> None:
    """An earlier deadline is taken, a later one is not."""
    job = shaky.created()
    shaky.store.jobs.tighten_deadline("a", 1, deadline_at=job.deadline_at - 60)
    shaky.store.jobs.tighten_deadline("a", 1, deadline_at=job.deadline_at - 30)
    shaky.store.jobs.tighten_deadline("a", 2, deadline_at=job.deadline_at - 90)
    assert shaky.read().deadline_at == job.deadline_at - 60


def test_started_once(shaky: Bench) -> None:
    """The first start counts, and a second changes nothing."""
    shaky.created()
    shaky.store.jobs.start("a", 1)
    started = shaky.read()
    assert started.status is Status.RUNNING
    shaky.advance(50)
    shaky.store.jobs.start("a", 1)
    assert shaky.read() == started


def test_plan_is_noted(shaky: Bench) -> None:
    """The record says how large the plan is."""
    shaky.created()
    shaky.store.jobs.record_plan("a", 1, units=12, frames=18_000, work_px=6.5e10)
    assert (shaky.read().units, shaky.read().frames, shaky.read().work_px) == (12, 18_000, 6.5e10)


def test_wake_is_set_while_open(shaky: Bench) -> None:
    """``wake_at`` moves either way, ``resends`` only when it is given."""
    job = shaky.created()
    assert shaky.store.jobs.set_wake("a", 1, wake_at=job.wake_at + 7, resends=2)
    assert shaky.store.jobs.set_wake("a", 1, wake_at=job.wake_at - 7)
    assert (shaky.read().wake_at, shaky.read().resends) == (job.wake_at - 7, 2)


def test_wake_is_refused_when_not_open(bench: Bench) -> None:
    """An ended job, another generation and a job that never was are not woken."""
    job = bench.created()
    assert not bench.store.jobs.set_wake("a", 2, wake_at=1.0)
    assert not bench.store.jobs.set_wake("nobody", 1, wake_at=1.0)
    bench.store.jobs.end("a", 1, Status.CANCELLED)
    assert not bench.store.jobs.set_wake("a", 1, wake_at=1.0)
    assert bench.read().wake_at == job.wake_at
    assert bench.store.jobs.read("nobody") is None


def test_job_ends_once(shaky: Bench) -> None:
    """The first end stands; saying it again is True, and saying otherwise is False."""
    shaky.created()
    assert shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    ended = shaky.read()
    assert (ended.status, ended.outputs, ended.is_open) == (Status.SUCCEEDED, OUTPUTS, False)
    shaky.advance(5)
    assert shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    others = OUTPUTS.model_copy(update={"manifest_key": "out/a/1/other.json"})
    assert not shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=others)
    assert not shaky.store.jobs.end("a", 1, Status.FAILED, reason="too late")
    assert not shaky.store.jobs.end("nobody", 1, Status.FAILED)
    assert shaky.read() == ended


def test_failed_job_says_why(shaky: Bench) -> None:
    """The reason is on the record."""
    shaky.created()
    assert shaky.store.jobs.end("a", 1, Status.FAILED, reason="this is not a video")
    assert shaky.read().reason == "this is not a video"
    assert shaky.read().ended_at is not None


def test_ended_job_opens_again(shaky: Bench) -> None:
    """The next generation replaces the last, whole; opening it again is True, as long as it is the same."""
    first = shaky.created()
    shaky.store.jobs.add_done("a", 1, [PLAN])
    second = shaky.job(generation=2)
    assert not shaky.store.jobs.reopen(second)
    assert shaky.read().generation == 1
    shaky.store.jobs.end("a", 1, Status.FAILED, reason="bad luck")
    assert shaky.store.jobs.reopen(second)
    assert shaky.read() == second
    shaky.store.jobs.start("a", 2)
    assert shaky.store.jobs.reopen(second)
    shaky.advance(1)
    assert not shaky.store.jobs.reopen(shaky.job(generation=2))
    assert not shaky.store.jobs.reopen(shaky.job("nobody", generation=2))
    assert not shaky.store.jobs.end("a", first.generation, Status.CANCELLED)
    assert shaky.read().status is Status.RUNNING


def test_done_units_add_up(shaky: Bench) -> None:
    """Finished units join the set once, in their generation only, and also after the end."""
    shaky.created()
    shaky.store.jobs.add_done("a", 1, [PLAN, CHUNK])
    shaky.store.jobs.add_done("a", 1, [CHUNK])
    shaky.store.jobs.add_done("a", 1, [])
    shaky.store.jobs.add_done("a", 2, [AUDIO])
    shaky.store.jobs.add_done("nobody", 1, [AUDIO])
    assert shaky.read().done == {"PLAN", "VIDEO#00003"}
    shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    shaky.store.jobs.add_done("a", 1, [AUDIO])
    assert shaky.read().done == {"PLAN", "VIDEO#00003", "AUDIO"}


def test_lists_are_in_order(bench: Bench) -> None:
    """``list_jobs`` begins with the last submitted, ``open_jobs`` with the first that is RUNNING."""
    for job_id in "abcde":
        bench.created(job_id)
        bench.advance(1)
    bench.store.jobs.start("b", 1)
    bench.store.jobs.end("c", 1, Status.CANCELLED)
    store = bench.store
    assert [job.id for job in store.jobs.list()] == ["e", "d", "c", "b", "a"]
    assert [job.id for job in store.jobs.list(limit=2)] == ["e", "d"]
    assert [job.id for job in store.jobs.list(status=Status.QUEUED, limit=2)] == ["e", "d"]
    assert [job.id for job in store.jobs.list(status=Status.CANCELLED)] == ["c"]
    assert [job.id for job in store.jobs.list_open(100)] == ["b", "a", "d", "e"]
    assert [job.id for job in store.jobs.list_open(2)] == ["b", "a", "d"]


def test_pages_of_a_list_hold_each_job_once(bench: Bench) -> None:
    """Page by page every job comes once, in order, also where many were submitted at one instant."""
    at = bench.store.now()
    for index in range(7):
        job = bench.job(id=f"{index}", submitted_at=at - (index // 4))
        bench.store.jobs.create(job)
        if index % 2:
            bench.store.jobs.end(job.id, 1, Status.CANCELLED)
    for status, wanted in {None: "3210654", Status.QUEUED: "2064", Status.CANCELLED: "315"}.items():
        listed, before = [], None
        while page := bench.store.jobs.list(status=status, limit=2, before=before):
            assert len(page) <= 2
            listed += [job.id for job in page]
            before = mark_of(page[-1])
        assert "".join(listed) == wanted


def test_deleted_job_leaves_nothing(shaky: Bench) -> None:
    """Job and units of all generations go, however many, and the neighbour stays."""
    job, neighbour = shaky.created(), shaky.created("b")
    lease = shaky.claimed(job)
    for index in range(10, 36):  # more than a batch holds
        key = UnitKey(Kind.VIDEO, index)
        assert shaky.store.units.claim(job, key, None, owner="jetson", lease_s=LEASE_S)
    later = job.model_copy(update={"generation": 2})
    shaky.claimed(later, PLAN)
    shaky.claimed(neighbour, PLAN)
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    assert shaky.store.jobs.begin_removal("a", 1)
    shaky.store.jobs.delete("a")
    shaky.store.jobs.delete("a")
    assert shaky.store.jobs.read("a") is None
    assert not shaky.store.units.read("a", 1)
    assert not shaky.store.units.read("a", 2)
    assert list(shaky.store.units.read("b", 1)) == [PLAN]
    with pytest.raises(LeaseLost):
        shaky.store.units.commit(lease, result=MADE, measured=NOTHING)
    with pytest.raises(LeaseLost):
        shaky.store.units.renew(lease, lease_s=LEASE_S, progress=NO_PROGRESS)
    assert not shaky.store.units.read("a", 1)


def test_only_an_ended_job_can_begin_to_go(shaky: Bench) -> None:
    """An open job, another generation and a job that never was are not marked, and stay as they are."""
    shaky.created()
    assert not shaky.store.jobs.begin_removal("a", 1)
    assert not shaky.store.jobs.begin_removal("nobody", 1)
    shaky.store.jobs.end("a", 1, Status.FAILED)
    assert not shaky.store.jobs.begin_removal("a", 2)
    assert shaky.read().removed_at is None
    assert shaky.store.jobs.begin_removal("a", 1)
    assert shaky.store.jobs.begin_removal("a", 1)
    assert shaky.read().removed_at is not None
    assert shaky.store.jobs.read("nobody") is None


def test_what_is_going_does_not_open_again(shaky: Bench) -> None:
    """From the mark on nobody can lose a generation to the removal."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.FAILED)
    shaky.store.jobs.begin_removal("a", 1)
    assert not shaky.store.jobs.reopen(shaky.job(generation=2))
    assert shaky.read().generation == 1


def test_what_opened_again_is_not_deleted(shaky: Bench) -> None:
    """A removal that comes too late touches neither the job nor its units."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.FAILED)
    again = shaky.job(generation=2)
    assert shaky.store.jobs.reopen(again)
    assert not shaky.store.jobs.begin_removal("a", 1)
    shaky.claimed(again, PLAN)
    shaky.store.jobs.delete("a")
    assert shaky.read() == again
    assert list(shaky.store.units.read("a", 2)) == [PLAN]


def test_what_a_generation_takes_over_is_on_the_record(shaky: Bench) -> None:
    """So is what the last one that succeeded published."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    names = ("PLAN", "VIDEO#00003")
    second = shaky.job(generation=2, adopted=names, done=frozenset(names), published=OUTPUTS)
    assert shaky.store.jobs.reopen(second)
    assert shaky.read() == second
    assert shaky.store.jobs.reopen(second)
    assert shaky.store.jobs.end("a", 2, Status.FAILED, reason="bad luck")
    assert shaky.store.jobs.end("a", 2, Status.FAILED, reason="bad luck")
    assert (shaky.read().outputs, shaky.read().published) == (None, OUTPUTS)


def test_newer_schema_is_left_alone(bench: Bench) -> None:
    """A newer version's job is neither read nor changed, lists pass over it, and nobody is charged."""
    newer = bench.job(schema_number=SCHEMA + 1)
    assert bench.store.jobs.create(newer) == newer
    with pytest.raises(WrittenByNewer, match=r"job a was written by a newer rugbytx \(schema 2\)"):
        bench.store.jobs.read("a")
    with pytest.raises(HostUnfit):
        bench.store.jobs.create(bench.job())
    with pytest.raises(HostUnfit):
        bench.store.jobs.tighten_deadline("a", 1, deadline_at=1.0)
    with pytest.raises(HostUnfit):
        bench.store.jobs.set_wake("a", 1, wake_at=1.0)
    with pytest.raises(HostUnfit):
        bench.store.jobs.end("a", 1, Status.FAILED)
    with pytest.raises(HostUnfit):
        bench.store.jobs.add_done("a", 1, [PLAN])
    with pytest.raises(HostUnfit):
        bench.store.jobs.reopen(bench.job(generation=2))
    bench.created("b")
    assert [job.id for job in bench.store.jobs.list()] == ["b"]
    assert [job.id for job in bench.store.jobs.list_open(10)] == ["b"]


def test_fake_lists_answer_stale() -> None:
    """Only the fake can promise it: a stale list is one write behind, and reads of a job are not."""
    store = FakeStore()
    bench = Bench(store=store, advance=store.clock.advance, lose_answers=lambda: None)
    bench.created()
    store.table.stale = True
    bench.created("b")
    assert [job.id for job in store.jobs.list()] == ["a"]
    assert [job.id for job in store.jobs.list_open(10)] == ["a"]
    assert store.jobs.read("b") is not None


def test_fake_that_is_down_is_unreachable() -> None:
    """A store that does not answer says so, whatever it is asked."""
    store = FakeStore()
    store.table.down = True
    with pytest.raises(Unreachable):
        store.now()
    with pytest.raises(Unreachable):
        store.jobs.list()
