"""The Celery app is a value until Celery asks it for something; each program here is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rugbytx.settings import Settings
from rugbytx.worker.process import WorkerProcess
from rugbytx.worker.shutdown.drain import Leave, Notice

#: No setting of this name, and one that is no number.
BROKEN = {"RUGBYTX_WORKER_CLASS": "abacus", "RUGBYTX_LEASE_S": "soon"}

_IMPORTS = """
import os, signal, sys, threading
from celery import signals
before = (threading.active_count(), signal.getsignal(signal.SIGTERM), set(os.listdir(".")))
import rugbytx.worker, rugbytx.worker.app, rugbytx.worker.legacy_task
from rugbytx import app
assert app is rugbytx.worker.app.app
assert (threading.active_count(), signal.getsignal(signal.SIGTERM), set(os.listdir("."))) == before
assert not hasattr(app, "worker_process")
"""


def run(argv: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder of its own, with these settings only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUGBYTX_", "AWS_"))}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        argv,
        cwd=folder,
        env=kept | {"PYTHONPATH": root} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.process
def test_importing_it_reads_no_setting_and_does_nothing(tmp_path: Path) -> None:
    """Not even settings that are wrong are noticed: no thread, no file, no handler."""
    done = run([sys.executable, "-c", _IMPORTS], tmp_path, **BROKEN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.process
def test_a_wrong_setting_ends_who_asks_for_a_key(tmp_path: Path) -> None:
    """With a sentence that names it, and no traceback."""
    done = run([sys.executable, "-c", "import rugbytx; rugbytx.app.conf.broker_url"], tmp_path, **BROKEN)
    assert done.returncode == 1
    assert done.stderr.startswith("rugbytx worker: ")
    assert "RUGBYTX_WORKER_CLASS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_a_wrong_setting_ends_the_documented_command(tmp_path: Path) -> None:
    """Likewise."""
    celery = str(Path(sys.executable).with_name("celery"))
    done = run([celery, "-A", "rugbytx", "worker", "-Q", "transcode"], tmp_path, **BROKEN)
    assert done.returncode == 1
    assert "rugbytx worker: " in done.stderr
    assert "RUGBYTX_WORKER_CLASS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("environ", "wait_s"),
    [
        ({"RUGBYTX_WORKER_CLASS": "jetson"}, 20),
        ({"RUGBYTX_WORKER_CLASS": "aws"}, 2),
        ({"RUGBYTX_WORKER_CLASS": "jetson", "RUGBYTX_CELERY_CONFIG": "local"}, 2),
    ],
)
def test_keys_are_those_of_the_host(environ: dict[str, str], wait_s: int, tmp_path: Path) -> None:
    """By its class, or by the setting for it; they are read once they are asked for."""
    program = "import rugbytx; print(rugbytx.app.conf.broker_transport_options['wait_time_seconds'])"
    done = run([sys.executable, "-c", program], tmp_path, **environ)
    assert (done.returncode, done.stdout.strip()) == (0, str(wait_s)), done.stderr


def test_a_child_shares_the_notice_and_no_connection(tmp_path: Path) -> None:
    """What is told to leave is the whole worker; ports, media and folder are each process's own."""
    main = WorkerProcess(
        name="celery@jetson-1", settings=Settings(scratch=tmp_path), notice=Notice(), main_pid=os.getpid()
    )
    main.forget()
    child = main.of_slots(2).child()
    main.notice.give(Leave.CHUNK)
    assert child.notice.asked is Leave.CHUNK
    assert child.slots == 2
    assert child.media is not main.media
    assert child.media.faults is not main.media.faults
    assert child.scratch == child.scratch
    assert child.scratch != main.scratch
