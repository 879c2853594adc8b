"""An instance metadata service, version 2, whose notice a test gives."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

NOTICE = "/latest/meta-data/spot/instance-action"
ADVICE = "/latest/meta-data/events/recommendations/rebalance"


class MetadataService:
    """Answers as EC2 documents it: nothing without a token, and 404 while there is no notice."""

    def __init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                service.tokens += 1
                self._answer(200, f"token-{service.tokens}".encode())

            def do_GET(self) -> None:
                service.looks += 1
                if self.headers.get("X-aws-ec2-metadata-token") != f"token-{service.tokens}":
                    self._answer(401, b"")
                else:
                    told = {NOTICE: service.notice, ADVICE: service.advice}.get(self.path)
                    self._answer(404 if told is None else 200, told or b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
                pass

        #: What is told of the instance's end; None for nothing.
        self.notice: bytes | None = None
        #: What is told of its risk; None for nothing.
        self.advice: bytes | None = None
        self.tokens = 0
        self.looks = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def environ(self) -> dict[str, str]:
        """Return what points a process at this service."""
        address = f"http://127.0.0.1:{self._server.server_port}"
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": address, "AWS_EC2_METADATA_DISABLED": "false"}

    def take_back(self) -> None:
        """Give the notice that comes two minutes before the end."""
        self.notice = json.dumps({"action": "terminate", "time": "2027-01-15T08:02:00Z"}).encode()

    def advise(self) -> None:
        """Recommend to rebalance."""
        self.advice = json.dumps({"noticeTime": "2027-01-15T07:58:00Z"}).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
