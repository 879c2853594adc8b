"""A running job is cancelled, then tried again: its encoder ends within a heartbeat, and no finished chunk is redone."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Job, Source, Status
from rugbytx.core.lease.unit import PLAN, Kind, State, UnitKey
from rugbytx.core.output.result import Manifest
from rugbytx.core.plan.plan import Plan
from rugbytx.local import playback
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.e2e.conftest import RUGBYTX
from tests.processes import descendants, ends, watched

pytestmark = pytest.mark.process

#: More than anything here takes on a busy machine.
BOUND_S = 120.0
HEARTBEAT_S = 0.5
#: A busy machine may be so much slower than the heartbeat.
SLACK_S = 8.0


@pytest.fixture
def noisy_clip(tmp_path: Path) -> Path:
    """Return twelve noisy seconds: a chunk of them keeps a slow encoder busy for a while."""
    path = tmp_path / "noisy.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=size=426x240:rate=25:duration=12"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=12"),
        *("-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return path


def wait_until(holds: Callable[[], object]) -> None:
    """Return once something holds."""
    until = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < until, f"not within {BOUND_S:g} s"
        time.sleep(0.02)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``rugbytx`` on the system of this process."""
    return subprocess.run(
        [RUGBYTX, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND_S,
        stdin=subprocess.DEVNULL,
    )


def wear_out(connection: Connection, system: LocalSystem) -> None:
    """Receive the one message four times, as if four workers had died over it."""
    from rugbytx.aws.client import client

    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=system.settings.queue)["QueueUrl"]
    for _ in range(4):
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        assert connection.queue.extend(message["ReceiptHandle"], visibility_s=0)


def log_of(worker: LocalWorker) -> str:
    """Return all that the worker has logged."""
    return worker.log.read_text(encoding="utf-8")


def fetch(connection: Connection, bucket: str, job: Job, folder: Path) -> Manifest:
    """Copy what the manifest names to the places where a reader finds it."""
    assert job.outputs
    manifest = Manifest.model_validate_json(connection.storage.get(bucket, job.outputs.manifest_key))
    for entry in manifest.entries:
        stored = connection.storage.head(bucket, entry.key)
        assert stored, f"{entry.key} is not there"
        (folder / entry.key).parent.mkdir(parents=True, exist_ok=True)
        source = Source(bucket=bucket, key=entry.key, etag=stored.etag, size_bytes=stored.size_bytes)
        connection.storage.download(source, folder / entry.key, on_bytes=lambda _: None)
    return manifest


def test_cancel_and_retry(system: LocalSystem, noisy_clip: Path, tmp_path: Path) -> None:
    """The encoder ends and the message goes; the retry takes over what is done, and plays to its last frame."""
    connection = systems.connect(system.settings)
    accepted = intake.accept(intake.Request(source=str(noisy_clip), chunk_s=6.0), connection)
    job_id = accepted.job.id
    wear_out(connection, system)

    # Slow enough for the second chunk to be in work for several heartbeats.
    worker = system.start_worker(RUGBYTX_X264_PRESET="slower", RUGBYTX_HEARTBEAT_S=str(HEARTBEAT_S))
    second = UnitKey(Kind.VIDEO, 1)
    wait_until(lambda: second in connection.store.units.read(job_id, 1))
    wait_until(lambda: descendants(worker.pid, "ffmpeg", "libx264", "/unit/"))
    assert "received-too-often" in log_of(worker), "the attributes of the message arrive in the lane"
    (encoder, *_) = descendants(worker.pid, "ffmpeg", "libx264", "/unit/")
    with watched(encoder) as process:
        # So that it cannot come to its end before the command, on whatever machine; it can be ended all the same.
        os.kill(encoder, signal.SIGSTOP)
        done = command("cancel", job_id, "--json")
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "CANCELLED"), done.stderr
        assert ends(process, within_s=HEARTBEAT_S + SLACK_S)
    wait_until(lambda: sum(vars(connection.queue.depth()).values()) == 0)
    system.stop_worker(worker)
    before = connection.store.units.read(job_id, 1)
    finished = {str(key) for key, unit in before.items() if unit.state is State.DONE}
    assert str(second) not in finished

    done = command("retry", job_id, "--json")
    assert (done.returncode, json.loads(done.stdout)["generation"]) == (0, 2), done.stderr
    worker = system.start_worker()
    wait_until(lambda: not connection.store.jobs.read(job_id).is_open)  # type: ignore[union-attr] # it is there
    system.stop_worker(worker)
    job = connection.store.jobs.read(job_id)
    assert job
    assert job.status is Status.SUCCEEDED, job.reason
    assert set(job.adopted) == finished
    after = connection.store.units.read(job_id, 2)
    assert {str(key) for key, unit in after.items() if unit.fence == 0} == finished

    manifest = fetch(connection, system.settings.output_bucket, job, tmp_path)
    assert any(f"/{job_id}/g1/" in entry.key for entry in manifest.entries)
    plan = after[PLAN].result_as(Plan)
    playback.check_hls(tmp_path / manifest.master_key, plan, ffprobe=system.settings.ffprobe)
