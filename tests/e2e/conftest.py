"""A running local system, and commands that see nothing of the caller's own systems."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import Unit, UnitKey
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection, chosen

#: More than anything that is waited for here takes on a busy machine.
WAIT_S = 120.0
#: The installed command.
RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))
#: An environment variable by which every process of a command can be found.
MARK = ("E2E_MARK", uuid.uuid4().hex)


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system without workers: tests start the ones they need with ``start_worker``.

    For one module only: a process can hold one system at a time, and other tests want theirs.
    """
    with LocalSystem(jetson=0) as local:
        yield local


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a counting test picture with a tone."""
    path = tmp_path_factory.mktemp("clip") / "short clip.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=6"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return path


@pytest.fixture
def command_environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment that chooses no system and where none is announced."""
    kept = {name: value for name, value in os.environ.items() if name not in chosen(os.environ)}
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    return {**kept, **dict([MARK]), "XDG_RUNTIME_DIR": str(runtime)}


RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_command(command_environ: dict[str, str], tmp_path: Path) -> RunCommand:
    """Run ``rugbytx`` with arguments to its end."""

    def run(
        *arguments: str, timeout_s: float = WAIT_S, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [RUGBYTX, *arguments],
            env={**command_environ, **variables},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    return run


def wait_for(connection: Connection, job: Job, holds: Callable[[Job, Mapping[UnitKey, Unit]], bool]) -> Job:
    """Return the job once something holds of it and its units."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        seen = connection.store.jobs.read(job.id)
        assert seen
        if holds(seen, connection.store.units.read(job.id, job.generation)):
            return seen
        time.sleep(0.05)
    pytest.fail(f"not within {WAIT_S:g} s")
