"""What a child may use, seen from within the child and by what becomes of one that wants more."""

import signal
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.errors import TranscodeError, UnsupportedMedia, VerificationError
from rugbytx.media.encode import track_file
from rugbytx.media.process import child, ffmpeg, resource_limits
from rugbytx.media.process.resource_limits import NO_FILE, Limits
from tests.gpu_plan import gpu_plan
from tests.pulse import FakePulse

pytestmark = pytest.mark.process


def told(script: str, pulse: FakePulse, limits: Limits) -> tuple[int, str]:
    """Run a script under limits; return its exit status and what it said."""
    output = bytearray()
    # The limits are set just after the start, so a script waits for them before it does anything.
    waiting = f'until [ "$(ulimit -c)" = 0 ] && [ "$(ulimit -t)" = {limits.cpu_s} ]; do :; done; {script}'
    ended = child.run(["bash", "-c", waiting], pulse=pulse, on_stdout=output.extend, limits=limits)
    return ended.code, output.decode().strip()


def test_a_child_knows_its_limits(pulse: FakePulse) -> None:
    """No core dumps; the file in blocks of 1 KiB, the processor in seconds, the memory in KiB."""
    limits = Limits(file_bytes=8 << 20, cpu_s=77, data_bytes=1 << 30)
    script = "ulimit -H -c; ulimit -H -f; ulimit -H -t; ulimit -H -d; ulimit -v"
    assert told(script, pulse, limits) == (0, "0\n8192\n77\n1048576\nunlimited")


def test_memory_is_not_bounded_beside_a_gpu(pulse: FakePulse) -> None:
    """Its driver maps more than any bound that would still be one."""
    assert told("ulimit -d", pulse, Limits(cpu_s=77, data_bytes=None)) == (0, "unlimited")


def test_what_probes_can_write_no_file(tmp_path: Path, pulse: FakePulse) -> None:
    """Not a byte; a pipe is no file."""
    path = tmp_path / "written"
    code, said = told(f"echo piped; exec head -c 1 /dev/zero >{path}", pulse, Limits(file_bytes=NO_FILE))
    assert (code, said, path.stat().st_size) == (-signal.SIGXFSZ, "piped", 0)


def test_an_output_without_end_is_cut_off_and_refused(tmp_path: Path, pulse: FakePulse) -> None:
    """The kernel ends ffmpeg, and what it has written by then is no whole file."""
    path = tmp_path / "endless.mp4"
    argv = ["ffmpeg", "-nostdin", "-loglevel", "level+warning", "-f", "lavfi"]
    argv += ["-i", "nullsrc=size=320x240:rate=25,geq=random(1)*255:128:128", "-c:v", "libx264"]
    argv += ["-preset", "ultrafast", "-f", "mp4", str(path)]
    with pytest.raises(UnsupportedMedia, match="makes a file grow beyond all that its length allows: 300000"):
        ffmpeg.run(argv, pulse=pulse, limits=Limits(file_bytes=300_000))
    assert path.stat().st_size == 300_000
    with pytest.raises(VerificationError):
        track_file.track(path)


def test_a_child_that_only_burns_time_is_ended(pulse: FakePulse) -> None:
    """By SIGKILL, which no program takes for a wish."""
    assert told("trap '' XCPU TERM; while :; do :; done", pulse, Limits(cpu_s=1))[0] == -signal.SIGKILL


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ("while :; do :; done", UnsupportedMedia, "more processor time than any film of its size: over 1 s"),
        ("kill -9 $$", TranscodeError, "ended by signal 9"),
    ],
)
def test_who_met_the_limit_is_told_from_who_was_killed(
    script: str, error: type[Exception], says: str, pulse: FakePulse
) -> None:
    """The kernel ends both in the same way: a source that takes too much is bad, a child that was killed is not."""
    with pytest.raises(error, match=says):
        ffmpeg.run(["bash", "-c", script], pulse=pulse, limits=Limits(cpu_s=1))


def test_a_child_that_trickles_is_ended(pulse: FakePulse) -> None:
    """It computes next to nothing, and now and then it moves."""
    script = "while sleep 0.1; do echo frame=$((n++)); echo progress=continue; done"
    with pytest.raises(TranscodeError, match="bash did not end within 1 s"):
        ffmpeg.run(["bash", "-c", script], pulse=pulse, limits=Limits(wall_s=1.0))


def test_a_chunk_has_time_by_its_pixels() -> None:
    """A minute of a match in high definition: a hundred times what it takes here, and bounded by the clock as well."""
    plan = gpu_plan(width=1920, height=1080, average_rate=Fraction(50))
    rendition = plan.renditions[0].model_copy(update={"width": 1920, "height": 1080})
    grid = plan.grid.model_copy(update={"rate": Fraction(50), "chunk": 3000, "frames": 3000, "chunks": 1})
    plan = plan.model_copy(update={"grid": grid, "renditions": (rendition,)})
    limits = resource_limits.chunk(plan, 0)
    # 4000 frames are decoded and 3000 encoded.
    assert limits.cpu_s == 600 + 7000 * 1920 * 1080 // 1_000_000
    assert limits.wall_s == limits.cpu_s + 3600


def test_memory_without_end_is_refused(pulse: FakePulse) -> None:
    """The child gets no more, and says so."""
    argv = ["python3", "-c", "bytearray(1 << 30)"]
    ended = child.run(argv, pulse=pulse, on_stdout=bytearray().extend, limits=Limits(data_bytes=256 << 20))
    assert "MemoryError" in ended.complaints
