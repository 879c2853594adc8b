"""`rugbytx play` on a folder, on a file and on a job."""

import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx.core.job.job import Status
from rugbytx.player import server as module
from rugbytx.player.server import Server
from tests.connection import OUTPUTS, Fakes, Run, make_job

MASTER = b"#EXTM3U\n"

#: Visits the page of a running command; its answers are what the page is to play, and the master that this names.
Visits = list[tuple[dict[str, str], bytes]]


@pytest.fixture(autouse=True)
def hls_js(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for hls.js, which these tests do not run."""
    script = tmp_path / "node_modules/hls.js/dist/hls.min.js"
    script.parent.mkdir(parents=True)
    script.touch()
    monkeypatch.setattr(module, "HLS_JS", script)
    return script


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> Visits:
    """Have every page visited once and then ended by Ctrl-C; return what was seen there."""
    seen: Visits = []
    serve: Callable[[Server, float], None] = Server.serve_forever

    def visit(server: Server) -> None:
        thread = threading.Thread(target=serve, args=[server, 0.01])
        thread.start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{server.url}playing.json", timeout=10) as answer:
                playing = json.load(answer)
            with opener.open(f"{server.url}{playing['source']}", timeout=10) as answer:
                seen.append((playing, answer.read()))
        finally:
            server.shutdown()
            thread.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", visit)
    return seen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of outputs."""
    folder = tmp_path / "semi final"
    folder.mkdir()
    (folder / "master-f1.m3u8").write_bytes(MASTER)
    (folder / "720p-f1.mp4").write_bytes(b"video")
    return folder


def test_a_folder_and_what_is_in_it(run: Run, folder: Path, visits: Visits) -> None:
    """Until Ctrl-C, which is the ordinary end; the address is on stdout."""
    result = run("play", str(folder))
    assert result.exit_code == 0
    assert result.stdout.startswith("semi final plays at http://127.0.0.1:")
    run("play", str(folder / "master-f1.m3u8"))
    run("play", str(folder / "720p-f1.mp4"))
    assert visits == [
        ({"title": "semi final", "source": "media/master-f1.m3u8"}, MASTER),
        ({"title": "master-f1.m3u8", "source": "media/master-f1.m3u8"}, MASTER),
        ({"title": "720p-f1.mp4", "source": "media/720p-f1.mp4"}, b"video"),
    ]


def test_a_job(run: Run, fakes: Fakes, visits: Visits) -> None:
    """Its outputs stay in the bucket."""
    outputs = OUTPUTS.model_copy(update={"master_key": f"out/{make_job().id}/g1/master-f1.m3u8"})
    job = fakes.store.jobs.create(make_job(status=Status.SUCCEEDED, outputs=outputs))
    fakes.storage.put(MASTER, "rugbytx-output", outputs.master_key, content_type="")
    result = run("play", job.id, "--json")
    assert result.exit_code == 0
    title = f"final.mp4 · job {job.id}"
    assert json.loads(result.stdout)["title"] == title
    assert visits == [({"title": title, "source": "media/g1/master-f1.m3u8"}, MASTER)]


def test_what_there_is_not(run: Run, fakes: Fakes, tmp_path: Path) -> None:
    """No such job, a job without outputs, a folder without a master: exit status 3."""
    queued = fakes.store.jobs.create(make_job())
    for target in ("f" * 20, queued.id, str(tmp_path)):
        result = run("play", target)
        assert result.exit_code == 3, target


def test_what_no_browser_plays(run: Run, tmp_path: Path) -> None:
    """Is bad usage."""
    (tmp_path / "match.mkv").touch()
    result = run("play", str(tmp_path / "match.mkv"))
    assert result.exit_code == 2
    assert "is neither a folder of outputs nor a playlist nor an MP4" in result.stderr


def test_without_hls_js(run: Run, folder: Path, hls_js: Path, visits: Visits) -> None:
    """Exit status 2 and what to do about it, unless the browser plays HLS by itself."""
    hls_js.unlink()
    result = run("play", str(folder))
    assert result.exit_code == 2
    assert "hls.js is not installed" in result.stderr
    assert not visits
    assert run("play", str(folder), "--native").exit_code == 0
    assert visits
