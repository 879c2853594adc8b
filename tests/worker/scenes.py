"""Scenes that are played once for each of their steps, with something wrong at that step."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, UnitKey
from rugbytx.errors import RugbytxError
from tests.worker.faults import Recorder
from tests.worker.world import Call, Crash, World

CHUNKS = UnitKey(Kind.VIDEO, 0), UnitKey(Kind.VIDEO, 1)
Fault = Callable[[Call], Any]


def try_out(fault: Fault, play: Callable[[Recorder, Path], None], folder: Path) -> None:
    """Play a scene once for each of its steps, with the fault at that step.

    What a lane does between its first claim and the job's end is left out: ``test_lane`` has it.
    """
    undisturbed = Recorder()
    play(undisturbed, folder / "undisturbed")
    steps = undisturbed.steps
    assert steps
    first = steps.index("store.claim") if "store.claim" in steps else len(steps)
    last = steps.index("store.end_job") if "store.end_job" in steps else 0
    for number, name in enumerate(steps):
        if first < number < last:
            continue
        recorder = Recorder(fault, at=number)
        try:
            play(recorder, folder / str(number))
        except AssertionError as error:
            error.add_note(f"with {fault.__name__} at step {number}, {name}")
            raise
        assert recorder.steps[number] == name


def ask(command: Callable[[], object]) -> None:
    """Give a command, which may be cut off or refused, and give it again where it was."""
    with suppress(Crash, RugbytxError):
        command()
        return
    command()


def cancelled_half_way(recorder: Recorder, folder: Path) -> World:
    """Return a world whose job was cancelled when its first chunk was under way: plan, audio and that are done."""

    def on_call(call: Call) -> Any:
        if not recorder.armed and call.name == "media.encode_chunk":
            world.store.end_job("7ad4", 1, Status.CANCELLED)
        return recorder(call)

    recorder.armed = False
    world = World(folder, on_call=on_call)
    world.submit()
    assert world.run_until_ended().status is Status.CANCELLED
    recorder.armed = True
    return world


def succeeded(recorder: Recorder, folder: Path) -> World:
    """Return a world whose job has succeeded."""
    recorder.armed = False
    world = World(folder, on_call=recorder)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    recorder.armed = True
    return world


def assert_well(world: World, *, generation: int) -> None:
    """Assert that the job succeeded in this generation, whole, and that in the end nothing else is left."""
    job = world.job()
    assert (job.status, job.generation) == (Status.SUCCEEDED, generation), job.reason
    assert list(world.untrue()) == []
    world.clean_up()
    assert list(world.untrue()) == []
    assert list(world.strays()) == []
