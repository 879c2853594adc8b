"""Scenes that are played once for each of their steps, with something wrong at that step."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, UnitKey
from rugbytx.errors import RugbytxError
from tests.worker.faults import Recorder
from tests.worker.world import Call, Crash, World

CHUNKS = UnitKey(Kind.VIDEO, 0), UnitKey(Kind.VIDEO, 1)
Fault = Callable[[Call], Any]
Scene = Callable[[Recorder, Path], object]


def steps_of(scene: Scene) -> list[str]:
    """Return the steps of a scene that nothing disturbs."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        scene(recorder, Path(folder))
    assert recorder.steps
    return recorder.steps


def cases(steps: list[str]) -> list[ParameterSet]:
    """Return one case for each step: its number and its name."""
    return [pytest.param(number, name, id=f"{number}-{name}") for number, name in enumerate(steps)]


def cases_round_a_lane(scene: Scene) -> list[ParameterSet]:
    """Return the cases of a scene but for what a lane does between its first claim and the job's end.

    ``test_lane`` has those.
    """
    steps = steps_of(scene)
    first = steps.index("store.units.claim") if "store.units.claim" in steps else len(steps)
    last = steps.index("store.jobs.end") if "store.jobs.end" in steps else 0
    return [case for number, case in enumerate(cases(steps)) if not first < number < last]


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
            world.store.jobs.end("7ad4", 1, Status.CANCELLED)
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
