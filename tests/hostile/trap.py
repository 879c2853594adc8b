"""Things that must not be touched: a port on loopback, and a file on this host.  Each knows whether it was."""

import os
import select
import socket
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

#: How often a watcher looks up; what it watches waits for it, so nothing is missed between two looks.
LOOK_S = 0.02


class Trap(ABC):
    """A context in which a thread watches for a visitor."""

    def __init__(self) -> None:
        self.visits = 0
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._leaving.wait(LOOK_S):
            self._look()

    @abstractmethod
    def _look(self) -> None:
        """Count whoever has come, and send him away."""


class Listener(Trap):
    """A TCP port on loopback: a caller waits in the kernel's queue until he is counted and sent away."""

    def __init__(self) -> None:
        super().__init__()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def _look(self) -> None:
        while select.select([self._socket], [], [], 0)[0]:
            caller, _ = self._socket.accept()
            caller.close()
            self.visits += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._look()
        self._socket.close()


class Canary(Trap):
    """A named pipe where a file would be: a reader waits in ``open`` until he is counted and sent away."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        os.mkfifo(path)
        self.path = path

    def _look(self) -> None:
        try:
            # Fails at once where nobody has it open for reading (fifo(7)).
            writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return
        os.close(writer)
        self.visits += 1
