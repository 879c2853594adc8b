"""A reverse proxy on loopback that hurts the requests to an AWS endpoint on purpose.

::

    client ──► FaultProxy ──► endpoint
                 │ which service, which operation?  the first rule that matches decides
                 └ pass, or 403/500/503, refuse, hang, slow, cut, lose-answer, twice

A fault happens either before the endpoint saw the request (it has had no
effect) or after (it has had its whole effect); ``Fault`` says which.  Bodies
are streamed, whatever their size.  A client that hangs up is hung up on at the
endpoint too, as it would be without the proxy.
"""

import contextlib
import http.client
import math
import os
import random
import select
import socket
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from tests.faults.request import BLOCK_BYTES, Request, copied, error_answer

HOST = "127.0.0.1"
#: No answer of the endpoint takes longer: a long poll is 20 s.
ENDPOINT_TIMEOUT_S = 60.0
#: How long an ending proxy waits for the requests under way, in all.
END_S = 5.0
#: How often a held request looks whether its client has gone.
LOOK_S = 0.1
#: What ``TWICE`` keeps in memory of a body; more goes to a file.
SPOOL_BYTES = 1024 * 1024


class Fault(StrEnum):
    """What becomes of a request."""

    PASS = "pass"
    #: Without effect: AWS says no.
    STATUS_403 = "403"
    STATUS_500 = "500"
    STATUS_503 = "503"
    #: Without effect: a reset instead of an answer.
    REFUSE = "refuse"
    #: Without effect: held open until released, at most for ``delay_s``, and then closed.
    HANG = "hang"
    #: Passed on when released, at the latest after ``delay_s``.
    SLOW = "slow"
    #: With effect: the connection closes in the middle of the answer.
    CUT = "cut"
    #: With effect: the connection closes without an answer.
    LOSE_ANSWER = "lose-answer"
    #: With effect, twice; the client gets the second answer, as an SDK does that retries after a lost one.
    TWICE = "twice"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A fault and the requests it befalls; an empty ``service`` or ``operation`` means any."""

    fault: Fault
    #: As in the scope of a signature: ``sqs``, ``dynamodb``, ``s3``.
    service: str = ""
    #: As in the service's API: ``ReceiveMessage``, ``UpdateItem``, ``PutObject``.
    operation: str = ""
    #: So many matching requests pass unharmed first.
    skip: int = 0
    #: Of the matching requests after those, every how-manieth is meant.
    every: int = 1
    #: After so many hits the rule is spent.
    times: int | None = None
    #: Of those meant, so many are hit.
    probability: float = 1.0
    delay_s: float = 30.0

    def matches(self, request: "Request | Seen") -> bool:
        """Return whether the rule is about requests like this one."""
        return self.service in {"", request.service} and self.operation in {"", request.operation}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that the proxy saw, and what became of it."""

    service: str
    operation: str
    fault: Fault
    #: ``time.monotonic`` when its head had arrived.
    at: float


