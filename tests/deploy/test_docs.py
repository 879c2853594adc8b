"""What the documents tell people to type is there to be typed."""

import re
from pathlib import Path

import pytest

from rugbytx.cli.app import COMMANDS
from rugbytx.settings import Settings
from tests.deploy.template import load
from tests.docs.document import DOCUMENTS, ROOT, code_lines, text

#: What changed once may have changed again since.
PAGES = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@EACH_PAGE
def test_each_command_and_script_is_there(page: Path) -> None:
    """Commands of ours, and files of the repository."""
    for line in code_lines(page):
        for command in re.findall(r"(?:^|; |\$ |=\w+ )rugbytx ([a-z][a-z-]*)", line):
            assert command in COMMANDS, line
    for path in re.findall(r"(?<![\w./])((?:scripts|deploy|docs)/[\w./-]*\w)", text(page)):
        assert (ROOT / path).exists(), path


@EACH_PAGE
def test_each_setting_and_parameter_is_one(page: Path) -> None:
    """Settings by their names, parameters as ``stack:Name``."""
    words = text(page)
    for name in re.findall(r"\bRUGBYTX_([A-Z_]+[A-Z])\b", words):
        assert name.lower() in Settings.model_fields, name
    for stack, name in re.findall(r"\b(data|fleet|control):([A-Z]\w+)", words):
        assert name in load(stack)["Parameters"], f"{stack}:{name}"
