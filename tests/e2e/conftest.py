"""A running local system, and commands that see nothing of the caller's own systems."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rugbytx.local.system import LocalSystem
from rugbytx.system import chosen

#: The installed command.
RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))
#: An environment variable by which every process of a command can be found.
MARK = ("E2E_MARK", uuid.uuid4().hex)


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system without workers: tests start the ones they need with ``start_worker``.

    For one module only: a process can hold one system at a time, and other tests want theirs.
    """
    with LocalSystem(workers=0) as local:
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

    def run(*arguments: str, timeout_s: float = 60.0, **variables: str) -> "subprocess.CompletedProcess[str]":
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