class FaultProxy:
    """A context manager: the endpoint, at ``endpoint_url``, with faults; without rules everything passes.

    The luck is the caller's, so a seed gives the same decisions for the same
    order of requests.
    """

    def __init__(self, endpoint_url: str, luck: random.Random | None = None) -> None:
        self.endpoint = urlsplit(endpoint_url)
        self._luck = luck or random.Random(0)  # noqa: S311  faults, not secrets
        self._rules: tuple[Rule, ...] = ()
        self._matched: Counter[int] = Counter()
        self._hits: Counter[int] = Counter()
        self._changed = threading.Condition()
        self._released = threading.Event()
        self.has_ended = False
        #: Every request, in order.
        self.seen: list[Seen] = []
        #: Bytes of answers' bodies that were passed back.
        self.passed_bytes = 0

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.endpoint_url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="fault-proxy", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Close everything; ending twice is ending once."""
        self.has_ended = True
        self._released.set()
        self._server.shutdown()
        self._thread.join(END_S)
        self._server.hang_up()
        self._server.server_close()

    def set_rules(self, *rules: Rule) -> None:
        """Replace all rules from the next request on; none heals everything but what hangs already."""
        with self._changed:
            self._rules = rules
            self._matched.clear()
            self._hits.clear()

    def release(self) -> None:
        """Let go of the requests that are held."""
        with self._changed:
            self._released.set()
            self._released = threading.Event()

    def count(self, service: str = "", operation: str = "", fault: Fault | None = None) -> int:
        """Return how many such requests were seen."""
        wanted = Rule(service=service, operation=operation, fault=Fault.PASS)
        with self._changed:
            return sum(wanted.matches(seen) and fault in {None, seen.fault} for seen in self.seen)

    def hurt(self) -> Counter[tuple[str, str, str]]:
        """Return how often each fault befell each operation: ``hurt()["sqs", "DeleteMessage", "cut"]``."""
        with self._changed:
            return Counter(
                (seen.service, seen.operation, seen.fault.value)
                for seen in self.seen
                if seen.fault is not Fault.PASS
            )

    def wait_for(self, enough: Callable[[], bool], *, timeout_s: float = 30.0) -> bool:
        """Return whether ``enough()`` came true in time; it is asked after each request that is seen."""
        with self._changed:
            return self._changed.wait_for(enough, timeout_s)

    def decide(self, request: Request) -> tuple[Rule, threading.Event]:
        """Record the request; return the rule that befalls it, and what releases it should it hang."""
        with self._changed:
            rule = next(self._befalling(request), Rule(fault=Fault.PASS))
            self.seen.append(
                Seen(
                    service=request.service,
                    operation=request.operation,
                    fault=rule.fault,
                    at=time.monotonic(),
                )
            )
            self._changed.notify_all()
            return rule, self._released

    def _befalling(self, request: Request) -> Iterator[Rule]:
        for place, rule in enumerate(self._rules):
            if not rule.matches(request) or self._hits[place] == rule.times:
                continue
            self._matched[place] += 1
            turn = self._matched[place] - rule.skip
            if turn > 0 and turn % rule.every == 0 and self._is_hit(rule):
                self._hits[place] += 1
                yield rule

    def _is_hit(self, rule: Rule) -> bool:
        return rule.probability >= 1 or self._luck.random() < rule.probability


class _Server(ThreadingHTTPServer):
    """A threaded server that knows its connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._talking: dict[socket.socket, threading.Thread] = {}
        super().__init__((HOST, 0), _Handler)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]  # narrower: TCP only
        self._talking[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._talking[request]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients and endpoints that vanish are this proxy's daily work."""

    def hang_up(self) -> None:
        """Cut every connection and wait, within bounds, for its thread to notice."""
        under_way = list(self._talking.items())
        for connection, _ in under_way:
            with contextlib.suppress(OSError):  # its thread may have closed it just before
                connection.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + END_S
        for _, thread in under_way:
            thread.join(max(0.0, until - time.monotonic()))


class _Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass

    def do_any(self) -> None:
        """Handle a request of any method as the proxy decides."""
        request = Request.read(self.command, self.path, self.headers, self.rfile)
        rule, released = self.server.proxy.decide(request)
        match rule.fault:
            case Fault.PASS:
                self._forward(request)
            case Fault.SLOW:
                if self._stays(rule.delay_s, released) and not self.server.proxy.has_ended:
                    self._forward(request)
            case Fault.HANG:
                self._stays(rule.delay_s, released)
                self.close_connection = True
            case Fault.REFUSE:
                self._reset()
            case Fault.STATUS_403 | Fault.STATUS_500 | Fault.STATUS_503:
                self._refuse(request, int(rule.fault))
            case Fault.CUT | Fault.LOSE_ANSWER:
                self._forward(request, fault=rule.fault)
            case Fault.TWICE:
                self._twice(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815  the base class calls these names

    def _twice(self, request: Request) -> None:
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
            for block in request.body:
                body.write(block)
            for send in (self._drop, self._forward):
                body.seek(0)
                send(request.with_body(iter(lambda: body.read(BLOCK_BYTES), b"")))

    def _drop(self, request: Request) -> None:
        with self._asked(request) as answer:
            if answer is not None:
                for _ in copied(answer):
                    pass

    def _forward(self, request: Request, *, fault: Fault = Fault.PASS) -> None:
        """Pass the request on and its answer back, whole or in part."""
        with self._asked(request) as answer:
            # Half of nothing, or of an unknown size, would look whole.
            lost = fault is Fault.LOSE_ANSWER or (fault is Fault.CUT and answer and not answer.length)
            if answer is None or lost:
                self.close_connection = True
                return
            size_bytes = answer.length
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            if size_bytes is None:
                self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = size_bytes is None or fault is Fault.CUT
            left_bytes = (size_bytes or 0) // 2 if fault is Fault.CUT else math.inf
            for block in copied(answer):
                self.wfile.write(block if left_bytes >= len(block) else block[: int(left_bytes)])
                self.server.proxy.passed_bytes += len(block)
                left_bytes -= len(block)
                if left_bytes <= 0:
                    break

    @contextlib.contextmanager
    def _asked(self, request: Request) -> Iterator[http.client.HTTPResponse | None]:
        """Give the endpoint's answer, or None where one of the two sides has gone."""
        endpoint = self.server.proxy.endpoint
        upstream = http.client.HTTPConnection(
            endpoint.hostname or HOST, endpoint.port, timeout=ENDPOINT_TIMEOUT_S
        )
        with contextlib.closing(upstream):
            try:
                request.send(upstream)
                if self._client_gone_before(upstream):
                    yield None
                    return
                answer = upstream.getresponse()
            except (OSError, http.client.HTTPException):
                yield None
                return
            with answer:
                yield answer

    def _client_gone_before(self, upstream: http.client.HTTPConnection) -> bool:
        """Wait for the answer's first byte; True if the client hangs up before."""
        waiting = select.poll()
        waiting.register(upstream.sock, select.POLLIN)
        waiting.register(self.connection, select.POLLIN)
        ready = waiting.poll(ENDPOINT_TIMEOUT_S * 1000)
        return any(number == self.connection.fileno() for number, _ in ready) and self._is_gone()

    def _stays(self, delay_s: float, released: threading.Event) -> bool:
        """Hold the request; False if its client went away or the proxy ends."""
        until = time.monotonic() + delay_s
        while (left_s := until - time.monotonic()) > 0 and not released.wait(min(left_s, LOOK_S)):
            if self._is_gone():
                return False
        return True

    def _is_gone(self) -> bool:
        try:
            return not bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _reset(self) -> None:
        """Close with a reset, which is what a port without a listener answers too."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # before the server says goodbye properly
        self.close_connection = True

    def _refuse(self, request: Request, status: int) -> None:
        for _ in request.body:
            pass  # a client that still sends would see a reset and not the answer
        content_type, body = error_answer(request, status)
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
