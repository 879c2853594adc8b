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
from tests.worker.scenes import (
    CHUNKS,
    Fault,
    ask,
    assert_well,
    cancelled_half_way,
    cases_round_a_lane,
    succeeded,
)
from tests.worker.world import BUCKET, Call, Crash, World


def retried(recorder: Recorder, folder: Path) -> None:
    """Retry a job that was cancelled half way."""
    world = cancelled_half_way(recorder, folder)
    ask(lambda: control.retry("7ad4", world.connection))
    world.run_until_ended()
    done = dict(world.media.done)
    assert (done["plan"], done["audio"], done["chunk 0"]) == (1, 1, 1)
    assert done["chunk 1"] + done["mp4"] <= 3
    assert_well(world, generation=2)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(retried))
def test_a_retry_takes_over_what_is_finished(number: int, name: str, fault: Fault, tmp_path: Path) -> None:
    """Whatever fails, one generation opens, and no finished unit is done again."""
    recorder = Recorder(fault, at=number)
    retried(recorder, tmp_path)
    assert recorder.steps[number] == name


def asked_once(redo: UnitKey | None, recorder: Recorder, world: World) -> None:
    """Ask for a retry, or for a unit to be redone, and let the job run to its end."""
    with suppress(JobRejected):  # a unit cannot be redone of a job that is open
        control.retry("7ad4", world.connection, redo=redo)
    recorder.armed = False
    world.run_until_ended()
    assert_well(world, generation=2)


def retried_once(recorder: Recorder, folder: Path) -> None:
    """Ask once for a retry."""
    asked_once(None, recorder, cancelled_half_way(recorder, folder))


def redone_once(recorder: Recorder, folder: Path) -> None:
    """Ask once for a unit to be redone."""
    asked_once(CHUNKS[0], recorder, cancelled_half_way(recorder, folder))


def overtaken(redo: UnitKey | None, *, number: int, name: str, folder: Path) -> None:
    """Ask for a retry that is overtaken by another at one of its steps."""
    worlds: list[World] = []

    def overtake(call: Call) -> Any:
        recorder.armed = False
        control.retry("7ad4", worlds[0].connection, redo=redo if redo is None else CHUNKS[1])
        recorder.armed = True
        return call.do()

    recorder = Recorder(overtake, at=number)
    worlds.append(cancelled_half_way(recorder, folder))
    asked_once(redo, recorder, worlds[0])
    assert recorder.steps[number] == name


@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(retried_once))
def test_of_two_retries_at_once_one_opens_the_generation(number: int, name: str, tmp_path: Path) -> None:
    """The other, wherever it is overtaken, finds it open and changes nothing."""
    overtaken(None, number=number, name=name, folder=tmp_path)


@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(redone_once))
def test_of_two_units_redone_at_once_one_opens_the_generation(number: int, name: str, tmp_path: Path) -> None:
    """The other unit cannot be redone meanwhile: the job is open."""
    overtaken(CHUNKS[0], number=number, name=name, folder=tmp_path)


def redone(recorder: Recorder, folder: Path) -> None:
    """Have one chunk of a finished job done again."""
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
    manifest = Manifest.model_validate_json(world.storage.get(BUCKET, outputs.manifest_key))
    keys = [entry.key for entry in manifest.entries]
    assert any(key.startswith("out/7ad4/g1/180p/00000-") for key in keys)
    assert any(key.startswith("out/7ad4/g2/180p/00001-") for key in keys)
    assert not any(key.startswith("out/7ad4/g1/180p/00001-") for key in keys)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("number", "name"), cases_round_a_lane(redone))
def test_a_unit_that_is_redone_takes_what_is_made_from_it_along(
    number: int, name: str, fault: Fault, tmp_path: Path
) -> None:
    """The other chunk is the former generation's, and the readers' old outputs stay until the new ones are there."""
    recorder = Recorder(fault, at=number)
    redone(recorder, tmp_path)
    assert recorder.steps[number] == name
