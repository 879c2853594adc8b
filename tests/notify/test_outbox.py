"""The outbox, worked off by notifiers that fail and die."""

import json
from contextlib import suppress
from typing import Any, cast

import pytest

from rugbytx.control import job as control
from rugbytx.control import webhook
from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.notify.notification import PATIENCE_S, DispatchState
from rugbytx.errors import RugbytxError
from rugbytx.notify.outbox import GUARD_S, ErrandRunner, deadline_at_risk
from rugbytx.ports import Courier
from rugbytx.urls import OutputBucket
from tests.connection import OUTPUTS, Fakes, make_job
from tests.fakes.courier import FakeCourier
from tests.worker.faults import FAULTS, Recorder
from tests.worker.scenes import Fault
from tests.worker.world import Call, Crash, OnCall, Plug, plugged

A, B = "https://a.example/hook", "https://b.example/hook"
BUS = "eventbridge:games"
PLACE = OutputBucket(bucket="rugbytx-output", s3_url="http://127.0.0.1:5000")


class Post:
    """A store of fakes, an outbox round it, and the targets."""

    def __init__(self, *, on_call: OnCall = Call.do, everywhere: tuple[str, ...] = ()) -> None:
        self.fakes = Fakes()
        self.store, self.courier = self.fakes.store, FakeCourier()
        self.runner = ErrandRunner(
            store=plugged(self.store, on_call),
            courier=cast("Courier", Plug("courier", self.courier, on_call)),
            place=PLACE,
            everywhere=everywhere,
            threads=1,
        )

    def job(self, *targets: str, **fields: object) -> Job:
        """Return an open job that tells these targets."""
        job = make_job(notify=frozenset(targets)).model_copy(update=fields)
        return self.store.jobs.create(job)

    def end(self, job: Job, status: Status = Status.SUCCEEDED) -> None:
        """End it."""
        outputs: Outputs | None = OUTPUTS if status is Status.SUCCEEDED else None
        assert self.store.jobs.end(job.id, job.generation, status, reason="why", outputs=outputs)

    def work(self, *, rounds: int = 1, every_s: float = 5.0) -> None:
        """Let notifiers run, one after the other: one that dies is followed by the next."""
        for _ in range(rounds):
            with suppress(Crash, RugbytxError):
                self.runner.run_due()
            self.store.clock.advance(every_s)


def test_an_end_is_told_once_with_its_url() -> None:
    """By one body for all targets, and the outbox is empty then."""
    post = Post(everywhere=(BUS,))
    job = post.job(A, B)
    post.end(job)
    post.work(rounds=5)
    told = f"{job.id}-g1-succeeded"
    assert post.courier.got == {A: [told], B: [told], BUS: [told]}
    (text,) = post.courier.bodies[told]
    body = json.loads(text)
    assert (body["schema"], body["id"], body["type"]) == (1, told, "job.succeeded")
    assert body["master_url"] == "http://127.0.0.1:5000/rugbytx-output/out/x/g1/master-f1.m3u8"
    assert post.store.outbox.list_errands(10, due=False) == []


def test_one_that_fails_nine_times_gets_all_in_order() -> None:
    """Risk, failure and the second generation's end; the others have them long before."""
    post = Post()
    post.courier.refusals[A] = 9
    job = post.job(A, B)
    deadline_at_risk(post.store, job, finish_at=1.0, reason="too-much-work")
    post.work()
    post.end(job, Status.FAILED)
    post.work()
    retried = control.retry(job.id, post.fakes.connection).job
    post.work()
    post.end(retried)
    post.work(rounds=2)
    expected = [f"{job.id}-g1-deadline-at-risk", f"{job.id}-g1-failed", f"{job.id}-g2-succeeded"]
    assert (post.courier.got.get(A), post.courier.got[B]) == (None, expected)
    post.work(rounds=60, every_s=60.0)
    assert post.courier.got[A] == expected


def test_a_target_that_breaks_the_courier_starves_no_other_and_is_given_up() -> None:
    """Whatever it raises is a failed try, noted like the others."""
    post = Post()
    post.courier.faults[A] = UnicodeError("label empty or too long")
    job = post.job(A, B)
    post.end(job)
    post.work()
    assert post.courier.got == {B: [f"{job.id}-g1-succeeded"]}
    (note,) = post.store.outbox.list_notifications(job.id)
    (broken,) = [dispatch for dispatch in note.dispatches if dispatch.target == A]
    assert (broken.state, broken.tries) == (DispatchState.WAITING, 1)
    post.work(rounds=3, every_s=PATIENCE_S)
    (note,) = post.store.outbox.list_notifications(job.id)
    assert {dispatch.target: dispatch.state for dispatch in note.dispatches} == {
        A: DispatchState.GIVEN_UP,
        B: DispatchState.DELIVERED,
    }


