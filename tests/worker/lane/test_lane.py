"""A lane, run once for every step that it has and every way in which that step can go wrong."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.cost import forecast
from rugbytx.core.job.job import Status
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.retry import LONGEST_PAUSE_S, MOST_REFUSALS
from rugbytx.core.lease.unit import AUDIO, State
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import plan_of
from rugbytx.core.schedule.next_unit import MOST_VERDICTS
from rugbytx.errors import HostUnfit, LeaseLost, ScratchFull, TranscodeError, Unreachable, UnsupportedMedia
from rugbytx.worker.shutdown.drain import Leave
from tests.worker.faults import FAULTS, Recorder, crash_after, crash_before, repeat
from tests.worker.scenes import cases, steps_of
from tests.worker.world import Call, World


def undisturbed(recorder: Recorder, folder: Path) -> None:
    """Let nothing disturb a lane."""
    world = World(folder, on_call=recorder)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED


STEPS = cases(steps_of(undisturbed))


def test_an_undisturbed_lane_does_everything_once(tmp_path: Path) -> None:
    """One message, one worker, one commit a unit, and a manifest that is true."""
    recorder = Recorder()
    world = World(tmp_path, on_call=recorder)
    world.submit()
    job = world.run_until_ended()
    assert job.status is Status.SUCCEEDED
    plan = plan_of(world.store.units.read(job.id, 1))
    assert plan
    assert (job.frames, job.work_px) == (plan.grid.frames, forecast.frame_px(plan) * plan.grid.frames)
    assert world.workers == 1
    assert set(recorder.commits.values()) == {1}
    assert world.media.done == {"plan": 1, "audio": 1, "chunk 0": 1, "chunk 1": 1, "mp4": 1}
    assert list(world.untrue()) == []
    assert list(world.strays()) == []
    assert world.queue.depth().visible + world.queue.depth().in_flight == 0
    assert not list(tmp_path.rglob("*.mp4")), "scratch is cleaned"


def test_the_master_is_written_last(tmp_path: Path) -> None:
    """A reader who finds the master finds everything that it names."""
    world = World(tmp_path)
    world.submit()
    job = world.run_until_ended()
    assert job.outputs
    written = [
        key for _, key in world.storage.puts if not key.startswith(object_keys.quality_prefix(job.id, 1))
    ]
    assert written[-1] == job.outputs.master_key


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_fail(number: int, name: str, fault: Callable[[Call], Any], tmp_path: Path) -> None:
    """Whatever step fails in whatever way, the job ends SUCCEEDED once, whole, with one unit redone at most."""
    recorder = Recorder(fault, at=number)
    world = World(tmp_path, on_call=recorder)
    world.submit()
    job = world.run_until_ended()
    assert recorder.steps[number] == name
    assert job.status is Status.SUCCEEDED, job.reason
    assert list(world.untrue()) == []
    # A repeated commit is granted twice and counts once in the store.
    most = 2 if fault is repeat else 1
    assert max(recorder.commits.values()) <= most
    assert sum(world.media.done.values()) - len(world.media.done) <= 1
    if fault in {crash_before, crash_after}:
        puts = Counter(put for put in world.storage.puts if "/early/" not in put[1])
        assert [key for key, count in puts.items() if count > 1] == [], "two attempts wrote one key"
    world.clean_up()
    assert list(world.strays()) == []
    assert list(world.untrue()) == []


@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_be_overtaken(number: int, name: str, tmp_path: Path) -> None:
    """A worker that is frozen at any step, past its lease and until another has finished, changes nothing."""
    worlds: list[World] = []

    def overtake(call: Call) -> Any:
        worlds[0].clock.advance(worlds[0].settings.lease_s + 10)
        worlds[0].run_until_ended()
        return call.do()

    recorder = Recorder(overtake, at=number)
    world = World(tmp_path, on_call=recorder)
    worlds.append(world)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert recorder.steps[number] == name
    assert max(recorder.commits.values()) == 1
    world.clean_up()
    assert list(world.strays()) == []
    assert list(world.untrue()) == []


@pytest.mark.parametrize("leave", [Leave.NOW, Leave.CHUNK])
@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_be_a_workers_last(number: int, name: str, leave: Leave, tmp_path: Path) -> None:
    """A worker told to leave at any step hands back uncharged, at once, claims nothing more, and the next finishes."""
    worlds: list[World] = []

    def drain(call: Call) -> Any:
        worlds[0].notice.give(leave)
        return call.do()

    recorder = Recorder(drain, at=number)
    world = World(tmp_path, on_call=recorder)
    worlds.append(world)
    world.submit()
    world.deliver()
    assert recorder.steps[number] == name
    assert "store.units.claim" not in recorder.steps[number + 1 :]
    for key, unit in world.store.units.read("7ad4", 1).items():
        assert unit.state is State.DONE or unit.is_claimable(world.store.now()), key
        assert (unit.verdicts, unit.deaths) == (0, 0), key
    if world.job().is_open:
        assert world.queue.depth().visible == 1
        world.deliver()
    assert world.job().status is Status.SUCCEEDED, world.job().reason
    assert list(world.untrue()) == []
    redone = sum(world.media.done.values()) - len(world.media.done)
    assert redone <= (1 if leave is Leave.NOW else 0)


def test_a_duplicate_message_finds_nothing_to_do(tmp_path: Path) -> None:
    """SQS delivers at least once: the second delivery is acknowledged without work."""
    world = World(tmp_path)
    world.queue.doubling = True
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    before = dict(world.media.done)
    assert world.deliver()
    assert world.media.done == before
    assert not world.deliver()


def test_a_lost_acknowledgement_costs_nothing(tmp_path: Path) -> None:
    """The message comes back after its visibility, and finds the job ended."""
    world = World(tmp_path)
    world.submit()
    world.deliver(acknowledge=False)
    assert world.job().status is Status.SUCCEEDED
    world.clock.advance(200)
    before = dict(world.media.done)
    assert world.deliver()
    assert world.media.done == before


def test_the_sweep_finds_a_job_whose_messages_are_gone(tmp_path: Path) -> None:
    """A purged queue loses no job: the store knows who is waiting."""
    world = World(tmp_path)
    world.submit()
    received = world.queue.receive()
    assert received
    world.queue.delete(received.receipt)
    assert world.run_until_ended().status is Status.SUCCEEDED


def test_a_second_lane_leaves_what_the_first_holds(tmp_path: Path) -> None:
    """A lane that finds everything taken leaves, and the job is looked at again after the lease."""
    world = World(tmp_path)
    job = world.submit()
    world.store.jobs.start(job.id, 1)
    units = world.store.units.read(job.id, 1)
    assert not units
    lease = world.store.units.claim(job, AUDIO, None, owner="other", lease_s=120)
    assert lease
    plan_key = type(lease.key).parse("PLAN")
    held = world.store.units.claim(job, plan_key, None, owner="other", lease_s=120)
    assert held
    assert world.deliver()
    assert world.job().wake_at == held.until + 5
    assert world.queue.depth().in_flight == 0


def test_a_job_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    """A unit that fails four times ends the job FAILED, naming the unit and its last error."""

    def broken(call: Call) -> Any:
        if call.name == "media.encode_audio":
            raise TranscodeError("the audio cannot be decoded")
        return call.do()

    world = World(tmp_path, on_call=broken)
    world.submit()
    job = world.run_until_ended()
    assert job.status is Status.FAILED
    assert job.reason == "AUDIO: the audio cannot be decoded (tried 4 times)"
    assert job.outputs is None


def test_an_outage_is_no_verdict(tmp_path: Path) -> None:
    """S3 may be away for as long as it likes: the job waits, and then it is done."""

    def away(call: Call) -> Any:
        if call.name.startswith("storage.") and world.clock.at < back_at:
            raise Unreachable("S3 does not answer")
        return call.do()

    world = World(tmp_path, on_call=away)
    world.submit()
    back_at = world.clock.at + 5 * 60
    job = world.run_until_ended()
    assert job.status is Status.SUCCEEDED, job.reason
    assert world.clock.at >= back_at
    assert {unit.verdicts for unit in world.store.units.read(job.id, 1).values()} == {0}


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("transfer", ["storage.upload", "storage.download"])
def test_a_refused_transfer_is_tried_again_before_the_work_is_given_up(
    transfer: str, times: int, tmp_path: Path
) -> None:
    """An encoded chunk is kept for as long as the bucket may come back, and no unit after another goes into an outage."""
    refusals: list[Call] = []

    def refuse(call: Call) -> Any:
        if call.name == transfer and len(refusals) < times:
            refusals.append(call)
            raise Unreachable("S3 refused PutObject: the token is expired")
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.settings = world.settings.model_copy(update={"transfer_patience_s": 0.06})
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert len(refusals) == times
    assert {unit.fence for unit in world.store.units.read("7ad4", 1).values()} == {1}
    assert list(world.untrue()) == []


def test_a_worker_that_leaves_does_not_wait_for_the_bucket(tmp_path: Path) -> None:
    """However patient it is: the unit goes back uncharged."""

    def refuse(call: Call) -> Any:
        if call.name == "storage.upload":
            world.notice.give(Leave.NOW)
            raise Unreachable("S3 does not answer")
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.settings = world.settings.model_copy(update={"transfer_patience_s": 3600.0, "stall_s": 7200.0})
    world.submit()
    world.deliver()
    [unit] = [unit for unit in world.store.units.read("7ad4", 1).values() if unit.state is State.WAITING]
    assert (unit.verdicts, unit.deaths) == (0, 0)


def test_two_broken_hosts_do_not_fail_what_a_third_can_do(tmp_path: Path) -> None:
    """Nobody is charged for a host that is broken or full."""
    errors = [HostUnfit("no encoder works on this host"), ScratchFull("the scratch disk is full")]

    def refuse(call: Call) -> Any:
        if call.name == "media.encode_audio" and errors:
            raise errors.pop()
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    audio = world.store.units.read("7ad4", 1)[AUDIO]
    assert (audio.verdicts, audio.refusals) == (0, 2)


def test_a_unit_that_every_host_refuses_ends_its_job(tmp_path: Path) -> None:
    """A source that makes each host unfit that takes it does not go round the fleet for ever."""

    def refuse(call: Call) -> Any:
        if call.name == "media.encode_audio":
            raise HostUnfit("no encoder works on this host")
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.submit()
    for _ in range(MOST_REFUSALS + MOST_VERDICTS):
        assert world.job().is_open
        world.clock.advance(LONGEST_PAUSE_S)
        world.sweep()
        while world.deliver():
            pass
    assert (world.job().status, world.job().reason) == (
        Status.FAILED,
        "AUDIO: no encoder works on this host (tried 4 times)",
    )


def test_a_bad_source_fails_in_one_attempt(tmp_path: Path) -> None:
    """An object that is not the one submitted ends the job FAILED at once."""
    world = World(tmp_path)
    world.submit()
    world.storage.put(b"other", "source", "7ad4.mp4", content_type="video/mp4")
    job = world.run_until_ended()
    assert job.status is Status.FAILED
    assert "changed" in job.reason
    assert world.workers == 1


def found_bad(recorder: Recorder, folder: Path) -> None:
    """Submit what is no film."""

    def refuse_source(*_: object, **__: object) -> None:
        raise UnsupportedMedia("it is no film")

    def on_call(call: Call) -> Any:
        if call.name == "store.units.claim" and any(
            unit.reason == "it is no film" for unit in world.store.units.read("7ad4", 1).values()
        ):
            late.append(call)
        if call.name == "media.probe":
            probes.append(call)
            return recorder(replace(call, method=refuse_source))
        return recorder(call)

    late: list[Call] = []
    probes: list[Call] = []
    world = World(folder, on_call=on_call)
    world.submit()
    job = world.run_until_ended()
    assert (job.status, job.reason) == (Status.FAILED, "it is no film")
    assert not late
    assert len(probes) <= 2
    assert list(world.strays()) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases(steps_of(found_bad)))
def test_what_was_found_bad_is_not_tried_again(
    number: int, name: str, fault: Callable[[Call], Any], tmp_path: Path
) -> None:
    """From the write that says so no lane claims anything, wherever the one that found it was cut off."""
    recorder = Recorder(fault, at=number)
    found_bad(recorder, tmp_path)
    assert recorder.steps[number] == name


def test_a_former_owner_cannot_fail_the_job(tmp_path: Path) -> None:
    """A worker that was overtaken may see its unit fail for good: its word counts for nothing."""

    def overtaken(call: Call) -> Any:
        if call.name == "media.encode_audio" and world.workers == 1:
            world.clock.advance(world.settings.lease_s + 10)
            world.run_until_ended()
            raise UnsupportedMedia("the audio is none")
        return call.do()

    world = World(tmp_path, on_call=overtaken)
    world.submit()
    job = world.run_until_ended()
    assert job.status is Status.SUCCEEDED, job.reason
    assert list(world.untrue()) == []


def test_a_former_owner_cannot_fail_a_job_that_goes_on(tmp_path: Path) -> None:
    """The same, while the successor is still at work."""

    def overtaken(call: Call) -> Any:
        if call.name == "media.encode_audio":
            world.clock.advance(world.settings.lease_s + 10)
            seen = world.store.units.read("7ad4", 1)[AUDIO]
            assert world.store.units.claim(world.job(), AUDIO, seen, owner="successor", lease_s=120)
            raise UnsupportedMedia("the audio is none")
        return call.do()

    world = World(tmp_path, on_call=overtaken)
    world.submit()
    world.deliver()
    assert world.job().status is Status.RUNNING


def test_a_cancelled_job_is_left_alone(tmp_path: Path) -> None:
    """A job that ends while a unit is worked on gets no outputs, and no further unit."""

    def cancel(call: Call) -> Any:
        if call.name == "media.encode_chunk":
            world.store.jobs.end("7ad4", 1, Status.CANCELLED, reason="asked for")
        return call.do()

    world = World(tmp_path, on_call=cancel)
    world.submit()
    job = world.run_until_ended()
    assert (job.status, job.outputs) == (Status.CANCELLED, None)
    assert world.media.done["chunk 1"] == 0


def test_a_commit_by_a_former_owner_is_refused(tmp_path: Path) -> None:
    """The fence decides, not the clock."""
    world = World(tmp_path)
    job = world.submit()
    first = world.store.units.claim(job, AUDIO, None, owner="a", lease_s=120)
    assert first
    world.clock.advance(121)
    seen = world.store.units.read(job.id, 1)[AUDIO]
    second = world.store.units.claim(job, AUDIO, seen, owner="b", lease_s=120)
    assert second
    with pytest.raises(LeaseLost):
        world.store.units.commit(
            first, result=TracksResult(fingerprint="f", files=()), measured=seen.measured
        )
    world.store.units.commit(second, result=TracksResult(fingerprint="f", files=()), measured=seen.measured)
    unit = world.store.units.read(job.id, 1)[AUDIO]
    assert (unit.state, unit.fence, unit.deaths) == (State.DONE, 2, 1)
