"""The reference says what the code says; so do the glossary's lists and the table of layers."""

import re
import tomllib
from enum import StrEnum

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State
from rugbytx.settings import Settings
from tests.docs import reference
from tests.docs.document import ROOT, text


def test_the_settings_are_those_of_the_code() -> None:
    """Each with its default, what it takes and what it is; `scripts/reference` writes them."""
    assert reference.block(reference.SETTINGS, "settings") == reference.settings_table()


def test_every_setting_is_there() -> None:
    """No field is left out by the way its comments are read."""
    assert [name for row in reference.rows() for name in row.names] == list(Settings.model_fields)


def test_the_commands_are_those_of_the_code() -> None:
    """Each with the first words of its help; `scripts/reference` writes them."""
    assert reference.block(reference.COMMANDS, "commands") == reference.commands_table()


def test_the_exit_statuses_are_those_of_the_code() -> None:
    """Each number with its name and what it means; `scripts/reference` writes them."""
    assert reference.block(reference.COMMANDS, "exit-statuses") == reference.exit_statuses_table()


@pytest.mark.parametrize("words", [Status, Kind, State])
def test_the_glossary_has_each_status_kind_and_state(words: type[StrEnum]) -> None:
    """All of them in one row, and no other."""
    rows = [line.split(" | ")[0].strip("| ") for line in text(ROOT / "docs" / "glossary.md").splitlines()]
    assert sorted(words) in [sorted(row.split(", ")) for row in rows]


def test_the_layers_are_those_that_imports_are_held_to() -> None:
    """From the top, as import-linter has them."""
    contracts = tomllib.loads(text(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["name"] == "Imports point down")
    held = [layer.split(" | ") for layer in contract["layers"]]
    table = text(ROOT / "ARCHITECTURE.md").partition("| layer | what it is |")[2].partition("\n\n")[0]
    named = [re.findall(r"`([\w]+)`", line.split(" | ")[0]) for line in table.splitlines()[2:]]
    assert named == held
