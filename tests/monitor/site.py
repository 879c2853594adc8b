"""The pages served in this process, on a system of fakes, and a visitor who asks for them."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

from celery import Celery
from flower.options import options as flower_options
from flower.urls import settings as flower_settings
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from rugbytx.monitor import access
from rugbytx.monitor.app import Monitor
from rugbytx.system import Connection

#: More than an answer takes on a busy machine.
ANSWER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """Return the body's text."""
        return self.body.decode()


@dataclass(kw_only=True)
class Visitor:
    """Somebody who asks, as a browser would; cookies are kept."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        """Return the answer to a GET."""
        return self._ask("GET", path, headers)

    def post(self, path: str, **headers: str) -> Answer:
        """Return the answer to a POST with an empty body."""
        return self._ask("POST", path, headers)

    def act(self, path: str, **headers: str) -> Answer:
        """Return the answer to a POST as a button makes it, from a page that was shown before."""
        self.get("/jobs")
        token = {"X-XSRFToken": self.cookies.get("_xsrf", ""), "Sec-Fetch-Site": "same-origin"}
        return self._ask("POST", path, {**token, **headers})

    def log_in(self, pair: str) -> None:
        """Say from here on who this is."""
        self.headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        sent = {"Accept": "application/json", **self.headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, headers=sent, body=b"" if method == "POST" else None)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(status=answer.status, headers=dict(answer.headers), body=body)


@contextmanager
def served(connection: Connection, **changed: Any) -> Iterator[tuple[Visitor, Monitor]]:
    """Serve the pages on a free port while the context is open; ``changed`` are options of Flower's."""
    started = threading.Event()
    made: dict[str, Any] = {}

    def serve() -> None:
        loop = IOLoop(make_current=True)
        application = Monitor(
            options=Options(address=access.LOOPBACK, read_only=None, **changed),
            capp=Celery("tests", broker="memory://", set_as_current=False),
            connection=connection,
            **flower_settings,
        )
        server = HTTPServer(application)
        (listening, *_) = bind_sockets(0, access.LOOPBACK)
        server.add_socket(listening)
        made.update(loop=loop, application=application, port=listening.getsockname()[1])
        loop.add_callback(started.set)
        loop.start()
        server.stop()
        application.executor.shutdown()
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert started.wait(ANSWER_S)
        yield Visitor(port=made["port"]), made["application"]
    finally:
        made["loop"].add_callback(made["loop"].stop)
        thread.join()


class Options:
    """Flower's options with a few of them changed, and those of this process left alone."""

    def __init__(self, **changed: Any) -> None:
        vars(self).update({**flower_options.as_dict(), **changed})
