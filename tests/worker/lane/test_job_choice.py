"""Between its units a lane serves the job that cannot wait, and an AWS lane leaves what the Jetson does in time."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import PLAN, Charge
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.errors import HostUnfit
from tests.store_bench import NOTHING
from tests.worker.scenes import assert_well
from tests.worker.world import Call, World

OTHER = "c11b"


class Claims:
    """Notes whose units are claimed, and interrupts once: after the first chunk that is done, or what ``at`` names."""

    def __init__(self) -> None:
        self.at = "VIDEO#00000"
        self.seen: list[tuple[str, str]] = []
        self.world: World
        self.interrupt: Any = lambda: None

    def __call__(self, call: Call) -> Any:
        """Do the call; the interruption comes with the commit."""
        if call.name == "store.units.claim":
            job, key = call.args[0], call.args[1]
            self.seen.append((job.id, str(key)))
        answer = call.do()
        if call.name == "store.units.commit" and str(call.args[0].key) == self.at:
            interrupt, self.interrupt = self.interrupt, lambda: None
            interrupt()
        return answer


@pytest.fixture
def claims(tmp_path: Path) -> Claims:
    """Return the claims of a world whose job is submitted."""
    claims = Claims()
    claims.world = World(tmp_path, on_call=claims)
    claims.world.submit()
    return claims


def order(claims: Claims) -> list[str]:
    """Return the jobs in the order in which they were worked on, each stay once."""
    ids = [job_id for job_id, _ in claims.seen]
    return [job_id for index, job_id in enumerate(ids) if index == 0 or ids[index - 1] != job_id]


def ended_well(world: World, *job_ids: str) -> bool:
    """Return whether these jobs succeeded."""
    jobs = [world.store.jobs.read(job_id) for job_id in job_ids]
    return all(job is not None and job.status is Status.SUCCEEDED for job in jobs)


def test_a_clip_is_done_at_the_next_chunk(claims: Claims) -> None:
    """It comes in behind a match, is done whole by the match's lane, and its own message finds nothing to do."""
    world = claims.world

    def submit_clip() -> None:
        world.media.duration_s = 1
        world.submit(OTHER, size_bytes=10)

    claims.interrupt = submit_clip
    world.deliver()
    assert order(claims) == [world.job_id, OTHER, world.job_id]
    assert ended_well(world, world.job_id, OTHER)
    before = len(claims.seen)
    assert world.deliver()
    assert len(claims.seen) == before
    assert list(world.untrue()) == []


def test_a_job_due_before_ours_goes_first(claims: Claims) -> None:
    """Where it would be late otherwise."""
    world = claims.world
    claims.interrupt = lambda: world.submit(OTHER, size_bytes=1000, due_s=60)
    world.deliver()
    assert order(claims)[:2] == [world.job_id, OTHER]
    assert ended_well(world, world.job_id, OTHER)


def test_what_had_nothing_for_us_is_asked_again_after_a_unit(claims: Claims) -> None:
    """Of whatever job that is: a lane that clips keep from its own would else forget a match that is in danger."""
    world, urgent = claims.world, "da97"

    def submit_both() -> None:
        job = world.submit(urgent, size_bytes=1000, due_s=60)
        lease = world.store.units.claim(job, PLAN, None, owner="other", lease_s=1e6)
        assert lease
        world.media.duration_s = 1
        world.submit(OTHER, size_bytes=10)
        claims.interrupt = lambda: world.store.units.give_back(
            lease, retry_at=0.0, reason="leaves", charge=Charge.LEAVING, measured=NOTHING
        )

    claims.interrupt = submit_both
    world.deliver()
    assert order(claims)[:3] == [world.job_id, OTHER, urgent]
    assert ended_well(world, world.job_id, urgent)


def test_a_plan_is_known_before_the_lane_turns_to_another_job(claims: Claims) -> None:
    """Whoever else is free can be sent for the rest of ours."""
    world, known = claims.world, []
    claims.at = "PLAN"

    def submit_urgent() -> None:
        world.submit(OTHER, size_bytes=1000, due_s=60)
        claims.at, claims.interrupt = "AUDIO", lambda: known.append(world.job().units)

    claims.interrupt = submit_urgent
    world.deliver()
    assert order(claims)[:2] == [world.job_id, OTHER]
    assert known == [world.job().units]


