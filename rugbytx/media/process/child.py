"""A child process of ours: its group, its bounded output, its end.

One thread does it all.  It looks at ``pulse.check`` a few times a second, and
whatever that raises ends the child's whole group before it travels on::

    start ── read stdout, stderr ── pulse.check ──┐
              ▲                                   │ exited, or something was raised
              └───────────────────────────────────┤
                                                  ▼
              SIGTERM, a short grace ── SIGKILL to the group ── reap ── close the pipes
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from rugbytx.errors import HostUnfit, TranscodeError
from rugbytx.media.process.resource_limits import Limits
from rugbytx.ports import Pulse

#: How often ``pulse.check`` is asked while the child says nothing.
TICK_S = 0.2
#: How long a child may take to close its files after SIGTERM.
GRACE_S = 2.0
#: How long the kernel may take to end it after SIGKILL; longer means stuck in a driver.
_KILL_S = 10.0

#: All that a child learns of our environment: no credentials, and nothing that leads to them.
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "TMPDIR")

_READ_BYTES = 1 << 16
_HEAD_LINES, _TAIL_LINES = 50, 200
#: ffmpeg names its input before it says what is wrong with it, and a presigned URL may be 3000 bytes long.
_LINE_BYTES = 4000

#: Takes what a child wrote, as it comes.
OnBytes = Callable[[bytes], None]
#: Takes each line of a child's standard error.
OnLine = Callable[[str], None]
#: For a child of whose work nothing else is known.
SHORT_WORK = Limits()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a child ended by itself; ``code`` is negative for a signal, as in ``subprocess``."""

    code: int
    #: The first and the last lines of its standard error.
    complaints: tuple[str, ...]
    #: Which of its limits ended it, as a sentence about its source; empty where none did.
    limit: str = ""


class Lines:
    """Cuts a stream of bytes into lines and hands each on, shortened to 4000 bytes."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a line ends with a newline or, as in ffmpeg's status, a carriage return."""
        *whole, rest = data.replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            self._emit(self._rest + line)
            self._rest = b""
        self._rest = (self._rest + rest)[:_LINE_BYTES]

    def close(self) -> None:
        """Hand on a last line that has no end."""
        self._emit(self._rest)
        self._rest = b""

    def _emit(self, line: bytes) -> None:
        if line:
            self._on_line(line[:_LINE_BYTES].decode(errors="replace"))


class Ends:
    """Keeps the first 50 and the last 200 of any number of lines.

    The cause of a failure stands in the first, the circumstances in the last;
    between them a broken file may bring millions.
    """

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def add(self, line: str) -> None:
        """Take the next line."""
        (self._head if len(self._head) < _HEAD_LINES else self._tail).append(line)

    def lines(self) -> tuple[str, ...]:
        """Return what was kept, in order."""
        return (*self._head, *self._tail)


def run(
    argv: Sequence[str],
    *,
    pulse: Pulse,
    on_stdout: OnBytes,
    on_complaint: OnLine | None = None,
    limits: Limits = SHORT_WORK,
) -> Ended:
    """Run a child to its own end and return how that was.

    Whatever ``pulse.check`` or a callback raises, and a KeyboardInterrupt,
    ends the child first.  When this returns or raises, nothing of the child's
    process group is alive, and the child is reaped.  Raises HostUnfit where the
    program cannot be started, and TranscodeError where it does not end in time.
    """
    ends = Ends()

    def complain(line: str) -> None:
        ends.add(line)
        if on_complaint:
            on_complaint(line)

    complaints = Lines(complain)
    until = time.monotonic() + limits.wall_s
    with _started(argv, limits) as (process, stdout, stderr):
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ, on_stdout)
            selector.register(stderr, selectors.EVENT_READ, complaints.feed)
            while not _has_exited(process):
                pulse.check()
                if time.monotonic() > until:
                    raise TranscodeError(f"{Path(argv[0]).name} did not end within {limits.wall_s:.0f} s")
                # With both pipes closed there is only the exit to wait for, and it is near.
                for key, _ in selector.select(TICK_S if selector.get_map() else TICK_S / 10):
                    if not _pass_on(key.fd, key.data):
                        selector.unregister(key.fileobj)
        cpu_s = _cpu_s(process.pid)
        _kill_group(process)
        for pipe, take in ((stdout, on_stdout), (stderr, complaints.feed)):
            _drain(pipe, take)
    complaints.close()
    if process.returncode:
        # What is to end the work may have ended the child first: a SIGTERM to all of a service's processes.
        pulse.check()
    met = limits.met(code=process.returncode, cpu_s=cpu_s)
    return Ended(code=process.returncode, complaints=ends.lines(), limit=met)


@contextlib.contextmanager
def _started(
    argv: Sequence[str], limits: Limits
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """Start a child as the leader of its own session, and see that its group is dead on the way out."""
    try:
        process = subprocess.Popen(
            [*_guard(argv[0]), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise HostUnfit(f"this host cannot start {Path(argv[0]).name}: {error.strerror}") from error
    # Popen's own exit would wait for the child without a bound, so it is not used as a context.
    with cast("IO[bytes]", process.stdout) as stdout, cast("IO[bytes]", process.stderr) as stderr:
        try:
            limits.apply(process.pid)
            for pipe in (stdout, stderr):
                os.set_blocking(pipe.fileno(), False)
            yield process, stdout, stderr
        finally:
            _end(process)


def _guard(program: str) -> list[str]:
    """Return the prefix that lets the kernel kill the child when we die; nothing where it cannot be had.

    A worker that is killed with SIGKILL has no time to end its children, and an
    encoder that outlives its lease would go on using the GPU.  The kernel watches
    the *thread* that forked (prctl(2), PR_SET_PDEATHSIG); that one waits here.
    """
    if shutil.which(program) is None:
        raise HostUnfit(f"this host has no {Path(program).name}")
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a child may know of ``environ``."""
    return {name: environ[name] for name in ENVIRONMENT if name in environ}


def _pass_on(fd: int, take: OnBytes) -> bool:
    """Read once and hand it on; False at the end of the stream."""
    data = os.read(fd, _READ_BYTES)
    if data:
        take(data)
    return bool(data)


def _drain(pipe: IO[bytes], take: OnBytes) -> None:
    """Hand on what the dead group left in a pipe, which is at most the pipe's own size."""
    with contextlib.suppress(BlockingIOError):  # a child that left the group may hold it open
        for _ in range(16):
            if not _pass_on(pipe.fileno(), take):
                return


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the child has exited, without reaping it.

    Until it is reaped its number stays its own, so that a signal to the group
    cannot hit a stranger.
    """
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _cpu_s(pid: int) -> float:
    """Return the processor seconds of a child that has ended and is not reaped; 0 where the kernel does not say."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    # After the name, which may hold anything: utime and stime are the 14th and the 15th of all (proc(5)).
    user, system = told.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _end(process: subprocess.Popen[bytes]) -> None:
    """See that the child and its group are dead, and reap it.

    SIGTERM lets an encoder leave the GPU in order.  SIGINT would not do: ffmpeg
    5 ignores it where its parent did.  SIGKILL also ends what is stopped.
    """
    if process.returncode is not None:
        return
    if not _has_exited(process):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while not _has_exited(process) and time.monotonic() < deadline:
            time.sleep(TICK_S / 10)
    _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_KILL_S)
    except subprocess.TimeoutExpired as error:
        raise HostUnfit(
            f"process {process.pid} does not end even by SIGKILL, so the host needs a look"
        ) from error
