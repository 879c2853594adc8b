"""The page and the outputs over HTTP."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rugbytx.errors import SettingsError
from rugbytx.player import server as module
from rugbytx.player.byte_range import wanted
from rugbytx.player.place import BucketFiles
from rugbytx.player.server import Playing, Server
from tests.fakes.storage import FakeStorage
from tests.player.serving import served

#: More than is read at a time, and every part of it differs.
MEDIA = b"".join(number.to_bytes(4) for number in range(600_000))
PLAYLIST = b"#EXTM3U\n"


@pytest.fixture
def storage() -> FakeStorage:
    """Return a bucket that holds a job's outputs."""
    storage = FakeStorage()
    for name, body in (
        ("master 1.m3u8", PLAYLIST),
        ("720p/0.mp4", MEDIA),
        ("report.json", b"{}"),
        ("e.mp4", b""),
    ):
        storage.put(body, "outputs", f"out/7ad4/g1/{name}", content_type="")
    return storage


@pytest.fixture
def server(storage: FakeStorage) -> Iterator[Server]:
    """Serve the job's outputs."""
    place = BucketFiles(storage, bucket="outputs", prefix="out/7ad4/")
    playing = Playing(title='final "A & B".mp4', place=place, master="g1/master 1.m3u8")
    with served(playing, native=True) as running:
        yield running


class Answer:
    """What a server answered."""

    def __init__(self, server: Server, path: str, *, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js?again", "text/javascript; charset=utf-8"),
        ("/media/g1/master%201.m3u8", "application/vnd.apple.mpegurl"),
        ("/media/g1/720p/0.mp4", "video/mp4"),
    ],
)
def test_types(server: Server, path: str, kind: str) -> None:
    """Each file is called what it is."""
    answer = Answer(server, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.body


def test_the_page_learns_what_to_play(server: Server) -> None:
    """Whatever the source is called."""
    told = json.loads(Answer(server, "/playing.json").body)
    assert told == {"title": 'final "A & B".mp4', "source": "media/g1/master%201.m3u8"}


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-9", range(10)),
        ("bytes=1048570-1048589", range(1_048_570, 1_048_590)),
        ("bytes=100-", range(100, len(MEDIA))),
        ("bytes=-7", range(len(MEDIA) - 7, len(MEDIA))),
        ("bytes=2399990-9999999", range(2_399_990, len(MEDIA))),
    ],
)
def test_a_range(server: Server, asked: str, span: range) -> None:
    """The bytes asked for, and where they stand."""
    answer = Answer(server, "/media/g1/720p/0.mp4", Range=asked)
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {span.start}-{span.stop - 1}/{len(MEDIA)}"
    assert answer.body == MEDIA[span.start : span.stop]


def test_all_of_a_large_file(server: Server) -> None:
    """In more than one piece, and the range that nobody understands is none."""
    for headers in ({}, {"Range": "bytes=9-3"}, {"Range": "bytes=0-1,5-6"}, {"Range": "lines=1-2"}):
        answer = Answer(server, "/media/g1/720p/0.mp4", **headers)
        assert (answer.status, answer.headers["Content-Range"]) == (200, None)
        assert answer.body == MEDIA


def test_a_range_behind_the_end(server: Server) -> None:
    """Is answered with the size; so is any range of an empty file."""
    answer = Answer(server, "/media/g1/720p/0.mp4", Range=f"bytes={len(MEDIA)}-")
    assert (answer.status, answer.headers["Content-Range"], answer.body) == (
        416,
        f"bytes */{len(MEDIA)}",
        b"",
    )
    assert Answer(server, "/media/g1/e.mp4", Range="bytes=0-").status == 416
    assert Answer(server, "/media/g1/e.mp4").status == 200
    assert wanted("bytes=-0", 10) == range(0)


def test_a_head_has_no_body(server: Server) -> None:
    """And the size that the body would have."""
    answer = Answer(server, "/media/g1/720p/0.mp4", method="HEAD")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(MEDIA)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/media/g1/1.mp4",
        "/media/g1/report.json",
        "/media/../7ad4/g1/e.mp4",
        "/media/",
        "/hls.min.js",
        "/x",
        "//[",
    ],
)
def test_what_there_is_not(server: Server, path: str) -> None:
    """Outputs that are missing or no player's business, and hls.js where it is left out."""
    assert Answer(server, path).status == 404


def test_a_bucket_that_does_not_answer(server: Server, storage: FakeStorage) -> None:
    """Is no fault of the browser's."""
    storage.down = True
    assert Answer(server, "/media/g1/720p/0.mp4").status == 502


def test_outputs_that_break_off(server: Server, storage: FakeStorage) -> None:
    """Cut the connection: nobody takes the part for the whole."""
    Answer(server, "/media/g1/720p/0.mp4", Range="bytes=0-9")
    storage.put(MEDIA[:1_100_000], "outputs", "out/7ad4/g1/720p/0.mp4", content_type="")
    with pytest.raises(http.client.IncompleteRead):
        Answer(server, "/media/g1/720p/0.mp4")
    assert Answer(server, "/").status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_name_is_refused(server: Server, host: str) -> None:
    """A website that has its own name point to loopback reads nothing."""
    assert Answer(server, "/media/g1/master%201.m3u8", Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"])
def test_a_tunnel_is_not(server: Server, host: str) -> None:
    """Whatever its port is."""
    assert Answer(server, "/", Host=host).status == 200


def test_a_port_that_is_taken(server: Server) -> None:
    """Is told in a sentence."""
    with pytest.raises(
        SettingsError, match=rf"port {server.server_port} cannot be had: address already in use"
    ):
        Server(server.playing, port=server.server_port, native=True)


def test_hls_js_that_is_not_installed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is told, unless the browser can do without."""
    monkeypatch.setattr(module, "HLS_JS", tmp_path / "player/node_modules/hls.js/dist/hls.min.js")
    with pytest.raises(
        SettingsError, match=rf"run scripts/setup, or npm ci in {tmp_path}/player; with --native"
    ):
        Server(server.playing)
    mp4 = Playing(title="one file", place=server.playing.place, master="g1/e.mp4")
    with Server(mp4) as running:
        assert running.native