def test_a_job_of_another_kind_waits(claims: Claims) -> None:
    """It is as long as ours and due later."""
    world = claims.world
    claims.interrupt = lambda: world.submit(OTHER, size_bytes=1000)
    world.deliver()
    assert order(claims) == [world.job_id]
    world.deliver()
    assert ended_well(world, world.job_id, OTHER)


@pytest.mark.parametrize("is_alive", [False, True])
def test_a_job_that_is_pinned_to_the_dead_can_be_served(claims: Claims, *, is_alive: bool) -> None:
    """While somebody lives who has its encoder, it is left to him."""
    world = claims.world
    now = world.store.now()
    maker = "of a host that left"
    if is_alive:
        world.store.workers.announce(
            Worker(
                name="other", worker_class="aws", slots=1, busy=0, maker=maker, seen_at=now, until=now + 1e6
            )
        )

    def pinned() -> None:
        world.splice = False
        job = world.submit(OTHER, size_bytes=10)
        world.store.jobs.repin(job.model_copy(update={"pin": maker}), seen=job)

    claims.interrupt = pinned
    world.deliver()
    assert order(claims)[:2] == ([world.job_id] if is_alive else [world.job_id, OTHER])


def test_what_is_wrong_with_another_job_is_not_ours(claims: Claims) -> None:
    """A lane that cannot serve it goes on with its own."""
    world = claims.world
    real = world.store.units.read

    def unreadable(job_id: str, generation: int) -> Any:
        if job_id == OTHER:
            raise HostUnfit("written by a newer rugbytx")
        return real(job_id, generation)

    world.store.units.read = unreadable  # type: ignore[method-assign]
    claims.interrupt = lambda: world.submit(OTHER, size_bytes=10)
    world.deliver()
    assert order(claims) == [world.job_id]
    assert ended_well(world, world.job_id)


def test_an_aws_lane_leaves_the_rest_to_the_jetson(claims: Claims) -> None:
    """On the autoscaler's word, between two units, with a fresh message for whoever does the rest."""
    world = claims.world
    world.settings = world.settings.model_copy(update={"worker_class": WorkerClass.AWS})
    world.store.scaling.record(WorkerTarget(at=world.store.now(), wanted=1), decision="")
    claims.interrupt = lambda: world.store.scaling.record(
        WorkerTarget(at=world.store.now(), wanted=0), decision=""
    )
    world.deliver()
    assert claims.seen[-1] == (world.job_id, "VIDEO#00000")
    assert world.job().is_open
    assert world.queue.depth().visible == 1
    world.settings = world.settings.model_copy(update={"worker_class": WorkerClass.JETSON})
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert_well(world, generation=1)


def test_an_aws_lane_that_leaves_others_at_it_sends_nothing(claims: Claims) -> None:
    """They do the rest; a message that nobody takes before the job ends would stay in the queue."""
    world = claims.world
    world.settings = world.settings.model_copy(update={"worker_class": WorkerClass.AWS})
    now = world.store.now()
    world.store.scaling.record(WorkerTarget(at=now, wanted=1), decision="")

    def leave() -> None:
        world.store.scaling.record(WorkerTarget(at=now, wanted=0), decision="")
        world.store.workers.announce(
            Worker(
                name="another",
                worker_class="jetson",
                slots=1,
                busy=1,
                jobs=(world.job_id,),
                seen_at=now,
                until=now + 60,
            )
        )

    claims.interrupt = leave
    world.deliver()
    assert world.job().is_open
    assert world.queue.depth().visible == 0
    left_at = world.store.now()
    assert left_at < world.job().wake_at <= left_at + world.settings.heartbeat_s, (
        "if the other one leaves too, the sweep soon sends a message"
    )


def test_an_aws_lane_stays_while_nobody_says_otherwise(claims: Claims) -> None:
    """The autoscaler's silence takes nobody off his work."""
    world = claims.world
    world.settings = world.settings.model_copy(update={"worker_class": WorkerClass.AWS})
    world.deliver()
    assert ended_well(world, world.job_id)