def test_what_was_noted_in_vain_is_not_told() -> None:
    """A worker died between noting an end and the end, and the job ends otherwise."""
    post = Post()
    job = post.job(A)
    record = post.store.jobs.read(job.id)
    assert record is not None
    post.end(job, Status.FAILED)
    post.store.table.put_job(record)
    post.work(rounds=3)
    assert post.courier.tries == 0
    post.end(job, Status.SUCCEEDED)
    post.work(rounds=3, every_s=60.0)
    assert post.courier.got[A] == [f"{job.id}-g1-succeeded"]


def test_an_end_is_told_though_the_next_generation_is_open() -> None:
    """Somebody retried before the notifier came."""
    post = Post()
    job = post.job(A)
    post.end(job, Status.CANCELLED)
    control.retry(job.id, post.fakes.connection)
    post.work(rounds=2)
    assert post.courier.got[A] == [f"{job.id}-g1-cancelled"]


def test_a_risk_is_told_once_a_generation() -> None:
    """However often the autoscaler says so, and not after the end."""
    post = Post()
    job = post.job(A)
    for _ in range(3):
        deadline_at_risk(post.store, job, finish_at=1.0, reason="too-much-work")
        post.work()
    assert post.courier.got[A] == [f"{job.id}-g1-deadline-at-risk"]
    other = post.job(A, id="f" * 20)
    post.end(other)
    post.work()
    deadline_at_risk(post.store, other, finish_at=1.0, reason="too-much-work")
    post.work(rounds=3)
    assert post.courier.got[A][1:] == [f"{other.id}-g1-succeeded"]


def test_what_was_given_up_is_seen_and_replayed() -> None:
    """After a day of refusals; its id is the same."""
    post = Post()
    post.courier.refusals[A] = 1000
    job = post.job(A)
    post.end(job)
    post.work(rounds=60, every_s=PATIENCE_S / 40)
    (note,) = webhook.pending(post.store.outbox)
    assert [one.state for one in note.dispatches] == [DispatchState.GIVEN_UP]
    tries = post.courier.tries
    post.work(rounds=3, every_s=PATIENCE_S)
    assert post.courier.tries == tries
    post.courier.refusals.clear()
    assert [count for _, count in webhook.replay((), post.store, every=False, by="ann@desk")] == [1]
    post.work(rounds=2)
    assert post.courier.got[A] == [note.id]
    assert webhook.pending(post.store.outbox) == []
    assert list(webhook.replay([job.id], post.store, every=True, by="ann@desk"))
    post.work(rounds=2)
    assert post.courier.got[A] == [note.id, note.id]


def test_what_is_noted_during_an_errand_is_not_lost() -> None:
    """A second notification in the same second, while the first is on its way."""

    def on_call(call: Call) -> Any:
        answer = call.do()
        if call.name == "courier.deliver" and len(post.courier.got[A]) == 1:
            post.end(job)
        return answer

    post = Post(on_call=on_call)
    job = post.job(A)
    deadline_at_risk(post.store, job, finish_at=1.0, reason="too-much-work")
    post.work(rounds=2)
    assert post.courier.got[A] == [f"{job.id}-g1-deadline-at-risk", f"{job.id}-g1-succeeded"]


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_whenever_a_notifier_dies(fault: Fault) -> None:
    """Each target gets each notification, in order, and knows a second copy by its id."""

    def play(recorder: Recorder) -> None:
        post = Post(on_call=recorder)
        post.courier.refusals[A] = 1
        job = post.job(A, B)
        deadline_at_risk(post.store, job, finish_at=1.0, reason="too-much-work")
        post.work()
        post.end(job)
        post.work(rounds=4)
        post.work(rounds=8, every_s=GUARD_S)
        expected = [f"{job.id}-g1-deadline-at-risk", f"{job.id}-g1-succeeded"]
        for target in (A, B):
            assert list(dict.fromkeys(post.courier.got[target])) == expected
        assert post.store.outbox.list_errands(10, due=False) == []

    undisturbed = Recorder()
    play(undisturbed)
    for number in range(len(undisturbed.steps)):
        play(Recorder(fault, at=number))
