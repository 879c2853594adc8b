"""What a child may use, seen from within the child and by what becomes of one that wants more."""

import signal
from pathlib import Path

import pytest

from rugbytx.errors import TranscodeError, VerificationError
from rugbytx.media import ffmpeg, package, process
from rugbytx.media.limit import NO_FILE, Limits
from tests.pulse import FakePulse

pytestmark = pytest.mark.process


def told(script: str, pulse: FakePulse, limits: Limits) -> tuple[int, str]:
    """Run a script under limits; return its exit status and what it said."""
    output = bytearray()
    # The limits are set just after the start, so a script waits for them before it does anything.
    waiting = f'until [ "$(ulimit -c)" = 0 ] && [ "$(ulimit -t)" = {limits.cpu_s} ]; do :; done; {script}'
    ended = process.run(["bash", "-c", waiting], pulse=pulse, on_stdout=output.extend, limits=limits)
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
    with pytest.raises(TranscodeError, match="File size limit exceeded"):
        ffmpeg.run(argv, pulse=pulse, limits=Limits(file_bytes=300_000))
    assert path.stat().st_size == 300_000
    with pytest.raises(VerificationError):
        package.track(path)


def test_a_child_that_only_burns_time_is_ended(pulse: FakePulse) -> None:
    """By SIGKILL, which no program takes for a wish."""
    assert told("trap '' XCPU TERM; while :; do :; done", pulse, Limits(cpu_s=1))[0] == -signal.SIGKILL


def test_memory_without_end_is_refused(pulse: FakePulse) -> None:
    """The child gets no more, and says so."""
    argv = ["python3", "-c", "bytearray(1 << 30)"]
    ended = process.run(argv, pulse=pulse, on_stdout=bytearray().extend, limits=Limits(data_bytes=256 << 20))
    assert "MemoryError" in ended.complaints
