"""Workers are started, watched and ended whole: no process is left, whoever dies first."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.errors import HostUnfit
from rugbytx.local.fleet import LocalWorker, worker_argv, worker_environ
from tests.processes import ends, watched

pytestmark = pytest.mark.process

#: Says its child's id and that it is ready, as a worker with its pool does.
_WITH_CHILD = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print("child", child.pid)
    print("one@here ready.")
    time.sleep(60)
"""

Start = Callable[[str], LocalWorker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a Python script where a worker would be; end it after the test."""
    workers: list[LocalWorker] = []

    def start_script(script: str) -> LocalWorker:
        argv = [sys.executable, "-c", textwrap.dedent(script)]
        workers.append(LocalWorker("one", argv, environ=os.environ, log=tmp_path / "one.log"))
        return workers[-1]

    yield start_script
    for worker in workers:
        worker.stop(grace_s=0.0)


def test_ready_is_seen_when_it_is_said(start: Start) -> None:
    """A worker is ready as soon as its log says so."""
    worker = start("print('[INFO] one@here ready.'); import time; time.sleep(60)")
    worker.wait_ready()
    assert not worker.has_ended()
    assert worker.log_tail() == "[INFO] one@here ready."


def test_early_death_is_told_at_once(start: Start) -> None:
    """A worker that dies while starting is an error that quotes its last words."""
    worker = start("raise SystemExit('no such broker')")
    with pytest.raises(HostUnfit, match=r"(?s)ended before it was ready.*no such broker"):
        worker.wait_ready()


def test_waiting_is_bounded(start: Start) -> None:
    """A worker that never becomes ready is an error after the time given."""
    worker = start("import time; time.sleep(60)")
    with pytest.raises(HostUnfit, match=r"not within 0\.2 s ready"):
        worker.wait_ready(0.2)


def test_a_polite_worker_may_finish(start: Start) -> None:
    """SIGTERM comes first, and a worker that heeds it ends in its own way."""
    worker = start("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("gave my unit back")))
        print("one@here ready.")
        time.sleep(60)
    """)
    worker.wait_ready()
    worker.stop()
    assert "gave my unit back" in worker.log_tail()


def test_a_deaf_worker_is_killed_with_its_children(start: Start) -> None:
    """Whoever ignores SIGTERM is killed, and so is everything in its group."""
    worker = start(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + textwrap.dedent(_WITH_CHILD)
    )
    worker.wait_ready()
    with watched(_child_of(worker)) as child:
        worker.stop(grace_s=0.1)
        assert ends(child)
    assert worker.has_ended()


def test_children_of_a_crashed_worker_are_cleared_away(start: Start) -> None:
    """After a crash of the main process, its children are gone once the death is noticed."""
    worker = start(_WITH_CHILD)
    worker.wait_ready()
    with watched(_child_of(worker)) as child, watched(worker.pid) as main:
        worker.kill()
        assert ends(main)
        assert worker.has_ended()
        assert ends(child)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    """A ``kill -9`` of whoever started the worker ends the worker too."""
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import os, pathlib, sys, time
            from rugbytx.local.fleet import LocalWorker
            argv = [sys.executable, "-c", "print('one@here ready.'); import time; time.sleep(60)"]
            worker = LocalWorker("one", argv, environ=os.environ, log=pathlib.Path({str(tmp_path / "log")!r}))
            worker.wait_ready()
            print(worker.pid, flush=True)
            time.sleep(60)
        """)],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        with watched(int(parent.stdout.readline())) as worker:
            parent.send_signal(signal.SIGKILL)
            assert ends(worker)


def test_the_real_command_is_used() -> None:
    """A local worker is started by the command that a host runs."""
    argv = worker_argv("one", log_level="INFO")
    assert argv[0] == sys.executable
    assert "-m celery -A rugbytx worker -Q transcode --concurrency 1" in " ".join(argv)


def test_the_classes_have_unlike_encoders() -> None:
    """As in real life, so that a job that both work on crosses a splice; who asks for one profile gets it."""
    classes: tuple[WorkerClass, ...] = (WorkerClass.JETSON, WorkerClass.AWS)
    made = [worker_environ({"RUGBYTX_WORKER_CLASS": "aws"}, worker_class) for worker_class in classes]
    assert [
        (one["RUGBYTX_WORKER_CLASS"], one["RUGBYTX_X264_PROFILE"], one["RUGBYTX_CELERY_CONFIG"])
        for one in made
    ] == [("jetson", "high", "local"), ("aws", "main", "local")]
    assert worker_environ({"RUGBYTX_X264_PROFILE": "high"}, WorkerClass.AWS)["RUGBYTX_X264_PROFILE"] == "high"


def _child_of(worker: LocalWorker) -> int:
    return int(worker.log_tail().split("child ")[1].split()[0])
