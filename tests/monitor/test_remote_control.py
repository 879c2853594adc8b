"""Whoever asks for Celery's remote control, by command or by setting, is told in a sentence what to ask instead."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.platforms import EX_UNAVAILABLE

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.local.fleet import LocalWorker, worker_argv, worker_environ
from rugbytx.local.system import LocalSystem
from rugbytx.settings import NO_REMOTE_CONTROL
from tests.monitor.conftest import PATIENCE_S
from tests.monitor.test_restarts import RUGBYTX, left

pytestmark = pytest.mark.process

ON = {"RUGBYTX_REMOTE_CONTROL": "on"}
OLD_SETTING = f"RUGBYTX_REMOTE_CONTROL is not a setting: {NO_REMOTE_CONTROL}"


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system that other commands can find."""
    with LocalSystem(jetson=0) as local:
        yield local


def answered(*argv: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Run a command."""
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env={**os.environ, **changed}
    )


@pytest.mark.parametrize("words", ["status", "inspect ping", "control shutdown"])
@pytest.mark.usefixtures("system")
def test_celery_says_where_to_ask(words: str) -> None:
    """At once and with status 69, and the old setting changes nothing of it."""
    answer = answered(sys.executable, "-m", "celery", "-A", "rugbytx", *words.split(), **ON)
    assert answer.returncode == EX_UNAVAILABLE
    assert NO_REMOTE_CONTROL in answer.stdout + answer.stderr


@pytest.mark.usefixtures("system")
def test_a_command_refuses_the_old_setting() -> None:
    """As it refuses every name that is no setting."""
    answer = answered(RUGBYTX, "list", **ON)
    assert answer.returncode == 2
    assert answer.stderr.strip() == f"rugbytx: {OLD_SETTING}"


@pytest.mark.usefixtures("system")
def test_a_worker_warns_and_works(tmp_path: Path) -> None:
    """Of the old setting and of Celery's own; neither makes a queue, a topic or a subscription."""
    before = left()
    worker = LocalWorker(
        "asked",
        [*worker_argv("asked", log_level="INFO"), ".enable_remote_control=yes"],
        environ={**worker_environ(os.environ, WorkerClass.JETSON), **ON},
        log=tmp_path / "worker.log",
    )
    try:
        worker.wait_ready(PATIENCE_S)
        log = worker.log.read_text()
        assert OLD_SETTING in log
        assert log.count(NO_REMOTE_CONTROL) == 2
        assert '"event": "remote-control-off"' in log
        assert left() == before
    finally:
        worker.stop()
