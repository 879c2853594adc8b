"""What people ask for, and what the sweep does, cut off at every step: given again, or left to the sweep, it ends well."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rugbytx import intake
from rugbytx.control import job as control
from rugbytx.core.job.job import Status
from rugbytx.errors import NotFound, RugbytxError
from tests.worker.faults import FAULTS, Recorder
from tests.worker.scenes import (
    CHUNKS,
    Fault,
    ask,
    assert_well,
    cases,
    cases_round_a_lane,
    steps_of,
    succeeded,
)
from tests.worker.world import BUCKET, Call, Crash, World


def worn_out(recorder: Recorder, folder: Path) -> None:
    """Receive a message for the fifth time."""
    world = World(folder, on_call=recorder)
    world.submit()
    for _ in range(4):
        received = world.queue.receive()
        assert received
        world.queue.extend(received.receipt, visibility_s=0)
    world.deliver()
    world.deliver()
    world.run_until_ended()
    assert len(world.queue.sent) >= 2
    assert world.queue.dead == []
    assert_well(world, generation=1)


def _until_it_is_sent() -> list[str]:
    """Return the steps up to one behind the fresh message; what follows is ``test_lane``'s."""
    steps = steps_of(worn_out)
    return steps[: steps.index("queue.send") + 2]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases(_until_it_is_sent()))
def test_a_worn_message_is_replaced(number: int, name: str, fault: Fault, tmp_path: Path) -> None:
    """At the fifth receive a fresh one takes its place, and the dead-letter queue gets nothing."""
    recorder = Recorder(fault, at=number)
    worn_out(recorder, tmp_path)
    assert recorder.steps[number] == name


def test_a_message_is_replaced_between_two_units(tmp_path: Path) -> None:
    """After six hours the lane leaves with its unit done, and another goes on by the fresh message."""

    def on_call(call: Call) -> Any:
        if call.name == "media.encode_chunk" and call.args[1] == 0:
            world.clock.advance(6 * 3600)
        return call.do()

    world = World(tmp_path, on_call=on_call)
    world.submit()
    assert world.deliver()
    assert (len(world.queue.sent), world.queue.depth().visible, world.queue.depth().in_flight) == (2, 1, 0)
    assert (world.media.done["chunk 0"], world.media.done["chunk 1"]) == (1, 0)
    world.run_until_ended()
    assert world.media.done["chunk 0"] == 1
    assert_well(world, generation=1)


def submitted(recorder: Recorder, folder: Path) -> None:
    """Submit once, and again where that was cut off."""
    recorder.armed = False
    world = World(folder, on_call=recorder)
    world.storage.put(b"x" * 1000, "rugbytx-source", "final.mp4", content_type="video/mp4")
    request = intake.Request(source="s3://rugbytx-source/final.mp4", profile="clip")
    recorder.armed = True
    with suppress(Crash, RugbytxError):
        intake.accept(request, world.connection)
    recorder.armed = False
    accepted = list(world.store.jobs.list())
    job = accepted[0] if accepted else intake.accept(request, world.connection).job
    world.job_id = job.id
    world.run_until_ended()
    assert intake.accept(request, world.connection).action is intake.AcceptanceAction.KEEP
    assert_well(world, generation=1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(submitted))
def test_a_submit_that_was_cut_off_is_accepted_or_never_was(
    number: int, name: str, fault: Fault, tmp_path: Path
) -> None:
    """A record that stands is done, with or without being submitted again, and twice is one job."""
    recorder = Recorder(fault, at=number)
    submitted(recorder, tmp_path)
    assert recorder.steps[number] == name


def forced(recorder: Recorder, folder: Path) -> None:
    """Submit by force what has ended."""
    recorder.armed = False
    world = World(folder, on_call=recorder)
    world.storage.put(b"x" * 1000, "rugbytx-source", "final.mp4", content_type="video/mp4")
    request = intake.Request(source="s3://rugbytx-source/final.mp4", profile="clip", force=True)
    world.job_id = intake.accept(request, world.connection).job.id
    world.run_until_ended()
    recorder.armed = True
    ask(lambda: intake.accept(request, world.connection))
    recorder.armed = False
    world.run_until_ended()
    assert world.media.done["plan"] == 2
    assert_well(world, generation=2)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(forced))
def test_a_forced_submit_that_was_cut_off_opens_one_generation(
    number: int, name: str, fault: Fault, tmp_path: Path
) -> None:
    """Given again it joins what it opened itself, and nothing is taken over."""
    recorder = Recorder(fault, at=number)
    forced(recorder, tmp_path)
    assert recorder.steps[number] == name


def cancelled(recorder: Recorder, folder: Path) -> None:
    """Cancel a job whose first chunk is under way."""
    world = World(folder, on_call=recorder)
    job = world.submit()
    lease = world.store.units.claim(job, CHUNKS[0], None, owner="other", lease_s=120)
    assert lease
    world.storage.put(b"half", BUCKET, "out/7ad4/g1/180p/00000-f1.mp4", content_type="video/mp4")
    ask(lambda: control.cancel("7ad4", world.connection))
    assert (world.job().status, world.job().reason) == (Status.CANCELLED, control.CANCEL_REASON)
    for _ in range(3):
        world.deliver()
        world.clock.advance(200)
    assert not world.media.done
    assert world.queue.depth().in_flight + world.queue.depth().visible == 0
    world.clean_up()
    assert list(world.strays()) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(cancelled))
def test_a_cancelled_job_ends_and_leaves_nothing(
    number: int, name: str, fault: Fault, tmp_path: Path
) -> None:
    """Its message is acknowledged without work, and what it made goes a day later."""
    recorder = Recorder(fault, at=number)
    cancelled(recorder, tmp_path)
    assert recorder.steps[number] == name


def removed(recorder: Recorder, folder: Path) -> None:
    """Remove a job that has ended, and submit it anew."""
    world = succeeded(recorder, folder)
    with suppress(Crash, RugbytxError):
        control.remove("7ad4", world.connection)
    recorder.armed = False
    with suppress(NotFound):
        control.remove("7ad4", world.connection)
    assert world.store.jobs.read("7ad4") is None
    assert not world.store.units.read("7ad4", 1)
    assert list(world.strays()) == []
    world.submit()
    world.run_until_ended()
    assert_well(world, generation=1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(removed))
def test_a_removal_that_was_cut_off_can_be_given_again(
    number: int, name: str, fault: Fault, tmp_path: Path
) -> None:
    """Then neither records nor objects are left, and the same video can be submitted anew."""
    recorder = Recorder(fault, at=number)
    removed(recorder, tmp_path)
    assert recorder.steps[number] == name


def swept(recorder: Recorder, folder: Path) -> None:
    """Sweep after the only message was lost."""
    recorder.armed = False
    world = World(folder, on_call=recorder)
    world.submit()
    received = world.queue.receive()
    assert received
    world.queue.delete(received.receipt)
    world.clock.advance(601)
    recorder.armed = True
    world.sweep()
    recorder.armed = False
    world.run_until_ended()
    assert_well(world, generation=1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(swept))
def test_the_sweep_may_be_cut_off_anywhere(number: int, name: str, fault: Fault, tmp_path: Path) -> None:
    """The next round sends what was not sent, and a pointer too many finds nothing to do."""
    recorder = Recorder(fault, at=number)
    swept(recorder, tmp_path)
    assert recorder.steps[number] == name
