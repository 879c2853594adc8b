"""A clean-up leaves what a manifest names and nothing else, wherever it is cut off or overtaken."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.control import job as control
from tests.worker.faults import FAULTS, Recorder
from tests.worker.scenes import CHUNKS, Fault, assert_well, cancelled_half_way, succeeded, try_out
from tests.worker.world import BUCKET, Call, World


def test_a_clean_up_that_is_overtaken_touches_no_later_generation(tmp_path: Path) -> None:
    """A sweep that is frozen at any step, while the job is tried again and done, spares all of that."""

    def play(recorder: Recorder, folder: Path) -> None:
        world = cancelled_half_way(recorder, folder)
        worlds[:] = [world, recorder]
        world.clean_up()
        recorder.armed = False
        if world.job().generation == 1:
            control.retry("7ad4", world.connection)
            world.run_until_ended()
        assert_well(world, generation=2)

    worlds: list[Any] = []

    def overtake(call: Call) -> Any:
        world, recorder = worlds
        recorder.armed = False
        control.retry("7ad4", world.connection)
        world.run_until_ended()
        assert list(world.untrue()) == []
        recorder.armed = True
        return call.do()

    try_out(overtake, play, tmp_path)


def test_a_lane_that_cleans_late_touches_no_later_generation(tmp_path: Path) -> None:
    """A worker that is frozen at any step after it has published, while a unit is redone, spares all of that."""

    def play(recorder: Recorder, folder: Path) -> None:
        recorder.armed = False
        world = World(folder, on_call=recorder)
        worlds[:] = [world, recorder]
        world.submit()
        recorder.armed = True
        world.run_until_ended()
        recorder.armed = False
        generation = world.job().generation
        assert_well(world, generation=generation)

    worlds: list[Any] = []

    def overtake(call: Call) -> Any:
        world, recorder = worlds
        recorder.armed = False
        if not world.job().is_open:
            control.retry("7ad4", world.connection, redo=CHUNKS[1])
            world.run_until_ended()
        recorder.armed = True
        return call.do()

    try_out(overtake, play, tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_clean_up_may_be_cut_off_anywhere(fault: Fault, tmp_path: Path) -> None:
    """It is repeated until nothing is left but what a manifest names."""

    def play(recorder: Recorder, folder: Path) -> None:
        world = succeeded(recorder, folder)
        late = "out/7ad4/g1/180p/00000-f0.mp4"
        world.storage.put(b"late", BUCKET, late, content_type="video/mp4")
        world.clean_up()
        assert_well(world, generation=1)
        assert (BUCKET, late) not in world.storage.objects

    try_out(fault, play, tmp_path)
