"""A small HTTP server on loopback with byte ranges, as S3 has them; over TLS too, with a certificate of its own."""

import datetime as dt
import ipaddress
import re
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
BLOCK_BYTES = 64 * 1024


class RangeServer:
    """A context manager: ``bodies`` by path, at ``url``; ``certificate`` is a file that makes it speak TLS."""

    def __init__(self, bodies: Mapping[str, bytes], *, certificate: Path | None = None) -> None:
        self.bodies = bodies
        self._certificate = certificate
        #: Bytes of bodies that were sent, and how many requests there were.
        self.sent_bytes = 0
        self.requests = 0

    def __enter__(self) -> Self:
        self._server = _Server(self)
        scheme = "http"
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: RangeServer) -> None:
        self.owner = owner
        super().__init__((HOST, 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: ffprobe hangs up in the middle of most answers."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass

    def do_GET(self) -> None:
        """Answer with the whole body, or with the part that is asked for."""
        owner = self.server.owner
        owner.requests += 1
        body = owner.bodies.get(self.path.partition("?")[0])
        if body is None:
            self.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        stop = int(wanted[2]) + 1 if wanted and wanted[2] else len(body)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(body)}")
        self.end_headers()
        for at in range(first, stop, BLOCK_BYTES):
            block = body[at : min(at + BLOCK_BYTES, stop)]
            self.wfile.write(block)
            owner.sent_bytes += len(block)


def certificate(path: Path) -> Path:
    """Write a key and a certificate for this host that nobody has signed but itself; return the path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at)
        .not_valid_after(at.replace(year=2120))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path
