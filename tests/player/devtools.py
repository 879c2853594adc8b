"""The DevTools protocol over a pipe: no port, no driver, no further package.

Chromium reads NUL-ended JSON from its descriptor 3 and writes it to its 4
(``--remote-debugging-pipe``, which Puppeteer and Playwright use as well).
"""

import json
import socket
import time
from typing import Any


class BrowserError(Exception):
    """The browser, or a script in a page, failed or did not answer in time."""


class Devtools:
    """Calls methods of the protocol, one after the other, and keeps what pages complained of."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self._calls = 0
        self._rest = b""
        #: What scripts threw and nobody caught, by session.
        self.thrown: dict[str, list[str]] = {}

    def call(self, method: str, *, session: str = "", timeout_s: float = 10.0, **params: Any) -> Any:
        """Return what a method answers; raises BrowserError."""
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        until = time.monotonic() + timeout_s
        self._pipe.settimeout(timeout_s)
        try:
            self._pipe.sendall(json.dumps(message).encode() + b"\0")
            while (answer := self._receive(until)).get("id") != message["id"]:
                self._note(answer)
        except TimeoutError as error:
            raise BrowserError(f"no answer to {method} within {timeout_s:g} s") from error
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            self._pipe.settimeout(max(0.001, until - time.monotonic()))
            read = self._pipe.recv(1 << 16)
            if not read:
                raise BrowserError("the browser is gone")
            self._rest += read
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        if event["method"] == "Runtime.exceptionThrown":
            thrown = self.thrown.setdefault(event["sessionId"], [])
            thrown.append(sentence(event["params"]["exceptionDetails"]))
        elif event["method"] == "Inspector.targetCrashed":
            raise BrowserError("the page has crashed")


def sentence(details: dict[str, Any]) -> str:
    """Return what a script threw."""
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details["text"])
