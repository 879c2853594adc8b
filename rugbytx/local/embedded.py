"""SQS, S3 and DynamoDB inside this process: moto's server behind one lock.

moto's DynamoDB and SQS models are not made for threads: with the interpreter
switching often, its threaded server let two conditional writes both succeed,
lost ADDs and handed one message to two receivers.  So one lock is held from a
request's last byte in to its answer's last byte made::

    read the body │ lock ─ moto ─ collect the answer ─ unlock │ send the answer
                            │
                            └ nothing received, and the caller would wait:
                              let go of the lock until a queue changes, look again

Everything is in memory and gone when the server stops.
"""

import contextlib
import io
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.model_instances import reset_model_data
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import SQSBackend
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.test import run_wsgi_app

from rugbytx.errors import SettingsError
from rugbytx.local.narrow import narrowed

HOST = "127.0.0.1"
#: A message also becomes visible when its timeout or its delay ends, which nobody announces.
RECHECK_S = 0.25
#: How long a stop waits for the requests under way, in all.
STOP_S = 5.0
#: moto keeps every object above 5 MB in an open temporary file.
OPEN_FILES = 16_384

logger = logging.getLogger(__name__)

#: moto's backends belong to the process, so a second server would share and wipe the first one's.
_in_use = threading.Lock()


class EmbeddedAws:
    """A context manager: an empty AWS at ``endpoint_url`` while it is entered.

    Only one may run in a process at a time.  Port 0 takes any free one.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port
        self._stack = contextlib.ExitStack()
        self.endpoint_url = ""

    def start(self) -> Self:
        """Serve, from a clean state; raises SettingsError where the port cannot be had."""
        if not _in_use.acquire(blocking=False):
            raise RuntimeError("an EmbeddedAws is running in this process already")
        with contextlib.ExitStack() as stack:
            stack.callback(_in_use.release)
            _allow_open_files()
            _reset()
            stack.callback(_reset)
            guard = _Guard(DomainDispatcherApplication(create_backend_app))
            stack.enter_context(replace_attribute(BaseModel, "__new__", staticmethod(_plain_new)))
            stack.enter_context(replace_attribute(SQSBackend, "receive_message", guard.receive_message))
            stack.enter_context(replace_attribute(Table, "query", narrowed(Table.query)))
            server = stack.enter_context(_served(guard, self._port))
            self.endpoint_url = f"http://{HOST}:{server.port}"
            self._stack = stack.pop_all()
        logger.debug("embedded AWS serves %s", self.endpoint_url)
        return self

    def stop(self) -> None:
        """Hang up on every client, end every long poll, and forget everything; stopping twice is stopping once."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Guard:
    """The WSGI application that lets one request at a time into moto."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        #: Its lock is the one round moto; it is notified when a queue may have changed.
        self._changed = threading.Condition(threading.Lock())
        self._stopping = False
        #: How long the receive now in moto, which found nothing, would wait; None for any other request.
        self._wait_s: float | None = None
        # A plain function, so that it binds to the backend that it becomes a method of.
        self.receive_message = self._receiver(SQSBackend.receive_message)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = _read_body(environ)
        with self._changed:
            chunks, status, headers = self._answer(environ, body)
        start_response(status, headers)
        return chunks

    def stop(self) -> None:
        """End every long poll."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _answer(self, environ: dict[str, Any], body: bytes) -> tuple[Iterable[bytes], str, Any]:
        """Return moto's answer; an empty receive is asked again until its wait is over.

        To be called with the lock, which is let go of while waiting.
        """
        until: float | None = None
        while True:
            self._wait_s = None
            request = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            answer = run_wsgi_app(self._app, request, buffered=True)
            if self._wait_s is None:
                if _may_change_queues(environ):
                    self._changed.notify_all()
                return answer
            if until is None:
                until = time.monotonic() + self._wait_s
            left_s = until - time.monotonic()
            if left_s <= 0 or self._stopping:
                return answer
            self._changed.wait(min(left_s, RECHECK_S))
            if _hung_up(environ["werkzeug.socket"]):
                return answer  # a message must not be received by a client that was killed

    def _receiver(self, receive: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        """Return moto's ``receive_message`` without its waiting: it would wait inside the lock."""

        def receive_message(
            backend: SQSBackend, queue_name: str, count: int, wait_s: int, *args: Any, **kwargs: Any
        ) -> list[Any]:
            messages = receive(backend, queue_name, count, 0, *args, **kwargs)
            self._wait_s = None if messages else float(wait_s)
            return messages

        return receive_message


class _Server(ThreadedWSGIServer):
    """A threaded server that knows its connections, and can hang up on them."""

    def __init__(self, guard: _Guard, listening: socket.socket) -> None:
        self._talking: dict[socket.socket, threading.Thread] = {}
        # With a socket of our own: werkzeug's way to say "port in use" is sys.exit.
        super().__init__(HOST, 0, guard, handler=_QuietHandler, fd=listening.fileno())

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._talking[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._talking[request]

    def hang_up(self) -> None:
        """Cut every connection and wait, within bounds, for its thread to notice."""
        under_way = list(self._talking.items())
        for connection, _ in under_way:
            with contextlib.suppress(OSError):  # its thread may have closed it just before
                connection.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + STOP_S
        for _, thread in under_way:
            thread.join(max(0.0, until - time.monotonic()))


class _QuietHandler(MotoRequestHandler):
    """Logs errors, but not each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextlib.contextmanager
def _served(guard: _Guard, port: int) -> Iterator[_Server]:
    try:
        listening = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise SettingsError(f"port {port} on {HOST} cannot be used: {error.strerror}") from error
    with listening:
        server = _Server(guard, listening)
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-aws", daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            guard.stop()
            server.shutdown()
            thread.join()
            server.hang_up()


@contextlib.contextmanager
def replace_attribute(owner: type, name: str, value: Any) -> Iterator[None]:
    """Put another attribute into a class for as long as the context lasts."""
    original = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _plain_new(cls: type, *_args: Any, **_kwargs: Any) -> Any:
    """Make a model as Python does: moto's own form keeps every instance for ever, for its dashboard."""
    return object.__new__(cls)


def _reset() -> None:
    """Empty every backend of moto's, and close the files of S3's."""
    BackendDict.reset()
    reset_model_data()


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _read_body(environ: dict[str, Any]) -> bytes:
    """Return the whole body, so that a slow sender does not hold the lock."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):  # chunked: the stream knows its own end
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))


def _may_change_queues(environ: dict[str, Any]) -> bool:
    """Return whether the request is signed for SQS, or for SNS, which delivers into queues.

    The scope of a signature names the service (AWS Signature Version 4).
    """
    scope = environ.get("HTTP_AUTHORIZATION", "")
    return "/sqs/" in scope or "/sns/" in scope


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
