"""A retry takes over what is finished, and opens one generation, wherever it is cut off or overtaken."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rugbytx.control import job as control
from rugbytx.core.lease.unit import UnitKey
from rugbytx.core.output.result import Manifest
from rugbytx.errors import JobRejected, RugbytxError
from tests.worker.faults import FAULTS, Recorder
from tests.worker.scenes import CHUNKS, Fault, ask, assert_well, cancelled_half_way, succeeded, try_out
from tests.worker.world import BUCKET, Call, Crash


@pytest.mark.parametrize("fault", FAULTS)
def test_a_retry_takes_over_what_is_finished(fault: Fault, tmp_path: Path) -> None:
    """Whatever fails, one generation opens, and no finished unit is done again."""

    def play(recorder: Recorder, folder: Path) -> None:
        world = cancelled_half_way(recorder, folder)
        ask(lambda: control.retry("7ad4", world.connection))
        world.run_until_ended()
        done = dict(world.media.done)
        assert (done["plan"], done["audio"], done["chunk 0"]) == (1, 1, 1)
        assert done["chunk 1"] + done["mp4"] <= 3
        assert_well(world, generation=2)

    try_out(fault, play, tmp_path)


@pytest.mark.parametrize("redo", [None, CHUNKS[0]])
def test_of_two_retries_at_once_one_opens_the_generation(redo: UnitKey | None, tmp_path: Path) -> None:
    """The other, wherever it is overtaken, finds it open and changes nothing."""

    def play(recorder: Recorder, folder: Path) -> None:
        world = cancelled_half_way(recorder, folder)
        worlds[:] = [world, recorder]
        with suppress(JobRejected):  # a unit cannot be redone of a job that is open
            control.retry("7ad4", world.connection, redo=redo)
        recorder.armed = False
        world.run_until_ended()
        assert_well(world, generation=2)

    worlds: list[Any] = []

    def overtake(call: Call) -> Any:
        world, recorder = worlds
        recorder.armed = False
        control.retry("7ad4", world.connection, redo=redo if redo is None else CHUNKS[1])
        recorder.armed = True
        return call.do()

    try_out(overtake, play, tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_unit_that_is_redone_takes_what_is_made_from_it_along(fault: Fault, tmp_path: Path) -> None:
    """The other chunk is the former generation's, and the readers' old outputs stay until the new ones are there."""

    def play(recorder: Recorder, folder: Path) -> None:
        world = succeeded(recorder, folder)
        former = set(world.storage.objects)
        before = dict(world.media.done)
        with suppress(Crash, RugbytxError):
            control.retry("7ad4", world.connection, redo=CHUNKS[1])
        if not world.job().is_open:
            control.retry("7ad4", world.connection, redo=CHUNKS[1])
        assert world.run_until_ended().outputs
        assert former <= set(world.storage.objects)
        done = {name: count - before[name] for name, count in world.media.done.items()}
        assert (done["plan"], done["audio"], done["chunk 0"]) == (0, 0, 0)
        assert 2 <= done["chunk 1"] + done["mp4"] <= 3
        assert_well(world, generation=2)
        outputs = world.job().outputs
        assert outputs
        keys = [
            entry.key
            for entry in Manifest.model_validate_json(world.storage.get(BUCKET, outputs.manifest_key)).entries
        ]
        assert any(key.startswith("out/7ad4/g1/180p/00000-") for key in keys)
        assert any(key.startswith("out/7ad4/g2/180p/00001-") for key in keys)
        assert not any(key.startswith("out/7ad4/g1/180p/00001-") for key in keys)

    try_out(fault, play, tmp_path)
