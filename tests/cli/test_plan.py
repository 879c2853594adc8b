"""`rugbytx plan` on real films: on this host alone, and by ranges of an object in S3."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx import preview
from rugbytx.core.job.job import PresignedUrl, Source, Status, identify
from rugbytx.core.lease.result import Result, TracksResult
from rugbytx.core.lease.unit import PLAN, Kind, Measured, UnitKey
from rugbytx.core.plan import explanation, planner
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.local import resources
from rugbytx.local.embedded import EmbeddedAws
from rugbytx.media.encode import filter_graph
from rugbytx.preview import Wish
from rugbytx.profiles import load
from rugbytx.settings import Settings
from rugbytx.system import Connection, chosen, connect
from tests.connection import PROFILE, Fakes, Run, make_job
from tests.fakes.storage import FakeStorage
from tests.faults.proxy import FaultProxy
from tests.footage import film, make
from tests.hostile.trap import Listener
from tests.plans import small_media
from tests.range_server import RangeServer
from tests.source import patch

pytestmark = pytest.mark.process

#: What a program may rely on.
KEYS = [
    *("source", "source_bytes", "profile", "container", "duration_s", "video", "audio", "grid"),
    *("renditions", "audio_rate_bps", "mp4", "notes", "objects", "stored_bytes", "put_requests"),
    *("forecasts", "choices"),
]
SIZE = ("-vf", "scale=1280:720,setsar=1")
#: Puts an object into the source bucket and returns its URL.
Put = Callable[[str, Path | bytes], str]


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of 720p at 10 frames a second, with a tone."""
    path = tmp_path_factory.mktemp("plan") / "[bold]match.mp4"
    return film(path, *SIZE, "-b:v", "4M", "-shortest", rate="10", length_s=120, sound=True)


