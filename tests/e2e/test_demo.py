"""The local system as a person uses it: demo, up, and commands in another terminal."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.e2e.conftest import MARK, RUGBYTX, RunCommand
from tests.processes import descendants, survivors

pytestmark = pytest.mark.process

#: More than a system takes, with all that is done to it here, on a busy machine.
LIFE_S = 300.0
#: More than it takes to end.
END_S = 90.0


@contextmanager
def running_up(environ: dict[str, str], *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run ``rugbytx up`` until it says that it is up, and for as long as the context is open."""
    process = subprocess.Popen(
        [RUGBYTX, "up", *options],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(LIFE_S, process.kill)
    watchdog.start()
    try:
        with process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            assert process.poll() is None, "".join(lines)
            try:
                yield process
            finally:
                process.terminate()
    finally:
        watchdog.cancel()


@contextmanager
def playing(target: str, *, cwd: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run ``rugbytx play`` while the context is open, give the page's address, and end it by Ctrl-C."""
    process = subprocess.Popen(
        [RUGBYTX, "play", target, "--native", "--json"],
        env=environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(LIFE_S, process.kill)
    watchdog.start()
    try:
        with process:
            assert process.stdout is not None
            try:
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.send_signal(signal.SIGINT)
        assert process.returncode == 0
    finally:
        watchdog.cancel()


def get(url: str) -> str:
    """Return what is at an address, past any HTTP proxy."""
    with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_demo_makes_what_it_says(
    run_command: RunCommand, command_environ: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    """The demo exits 0, leaves renditions, MP4 and manifest, and no process, and what it offers can be played."""
    done = run_command("demo", str(clip), "--profile", "clip", "--chunk", "3s", timeout_s=LIFE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "rugbytx-demo" / clip.stem
    assert [path.suffix for path in folder.glob("master-*")] == [".m3u8"]
    assert len(list(folder.glob("*.mp4"))) == 1
    for entry in json.loads((folder / "manifest.json").read_text())["entries"]:
        assert (folder / entry["key"].split("/", 3)[3]).stat().st_size == entry["size_bytes"]
    assert "150 frames" in done.stdout
    offered = done.stdout.split("Play it in a browser:\n")[1].splitlines()[0]
    with playing(offered.split(" play ")[1].strip(" '"), cwd=tmp_path, environ=command_environ) as url:
        assert get(f"{url}media/{next(folder.glob('master-*')).name}").startswith("#EXTM3U\n")
    assert survivors(*MARK) == []


def test_demo_fails_with_a_reason(run_command: RunCommand, tmp_path: Path) -> None:
    """What is no video ends the demo with status 1 and a sentence, without a traceback or a process."""
    (tmp_path / "notes.mp4").write_text("not a video\n" * 1000)
    done = run_command("demo", "notes.mp4")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("rugbytx: the demo failed: job ")
    assert "Traceback" not in done.stderr
    assert survivors(*MARK) == []


def test_demo_spares_other_folders(run_command: RunCommand, clip: Path, tmp_path: Path) -> None:
    """A folder that holds something else is not emptied for the results."""
    precious = tmp_path / clip.stem / "precious.txt"
    precious.parent.mkdir()
    precious.touch()
    done = run_command("demo", str(clip), "--out", ".")
    assert done.returncode == 1
    assert "is not empty and not of a former demo" in done.stderr
    assert precious.exists()


def test_other_terminals_find_the_system(
    run_command: RunCommand, command_environ: dict[str, str], clip: Path
) -> None:
    """Submit and status work beside ``up`` without any setting; Ctrl-C then leaves nothing behind."""
    with running_up(command_environ) as up:
        done = run_command("submit", str(clip), "--chunk", "3s", "--watch", "--json")
        assert done.returncode == 0, done.stderr
        assert "local system at http://127.0.0.1:" in done.stderr
        job = json.loads(done.stdout.splitlines()[-1])
        assert job["status"] == "SUCCEEDED"

        again = run_command("status", job["job_id"], "--json")
        assert json.loads(again.stdout)["status"] == "SUCCEEDED"

        whole = run_command("verify", job["job_id"], "--json")
        assert whole.returncode == 0, whole.stdout + whole.stderr
        assert json.loads(whole.stdout)["frames"] == 150 * len(job["renditions"])

        class_alone = run_command("doctor", "--json", RUGBYTX_WORKER_CLASS="aws", RUGBYTX_ENCODER="x264")
        assert class_alone.returncode == 0, class_alone.stdout
        told = [json.loads(line) for line in class_alone.stdout.splitlines()]
        assert any(one["text"].startswith("local system at ") for one in told)

        with playing(job["job_id"], cwd=clip.parent, environ=command_environ) as url:
            source = json.loads(get(f"{url}playing.json"))["source"]
            assert get(f"{url}{source}").startswith("#EXTM3U\n")

        up.send_signal(signal.SIGINT)
        assert up.wait(END_S) == 0
    assert survivors(*MARK) == []
    assert run_command("status", job["job_id"]).returncode != 0


def test_up_replaces_a_worker_that_died(command_environ: dict[str, str]) -> None:
    """A worker that is killed is named, and another of its class takes its place."""
    with running_up(command_environ, "--jetson", "0", "--aws", "1") as up:
        main, *_ = descendants(up.pid, "celery")
        os.kill(main, signal.SIGKILL)
        assert up.stdout is not None
        assert "Worker aws-1 died; aws-2 takes its place." in next(
            line for line in up.stdout if line.startswith("Worker")
        )
        up.send_signal(signal.SIGTERM)
        assert up.wait(END_S) == 0
    assert survivors(*MARK) == []
