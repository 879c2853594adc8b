"""Probing an object by its address: ranges instead of the whole, TLS that is verified, and no address in any text."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rugbytx.core.job.job import PresignedUrl
from rugbytx.errors import JobRejected, RugbytxError, SourceMissing, TranscodeError, UnsupportedMedia
from rugbytx.media.source import probe
from tests.footage import film, make
from tests.pulse import FakePulse
from tests.range_server import RangeServer, certificate

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

#: As long as what a presigned URL ends with where there is a session's token.
SECRET = "X-Amz-Signature=" + "5ec" * 900
#: Pictures that do not compress: 40 s of them are 12 MB.
NOISE = ("-vf", "scale=640:360,noise=alls=100:allf=t", "-g", "10", "-b:v", "2.4M", "-bf", "0")
FILMS = {
    "fast.mp4": ("-movflags", "+faststart"),
    "moov at end.mp4": (),
    "film.mkv": (),
    "film.ts": (),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RangeServer]:
    """Serve films of every container, and things that are none."""
    folder = tmp_path_factory.mktemp("served")
    bodies = {"/text.mp4": b"This is no film.", "/empty.mp4": b""}
    for name, options in FILMS.items():
        path = film(folder / name, *NOISE, *options, rate="10", length_s=40)
        bodies[f"/{name.replace(' ', '%20')}"] = path.read_bytes()
    live = film(folder / "live.mkv", "-live", "1", rate="10", length_s=12)
    bodies["/live.mkv"] = live.read_bytes()
    bodies["/cut.mp4"] = bodies["/moov%20at%20end.mp4"][:1_000_000]
    bodies["/list.mp4"] = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/fast.mp4\n#EXT-X-ENDLIST\n"
    with RangeServer(bodies) as started:
        yield started


def look(server: RangeServer, name: str, pulse: FakePulse, *, authorities: str = "") -> object:
    """Probe what the server has under a name, by an address with a secret in it."""
    path = f"/{name.replace(' ', '%20')}"
    address = PresignedUrl(url=f"{server.url}{path}?{SECRET}", authorities=authorities)
    size_bytes = len(server.bodies.get(path, b"12"))
    return probe.read_afar(address, size_bytes=size_bytes, pulse=pulse)


@pytest.mark.parametrize("name", FILMS)
def test_it_is_what_a_copy_would_be(server: RangeServer, tmp_path: Path, pulse: FakePulse, name: str) -> None:
    """The same value as of the file on disk, wherever its index lies."""
    copy = tmp_path / "copy"
    copy.write_bytes(server.bodies[f"/{name.replace(' ', '%20')}"])
    assert look(server, name, pulse) == probe.read(copy, pulse=pulse)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("text.mp4", UnsupportedMedia, "its index is missing|not a video file"),
        ("empty.mp4", UnsupportedMedia, "the source is empty"),
        ("cut.mp4", UnsupportedMedia, "its index is missing"),
        ("list.mp4", UnsupportedMedia, "of a kind that is not accepted"),
        ("none.mp4", SourceMissing, "no longer where it was"),
        ("live.mkv", JobRejected, "shows only when all of it is read: copy it here"),
    ],
)
def test_what_cannot_be_planned_is_told_without_its_address(
    server: RangeServer, pulse: FakePulse, name: str, kind: type[RugbytxError], sentence: str
) -> None:
    """In the sentences that a local file gets, with the same kinds of error."""
    with pytest.raises(kind, match=sentence) as raised:
        look(server, name, pulse)
    assert type(raised.value) is kind
    assert "5ec" not in str(raised.value)


def test_a_server_that_is_not_there_is_told_without_its_address(pulse: FakePulse) -> None:
    """After a few tries, in some seconds."""
    address = PresignedUrl(url=f"http://127.0.0.1:1/film.mp4?{SECRET}")
    with pytest.raises(TranscodeError, match="reading the source broke off") as raised:
        probe.read_afar(address, size_bytes=1, pulse=pulse)
    assert "5ec" not in str(raised.value)
    assert "5ec" not in repr(address)


def test_a_certificate_is_verified(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """One that a known authority vouches for is taken, and no other: ffmpeg 5 alone would take any."""
    own, other = certificate(tmp_path / "own.pem"), certificate(tmp_path / "other.pem")
    path = once("tls.mp4", lambda path: film(path, length_s=2))
    with RangeServer({"/tls.mp4": path.read_bytes()}, certificate=own) as server:
        assert look(server, "tls.mp4", pulse, authorities=str(own)) == probe.read(path, pulse=pulse)
        with pytest.raises(TranscodeError) as raised:
            look(server, "tls.mp4", pulse, authorities=str(other))
    assert "5ec" not in str(raised.value)


def test_a_long_film_is_not_read_whole(tmp_path: Path, pulse: FakePulse) -> None:
    """Some megabytes of the beginning and ten seconds of the end; the rest stays where it is."""
    path = tmp_path / "long.mov"
    noise = "testsrc2=size=640x360:rate=5:duration=200,noise=alls=100:allf=t"
    make(path, "-f", "lavfi", "-i", noise, "-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p")
    body = path.read_bytes()
    with RangeServer({"/long.mov": body}) as server:
        found = probe.read_afar(PresignedUrl(url=f"{server.url}/long.mov"), size_bytes=len(body), pulse=pulse)
        assert found.end_s == 200
        assert server.sent_bytes < len(body) / 3
        assert server.requests < 12
