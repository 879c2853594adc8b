"""What the documents tell people to type is there to be typed."""

import re
from pathlib import Path

import pytest

from rugbytx.cli.app import COMMANDS
from rugbytx.settings import Settings
from tests.deploy.template import AWS, load

ROOT = AWS.parents[1]
PAGES = [ROOT / "docs" / f"{name}.md" for name in ("deploy", "operate", "security", "migrate")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_and_script_is_there(page: Path) -> None:
    """Commands of ours, and files of the repository."""
    text = page.read_text()
    for command in re.findall(r"(?:`|^|\$ )rugbytx ([a-z-]+)", text, re.MULTILINE):
        assert command in COMMANDS, command
    for path in re.findall(r"\b((?:scripts|deploy|docs)/[\w./-]*\w)", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_setting_and_parameter_is_one(page: Path) -> None:
    """Settings by their names, parameters as ``stack:Name``."""
    text = page.read_text()
    for name in re.findall(r"\bRUGBYTX_([A-Z_]+[A-Z])\b", text):
        assert name.lower() in Settings.model_fields, name
    for stack, name in re.findall(r"\b(data|fleet|control):([A-Z]\w+)", text):
        assert name in load(stack)["Parameters"], f"{stack}:{name}"
