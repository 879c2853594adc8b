"""A job worked on by two kinds of encoder whose profile allows no splice: every step may be somebody's last."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State, UnitKey
from rugbytx.core.output.result import Manifest, tracks_of
from rugbytx.core.schedule.encoder_pin import MOST_REPINS
from tests.worker.faults import Recorder, crash_after, crash_before, repeat
from tests.worker.scenes import Fault, assert_well, cases, steps_of
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
    units = world.store.units.read(job.id, 1)
    chunks = [unit for key, unit in units.items() if key.kind is Kind.VIDEO]
    assert {unit.maker for unit in chunks} == {job.pin}
    assert len({tracks_of(unit).fingerprint for unit in chunks}) == 1
    assert len(job.repinned) < MOST_REPINS
    assert job.outputs
    manifest = Manifest.model_validate_json(world.storage.get(BUCKET, job.outputs.manifest_key))
    playlists = [entry.key for entry in manifest.entries if entry.key.endswith(".m3u8")]
    assert playlists
    assert not any(b"DISCONTINUITY" in world.storage.get(BUCKET, key) for key in playlists)


def undisturbed(recorder: Recorder, folder: Path) -> None:
    """Let nothing disturb the job: it is pinned once."""
    world = world_of(folder, recorder)
    world.run_until_ended()
    assert_of_one_encoder(world)
    assert world.job().repinned == ()


def _until_the_end() -> list[str]:
    """Return the steps up to the job's end; what follows it is ``test_lane``'s."""
    steps = steps_of(undisturbed)
    return steps[: steps.index("store.jobs.end") + 1]


STEPS = cases(_until_the_end())


@pytest.mark.parametrize("fault", [crash_before, crash_after, repeat])
@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_fail(number: int, name: str, fault: Fault, tmp_path: Path) -> None:
    """Whoever finishes, all chunks are of one encoder, and one change of the pin is enough."""
    recorder = Recorder(fault, at=number)
    world = world_of(tmp_path, recorder)
    world.run_until_ended()
    assert recorder.steps[number] == name
    assert_of_one_encoder(world)
    assert len(world.job().repinned) <= 1


@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_be_overtaken(number: int, name: str, tmp_path: Path) -> None:
    """A worker frozen until one of the other kind has finished changes nothing."""
    worlds: list[World] = []

    def overtake(call: Call) -> Any:
        worlds[0].clock.advance(worlds[0].settings.lease_s + 10)
        worlds[0].run_until_ended()
        return call.do()

    recorder = Recorder(overtake, at=number)
    worlds.append(world_of(tmp_path, recorder))
    worlds[0].run_until_ended()
    assert recorder.steps[number] == name
    assert_of_one_encoder(worlds[0])


@pytest.mark.parametrize(("number", "name"), STEPS)
def test_every_step_may_be_half_overtaken(number: int, name: str, tmp_path: Path) -> None:
    """A worker frozen until one of the other kind has pinned the job anew, and died, finds it pinned to that one."""
    worlds: list[World] = []

    def overtake(call: Call) -> Any:
        worlds[0].clock.advance(worlds[0].settings.lease_s + 10)
        worlds[0].deliver()
        return call.do()

    recorder = Recorder(overtake, at=number)

    def die_at_the_second_chunk(call: Call) -> Any:
        chunk = call.name == "media.encode_chunk" and worlds[0].workers == 2
        if chunk and worlds[0].media.done["chunk 0"]:
            finished = worlds[0].store.units.read("7ad4", 1).get(UnitKey(Kind.VIDEO, 0))
            if finished and finished.state is State.DONE:
                raise Crash(call.name)
        return recorder(call)

    worlds.append(world_of(tmp_path, die_at_the_second_chunk))
    worlds[0].run_until_ended()
    assert recorder.steps[number] == name
    assert_of_one_encoder(worlds[0])


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
