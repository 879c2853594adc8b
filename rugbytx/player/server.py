"""The page and the outputs over HTTP, on loopback only.

::

    /                 page.html, page.css, page.js; hls.min.js from npm
    /playing.json     what the page is to play
    /media/...        the outputs, by ranges, read as they are asked for

Nothing of the system's credentials leaves this process: whoever asks gets bytes
of this one job, and only under a name of loopback, so that no website can have
a name of its own point here and read along (DNS rebinding).
"""

import json
import logging
import re
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from rugbytx.core.output.object_keys import PLAYLIST_TYPE
from rugbytx.errors import RugbytxError, SettingsError
from rugbytx.player.byte_range import wanted
from rugbytx.player.place import PLAYLIST, PlayableFiles

HERE = Path(__file__).parent
HOST = "127.0.0.1"
#: The names under which a browser on this machine, or behind a tunnel to it, knows this server.
NAMES = frozenset({HOST, "localhost", "[::1]"})
#: hls.js, where ``npm ci`` has put it.
HLS_JS = HERE / "node_modules/hls.js/dist/hls.min.js"

#: The outputs that are served, by their suffix; no other file is a player's business.
MEDIA_TYPES = {
    ".m3u8": PLAYLIST_TYPE,
    ".mp4": "video/mp4",
    ".m4s": "video/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}
_PORT = re.compile(r":[0-9]+$")
PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
#: hls.js plays from blob: URLs and works in a worker that it makes of one.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: How much is read and sent at a time.
PIECE_BYTES = 1 << 20
#: A connection that asks for nothing is closed.
_IDLE_S = 120.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Playing:
    """What is played: a title, where the outputs lie, and the master's path there."""

    title: str
    place: PlayableFiles
    master: str


class Server(ThreadingHTTPServer):
    """Serves one page on loopback; port 0 takes a free one.

    ``native`` leaves hls.js out, for a browser that plays HLS by itself; an MP4 needs none.
    Raises SettingsError where the port cannot be had or hls.js is not there.
    """

    daemon_threads = True

    def __init__(self, playing: Playing, *, port: int = 0, native: bool = False) -> None:
        self.playing = playing
        self.native = native or not playing.master.endswith(PLAYLIST)
        if not self.native and not HLS_JS.is_file():
            raise SettingsError(
                "hls.js is not installed, which most browsers need to play this: run scripts/setup, or npm ci in "
                f"{HLS_JS.parents[3]}; with --native, a browser that plays HLS by itself, like Safari, needs none"
            )
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise SettingsError(
                f"port {port} cannot be had: {(error.strerror or str(error)).lower()}"
            ) from error

    @property
    def url(self) -> str:
        """Return where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hung up, which it does at every seek, and little of outputs that broke off."""
        error = sys.exception()
        if isinstance(error, RugbytxError):
            logger.warning("%s", error)
        elif not isinstance(error, ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    #: Headers and body leave in two writes, and the second must not wait for the first one's acknowledgement.
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: Server

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def do_GET(self) -> None:
        """Answer with the page or with bytes of the outputs."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Leave the terminal alone."""
        logger.debug(format, *args)

    def _answer(self) -> None:
        if _PORT.sub("", self.headers.get("Host", "")) not in NAMES:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = unquote(self.path.partition("?")[0])
        if path in PAGE:
            name, kind = PAGE[path]
            self._whole((HERE / name).read_bytes(), kind)
        elif path == "/hls.min.js" and not self.server.native:
            self._whole(HLS_JS.read_bytes(), "text/javascript; charset=utf-8")
        elif path == "/playing.json":
            playing = self.server.playing
            description = {"title": playing.title, "source": f"media/{quote(playing.master)}"}
            self._whole(json.dumps(description).encode(), "application/json")
        elif path.startswith("/media/"):
            self._media(path.removeprefix("/media/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _media(self, path: str) -> None:
        """Answer with a file of the outputs, or with a range of it."""
        kind = MEDIA_TYPES.get(PurePosixPath(path).suffix)
        place = self.server.playing.place
        try:
            size_bytes = place.size_bytes(path) if kind else None
            if kind is None or size_bytes is None:
                self._refuse(HTTPStatus.NOT_FOUND)
                return
            asked = wanted(self.headers.get("Range", ""), size_bytes)
            if asked is not None and not asked:
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"bytes */{size_bytes}")
                return
            span = range(size_bytes) if asked is None else asked
            first = place.read(path, span[:PIECE_BYTES]) if span else b""
        except RugbytxError as error:
            logger.warning("cannot read %s: %s", path, error)
            self._refuse(HTTPStatus.BAD_GATEWAY)
            return
        self.send_response(HTTPStatus.OK if asked is None else HTTPStatus.PARTIAL_CONTENT)
        if asked is not None:
            self.send_header("Content-Range", f"bytes {span.start}-{span.stop - 1}/{size_bytes}")
        self._head(len(span), kind)
        self._send(first)
        for start in range(PIECE_BYTES, len(span), PIECE_BYTES):
            self._send(place.read(path, span[start : start + PIECE_BYTES]))

    def _whole(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self._head(len(body), kind)
        self._send(body)

    def _refuse(self, status: HTTPStatus, content_range: str = "") -> None:
        self.send_response(status)
        if content_range:
            self.send_header("Content-Range", content_range)
        self._head(0, "text/plain; charset=utf-8")

    def _head(self, size_bytes: int, kind: str) -> None:
        """Send what every answer says."""
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(size_bytes)),
            ("Accept-Ranges", "bytes"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def _send(self, body: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(body)