class TestLocal:
    """A local file, which needs no system."""

    def test_people_see_the_plan(self, run: Run, match: Path) -> None:
        """Source, grid, renditions with their reasons, what it takes, and the notes; nothing on stderr."""
        result = run("plan", str(match))
        assert (result.exit_code, result.stderr) == (0, "")
        for text in (
            *("[bold]match.mp4", "h264 1280x720", "10 fps, 2m", "aac, 1 channels, 44100 Hz"),
            *("1200 frames at 10 fps, 2 chunks of 60 s", "AAC, 128 kbit/s"),
            "1080p is left out: the source has only 720 lines",
            *("jetson", "nvmpi", "aws", "nvenc/A", "3m to start", "on-demand", "spot", "power", "assumed"),
            "PUT requests",
        ):
            assert text in result.stdout
        rows = [line.split()[0] for line in result.stdout.splitlines() if "as the profile asks" in line]
        assert rows == ["720p", "540p", "360p"]

    def test_explain_says_why(self, run: Run, match: Path) -> None:
        """Each choice and each figure has its reason."""
        stdout = run("plan", str(match), "--explain", "--chunk", "30s", "--profile", "clip").stdout
        for text in (
            "4 of 30 s",
            "asked for",
            "of 720p",
            "the profile clip asks for one",
            "nvenc/A then nvenc/B then nvenc/C then x264",
            "all chunks lie on one grid",
            "26 W at $0.17/kWh",
            "the note's 25 min for a match of 2 h",
        ):
            assert text in stdout

    def test_json_is_one_object(self, run: Run, match: Path) -> None:
        """Its keys are stable, whatever is asked."""
        (line,) = run("plan", str(match), "--json").stdout.splitlines()
        told = json.loads(line)
        assert list(told) == KEYS
        assert told["source_bytes"] == match.stat().st_size
        assert told["grid"]["frames"] == 1200
        assert [one["name"] for one in told["renditions"]] == ["720p", "540p", "360p"]
        assert [one["worker_class"] for one in told["forecasts"]] == ["jetson", "aws"]
        assert all(one["evidence"] == "assumed" and one["basis"] for one in told["forecasts"])
        # 720p, 540p and 360p of two chunks, sound; their playlists, three of keyframes; pictures; four files besides.
        assert (told["objects"], told["mp4"]) == (6 + 1 + 4 + 3 + 4 + 4, False)
        assert {choice["topic"] for choice in told["choices"]} > {"rate", "chunks", "1080p", "with nvenc"}

    def test_a_turned_film_takes_the_way_over_the_cpu(self, run: Run, tmp_path: Path) -> None:
        """And a film without sound has no audio."""
        turned = patch.show_by(film(tmp_path / "turned.mp4", *SIZE, length_s=3), (0, -1, 1, 0))
        told = json.loads(run("plan", str(turned), "--json").stdout)
        (aws,) = (one for one in told["forecasts"] if one["worker_class"] == "aws")
        assert (aws["recipe"], aws["reason"]) == ("nvenc/B", "rotated")
        assert (told["video"]["rotation"], told["audio"], told["audio_rate_bps"]) == (270, None, None)
        assert (told["renditions"][0]["width"], told["renditions"][0]["height"]) == (720, 1280)

    def test_nothing_is_spoken_to(self, match: Path, tmp_path: Path) -> None:
        """The real command, where AWS is chosen and neither region nor credentials are known."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PROFILE": "none"}
        done = plan(str(match), "--json", environ=environ)
        assert (done.returncode, done.stderr) == (0, "")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (b"This is no film.", "the source is not"),
            (
                b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n",
                "the source is of a kind that is not accepted",
            ),
        ],
    )
    def test_what_is_no_film_is_refused(self, run: Run, tmp_path: Path, body: bytes, sentence: str) -> None:
        """In the words in which its job would end FAILED, with the exit status of a bad source."""
        path = tmp_path / "a.mp4"
        path.write_bytes(body)
        result = run("plan", str(path))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"rugbytx: {sentence}")

    def test_a_name_cannot_steer_the_terminal(self, run: Run, tmp_path: Path) -> None:
        """Whoever names files may name them anything."""
        path = film(tmp_path / "\x1b[2J.mp4", length_s=2)
        result = run("plan", str(path), "--explain")
        assert result.exit_code == 0
        assert "\x1b" not in result.output


def plan(*arguments: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the real command."""
    command = Path(sys.executable).with_name("rugbytx")
    return subprocess.run(
        [command, "plan", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Start an AWS with what a system consists of, behind a proxy that counts, and point boto3 at it alone."""
    for name in chosen(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t0ken" * 200)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with EmbeddedAws() as aws, FaultProxy(aws.endpoint_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint_url)
        resources.create(Settings())
        yield proxy


@pytest.fixture
def put(proxy: FaultProxy) -> Put:
    """Return a function that puts an object into the source bucket and returns its URL."""
    assert proxy.endpoint_url

    def put(key: str, body: Path | bytes) -> str:
        whole = body.read_bytes() if isinstance(body, Path) else body
        connect(Settings()).storage.put(whole, "rugbytx-source", key, content_type="video/mp4")
        return f"s3://rugbytx-source/{key}"

    return put


class TestObject:
    """An object in S3."""

    @pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")], ids=["moov at end", "faststart"])
    def test_it_is_planned_by_a_few_ranges(
        self, put: Put, proxy: FaultProxy, tmp_path: Path, flags: tuple[str, ...]
    ) -> None:
        """Of 60 MB less than a third is read, nothing is written, and no credential is shown."""
        path = tmp_path / "long.mp4"
        noise = "testsrc2=size=640x360:rate=5:duration=200,noise=alls=100:allf=t"
        pictures = ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p")
        make(path, "-f", "lavfi", "-i", noise, *pictures, *flags)
        url = put("a match + more?.mp4", path)
        asked, read_bytes = len(proxy.seen), proxy.passed_bytes
        done = plan(url, "--json", environ=dict(os.environ))
        told = json.loads(done.stdout)
        assert (done.returncode, told["source"], told["grid"]["frames"]) == (0, url, 1000)
        assert told["source_bytes"] == path.stat().st_size > 50_000_000
        assert proxy.passed_bytes - read_bytes < path.stat().st_size / 3
        operations = {(seen.service, seen.operation) for seen in proxy.seen[asked:]}
        assert operations == {("s3", "HeadObject"), ("s3", "GetObject"), ("dynamodb", "Query")}
        for secret in ("verysecret", "t0ken", "Signature"):
            assert secret not in done.stdout + done.stderr

    def test_a_hostile_object_is_refused_and_reaches_nothing(self, put: Put) -> None:
        """A playlist that names another address has nobody call it."""
        with Listener() as listener:
            body = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:{listener.port}/x.ts\n"
            done = plan(put("playlist.mp4", body.encode()), environ=dict(os.environ))
        assert (done.returncode, done.stdout, listener.visits) == (2, "", 0)
        assert "the source is of a kind that is not accepted" in done.stderr
        assert "Signature" not in done.stderr

    def test_a_system_that_does_not_answer(self, proxy: FaultProxy) -> None:
        """Exit status 5, with the address and no secret."""
        environ = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        assert proxy.endpoint_url
        done = plan("s3://rugbytx-source/a.mp4", environ=environ)
        assert (done.returncode, done.stdout) == (5, "")
        assert done.stderr.splitlines()[-1] == (
            "rugbytx: S3 at http://127.0.0.1:1 does not answer: connection refused"
        )


class Served(FakeStorage):
    """Buckets in memory whose objects a server shows."""

    def __init__(self, server: RangeServer) -> None:
        super().__init__()
        self._server = server

    def address(self, source: Source, *, lasts_s: int) -> PresignedUrl:
        """Return where the server has the object."""
        assert lasts_s == preview.PROBE_S
        return PresignedUrl(url=f"{self._server.url}/{source.key}")


@pytest.fixture
def served(fakes: Fakes, tmp_path: Path) -> Iterator[Connection]:
    """Return a connection to a system of fakes that has a film, by the key a.mp4."""
    body = film(tmp_path / "a.mp4", *SIZE, rate="10", length_s=12).read_bytes()
    with RangeServer({"/a.mp4": body}) as server:
        storage = Served(server)
        storage.put(body, "rugbytx-source", "a.mp4", content_type="video/mp4")
        yield replace(fakes.connection, storage=storage)


class TestMeasured:
    """What the system has finished says how fast it is."""

    def test_finished_chunks_are_asked_for_their_speed(self, served: Connection, fakes: Fakes) -> None:
        """Two chunks by x264 on a Jetson: its forecast is measured, the other class's is not."""
        media = small_media(end_s=Fraction(12))
        source = Source(bucket="rugbytx-source", key="old.mp4", etag="e", size_bytes=1)
        old = planner.decide(media, source, PROFILE, chunk_s=6.0)
        job = fakes.store.jobs.create(make_job(id=identify(source, PROFILE), source=source))
        chunk = TracksResult(fingerprint="f", files=())
        told: dict[UnitKey, Result] = {
            PLAN: old,
            UnitKey(Kind.VIDEO, 0): chunk,
            UnitKey(Kind.VIDEO, 1): chunk,
        }
        for key, result in told.items():
            lease = fakes.store.units.claim(job, key, None, owner="jetson-1", lease_s=60)
            assert lease
            measured = Measured(worker_class="jetson", encoder="x264", frames=60, encode_s=3.0)
            fakes.store.units.commit(lease, result=result, measured=measured)
        fakes.end(job, Status.SUCCEEDED)
        seen = preview.of_object(Wish(source="s3://rugbytx-source/a.mp4"), served)
        jetson, aws = seen.forecasts
        assert (jetson.way.recipe, jetson.speed.evidence) == (Recipe.X264, "measured")
        assert jetson.speed.source == "2 finished chunks of class jetson by x264"
        assert aws.speed.evidence == "assumed"

    def test_a_store_that_is_silent_only_costs_the_measure(self, served: Connection, fakes: Fakes) -> None:
        """The plan is made all the same, and says so."""
        fakes.store.table.down = True
        seen = preview.of_object(Wish(source="s3://rugbytx-source/a.mp4"), served)
        assert seen.remarks[0].startswith("no speed was measured: ")
        assert {one.speed.evidence for one in seen.forecasts} == {"assumed"}
        assert seen.plan.grid.frames == 120


@pytest.mark.parametrize("recipe", Recipe)
@pytest.mark.parametrize("transfer", ["", "smpte2084"])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(50)])
def test_every_filter_has_a_reason(recipe: Recipe, transfer: str, rate: Fraction) -> None:
    """A filter that is new to the graphs is new to `--explain` too."""
    media = small_media(end_s=Fraction(12))
    asked = {
        "colour_transfer": transfer,
        "field_order": "tt",
        "average_rate": rate,
        "base_rate": rate,
        "width": 1280,
        "height": 720,
    }
    video = media.video.model_copy(update=asked)
    source = Source(bucket="b", key="k", etag="e", size_bytes=1)
    told = planner.decide(media.model_copy(update={"video": video}), source, load("match", None))
    for text in explanation.filters(filter_graph.graph(told, 0, recipe)):
        assert text.partition("=")[0] in explanation.FILTERS
