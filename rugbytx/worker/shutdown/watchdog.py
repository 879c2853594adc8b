"""Say that the main loop turns: to systemd's watchdog, and by a file that a container's health check looks at.

A process that exists may hang all the same.  So this is said from Celery's own
event loop, which receives and acknowledges, and from nowhere else::

    event loop ──tick──► a file is touched            find /scratch/alive -mmin -5
                   └───► WATCHDOG=1 to $NOTIFY_SOCKET  WatchdogSec=300 (sd_notify(3))

Whether the worker *may* receive is the gate's to say: a worker whose store is
away is healthy, and restarting it helps nobody.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

#: The file's name on the scratch disk.
FILE = "alive"
#: How often the watchdog is fed, where systemd does not ask for it more often.
BEAT_S = 20.0


class Alive:
    """Says it; call ``tick`` as often as you like."""

    def __init__(
        self,
        scratch: Path,
        *,
        environ: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        variables = os.environ if environ is None else environ
        self._file = scratch / FILE
        self._socket = variables.get("NOTIFY_SOCKET", "")
        # A third of what systemd waits for, so that one lost word is no restart (sd_watchdog_enabled(3)).
        watchdog_s = int(variables.get("WATCHDOG_USEC") or 0) / 1e6
        self._beat_s = min(BEAT_S, watchdog_s / 3) if watchdog_s else BEAT_S
        self._monotonic = monotonic
        self._due_at = 0.0

    def ready(self) -> None:
        """Say that the worker receives from here on."""
        self._due_at = 0.0
        self._notify("READY=1")
        self.tick()

    def tick(self) -> None:
        """Say it if it is due; it neither blocks nor raises."""
        now = self._monotonic()
        if now < self._due_at:
            return
        self._due_at = now + self._beat_s
        # A full or broken disk is the gate's business, and must not end the loop.
        with contextlib.suppress(OSError):
            self._file.touch()
        self._notify("WATCHDOG=1")

    def _notify(self, word: str) -> None:
        if not self._socket:
            return
        # "@" stands for the null byte of an abstract address (sd_notify(3)).
        address = f"\0{self._socket[1:]}" if self._socket.startswith("@") else self._socket
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(word.encode(), address)
