"""A job worked on by two kinds of encoder whose profile allows no splice: every step may be somebody's last."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State, UnitKey
from rugbytx.core.output.result import Manifest, tracks_of
from rugbytx.core.schedule.encoder_pin import MOST_REPINS
from tests.worker.faults import Recorder, crash_after, crash_before, repeat
from tests.worker.scenes import Fault, assert_well
from tests.worker.world import BUCKET, Call, Crash, World

MAKERS = ("x264-high", "x264-main")


def world_of(folder: Path, on_call: Any) -> World:
    """Return a world with a job that allows no splice, and workers that are not alike."""
    world = World(folder, on_call=on_call, makers=MAKERS, splice=False)
    world.submit()
    return world


def assert_of_one_encoder(world: World) -> None:
    """Assert that the job succeeded, whole, with chunks of the pinned encoder only and without a discontinuity."""
    assert_well(world, generation=1)
    job = world.job()
    units = world.store.read_units(job.id, 1)
    chunks = [unit for key, unit in units.items() if key.kind is Kind.VIDEO]
    assert {unit.maker for unit in chunks} == {job.pin}
    assert len({tracks_of(unit).fingerprint for unit in chunks}) == 1
    assert len(job.repinned) < MOST_REPINS
    assert job.outputs
    manifest = Manifest.model_validate_json(world.storage.get(BUCKET, job.outputs.manifest_key))
    playlists = [entry.key for entry in manifest.entries if entry.key.endswith(".m3u8")]
    assert playlists
    assert not any(b"DISCONTINUITY" in world.storage.get(BUCKET, key) for key in playlists)


@pytest.fixture
def steps(tmp_path: Path) -> list[str]:
    """Return the steps of a lane that nothing disturbs."""
    recorder = Recorder()
    world = world_of(tmp_path / "undisturbed", recorder)
    world.run_until_ended()
    assert_of_one_encoder(world)
    assert world.job().repinned == ()
    return recorder.steps[: recorder.steps.index("store.end_job") + 1]


@pytest.mark.parametrize("fault", [crash_before, crash_after, repeat])
def test_every_step_may_fail(fault: Fault, steps: list[str], tmp_path: Path) -> None:
    """Whoever finishes, all chunks are of one encoder, and one change of the pin is enough."""
    for number, name in enumerate(steps):
        recorder = Recorder(fault, at=number)
        world = world_of(tmp_path / str(number), recorder)
        try:
            world.run_until_ended()
            assert_of_one_encoder(world)
            assert len(world.job().repinned) <= 1
        except AssertionError as error:
            error.add_note(f"{fault.__name__} at step {number}, {name}")
            raise


def test_every_step_may_be_overtaken(steps: list[str], tmp_path: Path) -> None:
    """A worker frozen until one of the other kind has finished changes nothing."""
    for number, name in enumerate(steps):
        worlds: list[World] = []

        def overtake(call: Call, worlds: list[World] = worlds) -> Any:
            worlds[0].clock.advance(worlds[0].settings.lease_s + 10)
            worlds[0].run_until_ended()
            return call.do()

        worlds.append(world_of(tmp_path / str(number), Recorder(overtake, at=number)))
        worlds[0].run_until_ended()
        try:
            assert_of_one_encoder(worlds[0])
        except AssertionError as error:
            error.add_note(f"overtaken at step {number}, {name}")
            raise


def test_every_step_may_be_half_overtaken(steps: list[str], tmp_path: Path) -> None:
    """A worker frozen until one of the other kind has pinned the job anew, and died, finds it pinned to that one."""
    for number, name in enumerate(steps):
        worlds: list[World] = []

        def overtake(call: Call, worlds: list[World] = worlds) -> Any:
            worlds[0].clock.advance(worlds[0].settings.lease_s + 10)
            worlds[0].deliver()
            return call.do()

        recorder = Recorder(overtake, at=number)

        def die_at_the_second_chunk(
            call: Call, worlds: list[World] = worlds, recorder: Recorder = recorder
        ) -> Any:
            chunk = call.name == "media.encode_chunk" and worlds[0].workers == 2
            if chunk and worlds[0].media.done["chunk 0"]:
                finished = worlds[0].store.read_units("7ad4", 1).get(UnitKey(Kind.VIDEO, 0))
                if finished and finished.state is State.DONE:
                    raise Crash(call.name)
            return recorder(call)

        worlds.append(world_of(tmp_path / str(number), die_at_the_second_chunk))
        worlds[0].run_until_ended()
        try:
            assert_of_one_encoder(worlds[0])
        except AssertionError as error:
            error.add_note(f"half overtaken at step {number}, {name}")
            raise


def test_a_stranger_waits_for_the_pinned_encoder(tmp_path: Path) -> None:
    """As long as a worker with it lives a lane of another kind takes no chunk, and looks again when none does."""

    def crash(call: Call) -> Any:
        if call.name == "media.encode_chunk" and world.workers == 1:
            raise Crash(call.name)
        return call.do()

    world = world_of(tmp_path, crash)
    world.deliver()
    assert world.job().pin == MAKERS[0]
    world.clock.advance(world.settings.lease_s + 6)
    world._be_present("worker-1")
    assert world.deliver()
    assert world.job().pin == MAKERS[0]
    assert world.job().wake_at == world.clock() + 60
    job = world.run_until_ended()
    assert job.status is Status.SUCCEEDED
    assert_of_one_encoder(world)
