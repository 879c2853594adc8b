"""A source of two hours, as long as a match and as small as a stamp: nothing adds up over its length."""

import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Status
from rugbytx.core.output.result import Manifest
from rugbytx.core.verify.job_report import JobReport
from rugbytx.local.system import LocalSystem
from rugbytx.verify.fetch import fetch
from rugbytx.verify.verification import verify
from tests.footage import make
from tests.processes import descendants

pytestmark = [pytest.mark.process, pytest.mark.long]

MINUTES = 120
RATE = 25
#: A decode of two hours and 120 chunks take a few minutes on two cores.
BOUND_S = 1500.0
#: Of what a worker has after its first ten chunks; a hundred follow, and publishing.
MOST_GROWTH = 1.25


@pytest.fixture
def match(tmp_path: Path) -> Path:
    """Two hours of 25 frames a second with sound: one minute, again and again, without encoding it again."""
    minute, whole = tmp_path / "minute.mov", tmp_path / "match.mov"
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=96x54:rate={RATE}:duration=60"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000:duration=60"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le"]
    make(minute, *picture, *sound, *codecs)
    make(whole, "-stream_loop", str(MINUTES - 1), "-i", str(minute), "-c", "copy")
    return whole


def memory_bytes(pid: int) -> int:
    """Return what a worker's Python processes take together, pages that they share counted once (proc(5), Pss)."""
    kilobytes = 0
    for process in (pid, *descendants(pid, "celery")):
        with suppress(FileNotFoundError, ProcessLookupError):  # a fork that has become an encoder, or ended
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            kilobytes += int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))
    return kilobytes * 1024


def test_a_match_comes_out_whole(system: LocalSystem, match: Path, tmp_path: Path) -> None:
    """Every frame, sound to the last one, true playlists; and a worker no larger at the end than at the beginning."""
    connection = systems.connect(system.settings)
    worker = system.start_worker(RUGBYTX_CHECK_S="0", RUGBYTX_X264_PRESET="ultrafast")
    job_id = intake.accept(intake.Request(source=str(match)), connection).job.id
    sizes: list[tuple[int, int]] = []
    until = time.monotonic() + BOUND_S
    while (job := connection.store.jobs.read(job_id)) and job.is_open:
        assert time.monotonic() < until, "the job did not end"
        sizes.append((len(job.done), memory_bytes(worker.pid)))
        time.sleep(0.5)
    assert job
    assert job.status is Status.SUCCEEDED, job.reason
    after = memory_bytes(worker.pid)
    system.stop_worker(worker)

    # Before them come the plan and the audio, whose boxes are read in one go.
    settled = max(size for done, size in sizes if 10 <= done <= 20)
    later = [size for done, size in sizes if done > 20]
    assert max(after, *later) < MOST_GROWTH * settled, sizes[:: len(sizes) // 10]

    assert job.outputs
    assert (job.outputs.frames, job.outputs.duration_s) == (MINUTES * 60 * RATE, MINUTES * 60)
    bucket = system.settings.output_bucket
    manifest = Manifest.model_validate_json(connection.storage.get(bucket, job.outputs.manifest_key))
    [told] = [entry.key for entry in manifest.entries if "/report-" in entry.key]
    report = JobReport.model_validate_json(connection.storage.get(bucket, told))
    assert report.grid.chunks == MINUTES
    assert report.sound_offset
    assert abs(report.sound_offset.ends_s) <= Fraction(1, RATE)

    master = fetch(connection.storage, bucket, job.outputs, tmp_path / "out", on_bytes=lambda _: None)
    verdict = verify(master, on_step=lambda _: None)
    assert [finding.sentence for finding in verdict.findings] == []
    assert verdict.frames == MINUTES * 60 * RATE * len(report.renditions)
