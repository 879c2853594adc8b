"""The simulated hybrid is the one that was played: ``scripts/demo hybrid``, recorded once, played again here.

``played.json`` is what ``scripts/demo hybrid --records tests/hybrid/played.json``
wrote on a machine of two cores.
"""

import json
from pathlib import Path

import pytest

from tests.hybrid import agree
from tests.hybrid.record import Record

_KEPT = json.loads((Path(__file__).parent.parent / "hybrid" / "played.json").read_text(encoding="utf-8"))
RECORDS = {raw["scene"]: Record.model_validate(raw) for raw in _KEPT}


@pytest.mark.parametrize("scene", RECORDS)
def test_a_scene_is_decided_as_it_was_played(scene: str) -> None:
    """Each decision, its number and its reason, has its partner within two ticks."""
    record = RECORDS[scene]
    assert list(agree.lonely(record, agree.simulated(record))) == []


def test_another_policy_would_not_agree() -> None:
    """The burst under a margin that takes half of its time is decided otherwise."""
    record = RECORDS["b"]
    other = record.model_copy(update={"settings": {**record.settings, "margin_s": 60.0}})
    assert list(agree.lonely(record, agree.simulated(other)))


def test_the_burst_is_more_than_one_decision() -> None:
    """What agrees is a sequence of numbers and reasons."""
    words = {one.words for one in agree.changes(RECORDS["b"].said)}
    assert len(words) > 3


def test_a_decision_that_comes_too_late_has_no_partner() -> None:
    """Three ticks are more than two."""
    record = RECORDS["c"]
    late_s = 3 * agree.tick_s(record)
    said = [one.model_copy(update={"at_s": one.at_s + late_s}) for one in agree.simulated(record)]
    assert list(agree.lonely(record, said))
