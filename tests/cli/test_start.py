"""Commands start light: what is heavy is imported once it is needed."""

import os
import subprocess
import sys

from rugbytx.cli.app import COMMANDS

#: Each takes a tenth of a second or more; pydantic, which Typer itself imports, is taken for granted.
HEAVY = {"boto3", "botocore", "celery", "flower", "kombu", "moto", "rich", "simpy", "tornado"}

#: A process for each, forked from one that has only what all of them need.
SCRIPT = """
import os, sys
from typer.testing import CliRunner
from rugbytx.cli.app import app
for command in sys.argv[1:]:
    sys.stdout.flush()
    if os.fork() == 0:
        result = CliRunner().invoke(app, [command, "--help"], catch_exceptions=False)
        print(command, "Usage" in result.output, *sorted(name for name in sys.modules if "." not in name))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_help_imports_nothing_heavy() -> None:
    """Of any command."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *COMMANDS], capture_output=True, text=True, check=True, timeout=300
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [words[:2] for words in lines] == [[command, "True"] for command in COMMANDS]
    assert {words[0]: HEAVY & set(words[1:]) for words in lines if HEAVY & set(words[1:])} == {}


def test_a_shell_can_complete_commands() -> None:
    """By Typer's own protocol, which ``--install-completion`` sets up."""
    environ = {"COMP_WORDS": "rugbytx bum", "COMP_CWORD": "1", "_RUGBYTX_COMPLETE": "complete_bash"}
    argv = [sys.executable, "-c", "from rugbytx.cli import main; import sys; sys.argv[0] = 'rugbytx'; main()"]
    done = subprocess.run(
        argv, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split() == ["bump"]
