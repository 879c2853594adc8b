"""Two workers whose encoders differ share one job: spliced where the profile allows it, of one kind where not."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.core.lease.unit import Kind, State, Unit, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import plan_of, tracks_of
from rugbytx.local import playback
from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.e2e.conftest import RUGBYTX

pytestmark = pytest.mark.process

#: More than any job here takes on a busy machine.
BOUND_S = 150.0

V0, V1 = (UnitKey(Kind.VIDEO, index) for index in range(2))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return twenty-four noisy seconds: four chunks of 6 s, each of which keeps an encoder busy for a while."""
    path = tmp_path_factory.mktemp("noise") / "noise.mp4"
    argv = [
        *("ffmpeg", "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=size=426x240:rate=25:duration=24"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=24"),
        *("-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", str(path)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return path


def wait_for(connection: Connection, job: Job, holds: Callable[[Job, Mapping[UnitKey, Unit]], bool]) -> Job:
    """Return the job once something holds of it and its units."""
    until = time.monotonic() + BOUND_S
    while time.monotonic() < until:
        seen = connection.store.jobs.read(job.id)
        assert seen
        if holds(seen, connection.store.units.read(job.id, job.generation)):
            return seen
        time.sleep(0.05)
    pytest.fail(f"not within {BOUND_S:g} s")


def wait_for_log(worker: LocalWorker, text: str) -> None:
    """Return once the worker has logged something."""
    until = time.monotonic() + BOUND_S
    while text not in worker.log.read_text(encoding="utf-8"):
        assert time.monotonic() < until, f"{text} is not in the log, which ends:\n{worker.log_tail()}"
        time.sleep(0.05)


def is_leased(units: Mapping[UnitKey, Unit], key: UnitKey) -> bool:
    """Return whether somebody has the unit."""
    return key in units and units[key].state is State.LEASED


def chunks_of(connection: Connection, job: Job) -> list[Unit]:
    """Return the job's chunks in order."""
    units = connection.store.units.read(job.id, job.generation)
    return [units[key] for key in sorted(units) if key.kind is Kind.VIDEO]


def discontinuities(connection: Connection, system: LocalSystem, job: Job, folder: Path) -> set[int]:
    """Play the job to its last frame without a complaint; return how many discontinuities its playlists have."""
    assert job.outputs
    manifest = playback.fetch(connection.storage, system.settings.output_bucket, job, job.outputs, folder)
    plan = plan_of(connection.store.units.read(job.id, job.generation))
    assert plan
    master = folder / object_keys.relative(manifest.master_key, job.id, job.generation)
    playback.check_hls(master, plan, ffprobe=system.settings.ffprobe)
    if job.outputs.mp4_key:
        mp4 = folder / object_keys.relative(job.outputs.mp4_key, job.id, job.generation)
        playback.check_mp4(mp4, plan, ffprobe=system.settings.ffprobe)
    media = set(folder.glob("*.m3u8")) - {master}
    assert media
    return {path.read_text(encoding="utf-8").count("#EXT-X-DISCONTINUITY\n") for path in media}


def test_two_kinds_of_encoder_meet_once(system: LocalSystem, noise: Path, tmp_path: Path) -> None:
    """Worked on from both ends, the job plays through its one splice without a complaint, and verifies."""
    connection = systems.connect(system.settings)
    first = system.start_worker(RUGBYTX_X264_PRESET="slow")
    second = system.start_worker(WorkerClass.AWS, RUGBYTX_X264_PRESET="slow")
    accepted = intake.accept(intake.Request(source=str(noise), chunk_s=5.0), connection)
    wait_for(connection, accepted.job, lambda _job, units: is_leased(units, V0))
    connection.queue.send([Pointer(job_id=accepted.job.id, generation=1)])
    wait_for(
        connection,
        accepted.job,
        lambda _job, units: len({unit.owner for unit in units.values() if unit.state is State.LEASED}) == 2,
    )
    job = wait_for(connection, accepted.job, lambda seen, _units: not seen.is_open)
    system.stop_worker(first)
    system.stop_worker(second)

    assert job.status is Status.SUCCEEDED, job.reason
    chunks = chunks_of(connection, job)
    assert {unit.measured.worker_class for unit in chunks} == {"jetson", "aws"}
    for signs in ([unit.maker for unit in chunks], [tracks_of(unit).fingerprint for unit in chunks]):
        assert sum(one != other for one, other in pairwise(signs)) == 1
    assert discontinuities(connection, system, job, tmp_path) == {1}
    verified = subprocess.run(
        [RUGBYTX, "verify", job.id],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND_S,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_job_without_splices_outlives_its_encoder(system: LocalSystem, noise: Path, tmp_path: Path) -> None:
    """The other worker waits while one with the job's encoder lives, then makes all of its chunks anew."""
    connection = systems.connect(system.settings)
    first = system.start_worker(RUGBYTX_X264_PRESET="slow")
    second = system.start_worker(WorkerClass.AWS, RUGBYTX_X264_PRESET="slow")
    # Whoever comes first: the other one is the stranger.
    request = intake.Request(source=str(noise), chunk_s=5.0, profile="clip")
    accepted = intake.accept(request, connection)
    pinned = wait_for(connection, accepted.job, lambda _job, units: is_leased(units, V0))
    owner = chunks_of(connection, accepted.job)[0].owner
    pinned_one, stranger = (first, second) if owner.startswith(f"{first.name}@") else (second, first)
    connection.queue.send([Pointer(job_id=accepted.job.id, generation=1)])
    wait_for_log(stranger, "pinned-to-another-encoder")
    wait_for(connection, accepted.job, lambda _job, units: V1 in units)
    pinned_one.kill()
    job = wait_for(connection, accepted.job, lambda seen, _units: not seen.is_open)
    system.stop_worker(stranger)
    system.stop_worker(pinned_one)

    assert job.status is Status.SUCCEEDED, job.reason
    (repinned,) = job.repinned
    assert repinned.former == pinned.pin != job.pin
    assert repinned.frames >= 150
    chunks = chunks_of(connection, job)
    assert {unit.maker for unit in chunks} == {job.pin}
    assert len({tracks_of(unit).fingerprint for unit in chunks}) == 1
    assert job.outputs
    assert job.outputs.mp4_key
    assert discontinuities(connection, system, job, tmp_path) == {0}
