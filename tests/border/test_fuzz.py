"""Every border answers whatever it is given by its model or by its own refusal."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.border.fuzz import BORDERS, CORPUS, PARSERS, Border, case, outcome, seeds

#: How many cases of each border the suite runs; the page of the longer run is docs/reference/borders.md.
CASES = 300

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def test_every_border_has_a_corpus() -> None:
    """And every corpus a border, and every border a parser that is there."""
    assert {path.stem for path in CORPUS.iterdir()} == {border.name for border in BORDERS} == PARSERS.keys()


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: border.name)
def test_seeds_are_read(border: Border) -> None:
    """At least one of each corpus is what the border is for."""
    assert "read" in {outcome(border, _given(border, seed)) for seed in seeds(border)}


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: border.name)
def test_what_is_nearly_right_is_read_or_refused(border: Border) -> None:
    """The same cases every time."""
    corpus = seeds(border)
    for number in range(CASES):
        outcome(border, case(border, corpus, number))


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: border.name)
@settings(max_examples=60, deadline=None)
@given(value=json_values, text=st.text(max_size=60))
def test_anything_else_is_read_or_refused(border: Border, value: Any, text: str) -> None:
    """Any JSON value, and any text."""
    outcome(border, _given(border, value))
    if not border.is_value:
        outcome(border, text)


def _given(border: Border, value: Any) -> Any:
    """Return a value as the border is given it."""
    return value if border.is_value else json.dumps(value)
