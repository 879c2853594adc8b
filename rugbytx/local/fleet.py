"""Worker processes on this machine: the real command, started, watched and ended."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.errors import HostUnfit
from rugbytx.media.encode.encoder_options import X264Profile
from rugbytx.worker.shutdown.drain import LEAVE_S

#: Ends Celery's last line before it receives, behind the node's name.
_READY = " ready."
_TAIL_LINES = 15
#: More than a worker takes to be ready on a busy machine.
READY_S = 120.0
#: How long the rest of a dead group may hold on to the log.
_REAP_S = 5.0


#: The classes have unlike encoders in real life, and so here: what both work on crosses a splice.
X264_PROFILES: Mapping[WorkerClass, X264Profile] = {WorkerClass.JETSON: "high", WorkerClass.AWS: "main"}


def worker_environ(environ: Mapping[str, str], worker_class: WorkerClass) -> dict[str, str]:
    """Return the environment of a local worker of this class; an x264 profile in ``environ`` holds for all."""
    return {
        "RUGBYTX_X264_PROFILE": X264_PROFILES[worker_class],
        **environ,
        "RUGBYTX_CELERY_CONFIG": "local",
        "RUGBYTX_WORKER_CLASS": worker_class,
    }


def worker_argv(name: str, *, log_level: str) -> list[str]:
    """Return the command that a real host runs too, for one slot.

    Gossip and mingle would ask other workers through the broker, which SQS
    answers slowly and nobody here listens to.
    """
    return [
        *(sys.executable, "-m", "celery", "-A", "rugbytx", "worker"),
        *("-Q", "transcode", "--concurrency", "1", "-n", f"{name}@%h"),
        *("--loglevel", log_level, "--without-gossip", "--without-mingle"),
    ]


class LocalWorker:
    """One worker process in a process group of its own.

    Its output goes to ``log``, through a thread that watches for readiness and
    for the end.  It must be started from the main thread: ``setpriv`` binds
    the worker's life to the thread that forked it (prctl(2),
    PR_SET_PDEATHSIG), so that a worker does not outlive even a ``kill -9`` of
    its parent.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path,
        worker_class: WorkerClass = WorkerClass.JETSON,
    ) -> None:
        self.name = name
        self.worker_class = worker_class
        self.log = log
        #: Set when the worker said that it is ready, and when its output ended.
        self._told = threading.Event()
        self._is_ready = False
        log.touch()
        prefix = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
        self._process = subprocess.Popen(
            [*prefix, *argv],
            env={**environ, "PYTHONUNBUFFERED": "1"},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Return the main process's id, which is its group's too."""
        return self._process.pid

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Return when the worker receives; raises HostUnfit, with its log's end, if it does not."""
        self._told.wait(timeout_s)
        if not self._is_ready:
            state = "ended before it was" if self._told.is_set() else f"was not within {timeout_s:g} s"
            raise HostUnfit(f"Worker {self.name} {state} ready. Its log ends:\n{self.log_tail()}")

    def has_ended(self) -> bool:
        """Return whether the main process is dead; if so, nothing of its group lives on."""
        return self._reap(0.0)

    @property
    def exit_code(self) -> int | None:
        """Return the main process's exit status, negative for a signal; None while it lives."""
        return self._process.returncode if self.has_ended() else None

    def kill(self) -> None:
        """Kill the main process alone, as a crash would; ``stop`` then clears away what it left."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def stop(self, *, grace_s: float = LEAVE_S + 1) -> None:
        """Ask the worker to leave, then kill its whole group; in the end nothing of it is left."""
        self.ask_to_stop()
        if not self._reap(grace_s):
            self.kill()
            self._reap(_REAP_S)
        self._reader.join(_REAP_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, on which a worker gives its units back and leaves."""
        if self._process.returncode is None:
            self._process.terminate()

    def log_tail(self) -> str:
        """Return the last lines of the worker's log."""
        with self.log.open(encoding="utf-8") as file:
            return "".join(deque(file, maxlen=_TAIL_LINES)).rstrip()

    def _reap(self, timeout_s: float) -> bool:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        # At once, while the number of the group cannot have come to mean another.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return True

    def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is not None:
            with pipe, self.log.open("a", encoding="utf-8", buffering=1) as log:
                for line in pipe:
                    log.write(line)
                    if not self._is_ready and _READY in line:
                        self._is_ready = True
                        self._told.set()
        self._told.set()
