"""An AWS request as a proxy sees it: what it asks for, and how AWS would refuse it."""

import dataclasses
import http.client
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase
from typing import Self
from urllib.parse import parse_qs, urlsplit

BLOCK_BYTES = 64 * 1024

#: Credential=<key>/<day>/<region>/<service>/aws4_request, in a header or in a presigned URL (Signature Version 4).
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/aws4_request")
#: Headers about one hop only; http.client asks for no other hop's.
_HOP = frozenset({"connection", "expect", "keep-alive", "transfer-encoding"})

_ERRORS = {
    403: ("ExpiredToken", "The security token included in the request is expired"),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("ServiceUnavailable", "Please reduce your request rate."),
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request: where it goes, what it is called there, and its body, which can be read once."""

    service: str
    operation: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: Iterator[bytes] = dataclasses.field(repr=False)
    size_bytes: int | None

    @classmethod
    def read(cls, method: str, path: str, headers: Message, stream: BufferedIOBase) -> Self:
        """Return the request whose head has been read and whose body waits in ``stream``."""
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        size_bytes = None if chunked else int(headers.get("Content-Length") or 0)
        body = _chunks(stream) if size_bytes is None else _blocks(stream, size_bytes)
        url = urlsplit(path)
        query = parse_qs(url.query, keep_blank_values=True)
        signed = headers.get("Authorization", "") + "Credential=" + "".join(query.get("X-Amz-Credential", []))
        scope = _SCOPE.search(signed)
        service = scope[1] if scope else "s3"
        target = headers.get("X-Amz-Target", "")
        if target:
            operation = target.rpartition(".")[2]
        elif service == "s3":
            operation = s3_operation(method, url.path, query, copies="x-amz-copy-source" in headers)
        else:  # the query protocol names its action in a small form
            form = b"".join(body)
            body = iter([form])
            operation = "".join(
                parse_qs(form.decode(errors="replace")).get("Action", query.get("Action", []))
            )
        return cls(
            service=service,
            operation=operation,
            method=method,
            path=path,
            headers=tuple(headers.items()),
            body=body,
            size_bytes=size_bytes,
        )

    def with_body(self, body: Iterator[bytes]) -> Self:
        """Return the same request with a body that can be read (again)."""
        return dataclasses.replace(self, body=body)

    def send(self, connection: http.client.HTTPConnection) -> None:
        """Send it on; the host stays the one that the client signed."""
        connection.putrequest(self.method, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers:
            if name.lower() not in _HOP:
                connection.putheader(name, value)
        connection.putheader("Connection", "close")
        if self.size_bytes is None:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for block in self.body:
            connection.send(b"%x\r\n%s\r\n" % (len(block), block) if self.size_bytes is None else block)
        if self.size_bytes is None:
            connection.send(b"0\r\n\r\n")


def s3_operation(method: str, path: str, query: dict[str, list[str]], *, copies: bool) -> str:
    """Return S3's name for a request that names itself only by its shape (those that rugbytx makes).

    >>> s3_operation("PUT", "/bucket/key", {"partNumber": ["1"], "uploadId": ["u"]}, copies=False)
    'UploadPart'
    >>> s3_operation("GET", "/bucket", {"list-type": ["2"]}, copies=False)
    'ListObjectsV2'
    """
    has_key = len(path.strip("/").split("/")) > 1
    if method == "POST":
        names = {
            "delete": "DeleteObjects",
            "uploadId": "CompleteMultipartUpload",
            "uploads": "CreateMultipartUpload",
        }
        return next((name for sign, name in names.items() if sign in query), "")
    if method == "PUT" and has_key:
        kind = "UploadPart" if "partNumber" in query else "PutObject"
        return {"UploadPart": "UploadPartCopy", "PutObject": "CopyObject"}[kind] if copies else kind
    if method == "DELETE" and "uploadId" in query:
        return "AbortMultipartUpload"
    kinds = {
        "DELETE": ("DeleteBucket", "DeleteObject"),
        "GET": ("ListObjectsV2", "GetObject"),
        "HEAD": ("HeadBucket", "HeadObject"),
        "PUT": ("CreateBucket", ""),
    }
    return kinds.get(method, ("", ""))[has_key]


def error_answer(request: Request, status: int) -> tuple[str, bytes]:
    """Return content type and body of an error as the service words it: JSON, or XML for S3."""
    code, message = _ERRORS[status]
    if request.service == "s3":
        return "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    answer = {"__type": f"com.amazonaws.{request.service}#{code}", "message": message}
    return "application/x-amz-json-1.0", json.dumps(answer).encode()


def copied(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield an answer's body block by block, each as soon as some of it is there."""
    return iter(lambda: answer.read1(BLOCK_BYTES), b"")


def _blocks(stream: BufferedIOBase, size_bytes: int) -> Iterator[bytes]:
    left_bytes = size_bytes
    while left_bytes > 0 and (block := stream.read(min(left_bytes, BLOCK_BYTES))):
        left_bytes -= len(block)
        yield block


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    """Yield the chunks of a chunked body, its trailers read away (RFC 9112, 7.1)."""
    while size_bytes := int(stream.readline().split(b";")[0], 16):
        yield from _blocks(stream, size_bytes)
        stream.readline()
    for _ in itertools.takewhile(lambda line: line.strip(), _lines(stream)):
        pass


def _lines(stream: BufferedIOBase) -> Iterable[bytes]:
    return iter(stream.readline, b"")
