"""A unit's record: what it leaves behind is of its kind, and what a former version wrote is read."""

import pytest

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.lease.result import Mp4Result, Result, TracksResult
from rugbytx.core.lease.unit import (
    AUDIO,
    MP4,
    PLAN,
    RESULTS,
    Charge,
    Kind,
    Measured,
    State,
    Unit,
    UnitKey,
    to_json,
)
from tests.plans import small_plan

TRACKS = TracksResult(fingerprint="f", files=())


def done(key: UnitKey, result: Result) -> Unit:
    """Return a finished unit."""
    return Unit(key=key, generation=1, state=State.DONE, fence=1, result_json=to_json(result, key))


def test_every_kind_leaves_something_behind() -> None:
    """A kind without a model could not be read back."""
    assert set(RESULTS) == set(Kind)


@pytest.mark.parametrize(
    ("key", "result"),
    [
        (PLAN, small_plan(chunks=2)),
        (AUDIO, TRACKS),
        (UnitKey(Kind.VIDEO, 3), TRACKS),
        (MP4, Mp4Result(key="k", size_bytes=1, sha256="0")),
    ],
    ids=str,
)
def test_a_result_comes_back_as_its_kinds_model(key: UnitKey, result: Result) -> None:
    """Through the record, whose fields are text and numbers."""
    unit = Unit.model_validate(done(key, result).model_dump(mode="json"))
    assert (unit.key, unit.result) == (key, result)
    assert unit.result_as(type(result)) == result


def test_another_kinds_result_is_refused() -> None:
    """It would be found when somebody wants to publish it."""
    with pytest.raises(TypeError, match="MP4 leaves no TracksResult behind"):
        to_json(TRACKS, MP4)
    with pytest.raises(TypeError, match="AUDIO is DONE and has no Mp4Result"):
        done(AUDIO, TRACKS).result_as(Mp4Result)


def test_only_what_is_done_has_a_result() -> None:
    """Whoever asks before gets nothing, or hears it."""
    leased = done(AUDIO, TRACKS).model_copy(update={"state": State.LEASED})
    assert leased.result is None
    with pytest.raises(TypeError, match="AUDIO is LEASED"):
        leased.result_as(TracksResult)


def test_a_record_that_says_neither_charge_nor_result_is_read() -> None:
    """A unit that was never given back said an empty charge."""
    fields = {
        "key": "VIDEO#00003",
        "generation": 1,
        "state": "LEASED",
        "fence": 1,
        "charge": "",
        "result": "",
    }
    unit = Unit.model_validate(fields)
    assert (unit.key, unit.charge, unit.result) == (UnitKey(Kind.VIDEO, 3), Charge.NOTHING, None)


@pytest.mark.parametrize(("text", "worker_class"), [("", None), ("aws", WorkerClass.AWS)])
def test_a_class_that_nobody_said_is_an_empty_text_in_records(
    text: str, worker_class: WorkerClass | None
) -> None:
    """So versions that hold a class for a text read them too."""
    measured = Measured.model_validate({"worker_class": text})
    assert (measured.worker_class, measured.model_dump(mode="json")["worker_class"]) == (worker_class, text)
