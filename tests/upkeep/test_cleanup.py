"""A clean-up leaves what a manifest names and nothing else, wherever it is cut off or overtaken."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.control import job as control
from tests.worker.faults import FAULTS, Recorder
from tests.worker.scenes import CHUNKS, Fault, assert_well, cancelled_half_way, cases_round_a_lane, succeeded
from tests.worker.world import BUCKET, Call, World


def cleaned_half_way(recorder: Recorder, folder: Path) -> None:
    """Clean up after a job that was cancelled half way, and retry it unless somebody has."""
    world = cancelled_half_way(recorder, folder)
    recorder.world = world
    world.clean_up()
    recorder.armed = False
    if world.job().generation == 1:
        control.retry("7ad4", world.connection)
        world.run_until_ended()
    assert_well(world, generation=2)


@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(cleaned_half_way))
def test_a_clean_up_that_is_overtaken_touches_no_later_generation(
    number: int, name: str, tmp_path: Path
) -> None:
    """A sweep that is frozen at any step, while the job is tried again and done, spares all of that."""

    def overtake(call: Call) -> Any:
        world = recorder.world
        assert world
        recorder.armed = False
        control.retry("7ad4", world.connection)
        world.run_until_ended()
        assert list(world.untrue()) == []
        recorder.armed = True
        return call.do()

    recorder = Recorder(overtake, at=number)
    cleaned_half_way(recorder, tmp_path)
    assert recorder.steps[number] == name


def published(recorder: Recorder, folder: Path) -> None:
    """Run a job to its end, and clean up."""
    recorder.armed = False
    world = World(folder, on_call=recorder)
    recorder.world = world
    world.submit()
    recorder.armed = True
    world.run_until_ended()
    recorder.armed = False
    assert_well(world, generation=world.job().generation)


@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(published))
def test_a_lane_that_cleans_late_touches_no_later_generation(number: int, name: str, tmp_path: Path) -> None:
    """A worker that is frozen at any step after it has published, while a unit is redone, spares all of that."""

    def overtake(call: Call) -> Any:
        world = recorder.world
        assert world
        recorder.armed = False
        if not world.job().is_open:
            control.retry("7ad4", world.connection, redo=CHUNKS[1])
            world.run_until_ended()
        recorder.armed = True
        return call.do()

    recorder = Recorder(overtake, at=number)
    published(recorder, tmp_path)
    assert recorder.steps[number] == name


def cleaned(recorder: Recorder, folder: Path) -> None:
    """Clean up after an upload that came late."""
    world = succeeded(recorder, folder)
    late = "out/7ad4/g1/180p/00000-f0.mp4"
    world.storage.put(b"late", BUCKET, late, content_type="video/mp4")
    world.clean_up()
    assert_well(world, generation=1)
    assert (BUCKET, late) not in world.storage.objects


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(cleaned))
def test_a_clean_up_may_be_cut_off_anywhere(number: int, name: str, fault: Fault, tmp_path: Path) -> None:
    """It is repeated until nothing is left but what a manifest names."""
    recorder = Recorder(fault, at=number)
    cleaned(recorder, tmp_path)
    assert recorder.steps[number] == name
