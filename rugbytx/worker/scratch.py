"""The scratch disk: a folder for each pool child, and the end of those whose child is gone."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The prefix of a child's folder; nothing else on the disk is ever removed.
PREFIX = "lane-"
#: A child holds this file of its folder locked for as long as it lives, however it ends.
LOCK = "lock"


def claim(root: Path, worker: str) -> Path:
    """Return a new folder of this process under the worker's, and remove those of all dead processes.

    A lock and not a process id says who lives: ids are used again, and two
    containers that share a disk count their own.
    """
    place = root / worker.replace("/", "-")
    place.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        for folder in root.glob(f"*/{PREFIX}*"):
            if _is_dead(folder):
                shutil.rmtree(folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
        # Kept open on purpose: the lock ends with the process.
        fcntl.flock(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC), fcntl.LOCK_EX)
    return folder


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let one process at a time make and remove folders, so that none is removed before it is locked."""
    with (root / f".{LOCK}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_dead(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True  # it died between making the folder and locking it
    return True
