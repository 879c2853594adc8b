"""A headless Chromium with a fresh profile."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.player.devtools import BrowserError, Devtools, sentence

#: Debian's name for it.
PROGRAM = "chromium"
#: Descriptors 3 and 4 are both ends of the same socket.
_LAUNCH = 'socket=$1; shift; exec "$@" 3<&"$socket" 4>&"$socket"'
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # tests run as root in containers, and play only what they have made
)
#: More than starting it, or loading a page, takes on a busy machine.
_START_S = 30.0


class Chromium:
    """A context manager: a browser, and no process and no file of it afterwards."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            profile = Path(tempfile.mkdtemp(prefix="rugbytx-chromium-"))
            stack.callback(shutil.rmtree, profile, ignore_errors=True)
            ours, theirs = socket.socketpair()
            self.devtools = Devtools(stack.enter_context(ours))
            launch = ["bash", "-c", _LAUNCH, "bash", str(theirs.fileno())]
            with theirs, (profile / "log").open("wb") as log:
                process = subprocess.Popen(
                    [*launch, PROGRAM, *_FLAGS, f"--user-data-dir={profile}"],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "HOME": str(profile)},
                    start_new_session=True,
                )
            stack.callback(_end, process)
            self.devtools.call("Browser.getVersion", timeout_s=_START_S)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Tab:
    """A context manager: one page, loaded, and its scripts run."""

    def __init__(self, browser: Chromium, url: str) -> None:
        self._devtools, self._url = browser.devtools, url
        self._target = self._session = ""

    def __enter__(self) -> Self:
        self._target = self._devtools.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._devtools.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Inspector"):
            self._call(f"{domain}.enable")
        self._call("Page.setBypassCSP", enabled=True)  # for scripts of the test's own
        answer = self._call("Page.navigate", url=self._url, timeout_s=_START_S)
        if error := answer.get("errorText"):
            raise BrowserError(f"{self._url}: {error}")
        self.run(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', () => done()))",
            timeout_s=_START_S,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._devtools.call("Target.closeTarget", targetId=self._target)

    @property
    def thrown(self) -> list[str]:
        """Return what the page's scripts threw and nobody caught."""
        return self._devtools.thrown.get(self._session, [])

    def run(self, script: str, *, timeout_s: float = 10.0) -> Any:
        """Return an expression's value, or what its promise gives, as JSON has it; raises BrowserError."""
        answer = self._call(
            "Runtime.evaluate",
            timeout_s=timeout_s,
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if details := answer.get("exceptionDetails"):
            raise BrowserError(sentence(details))
        return answer["result"].get("value")

    def _call(self, method: str, *, timeout_s: float = 10.0, **params: Any) -> Any:
        return self._devtools.call(method, session=self._session, timeout_s=timeout_s, **params)
