"""How children are run and ended; the children are small scripts that misbehave."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx.errors import Draining, HostUnfit, LeaseLost
from rugbytx.media.process import child
from tests.processes import ends, watched
from tests.pulse import FakePulse

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who ignore SIGTERM get a short time to do so."""
    monkeypatch.setattr(child, "GRACE_S", 0.1)


class Watch:
    """Reads process ids from a child's output and watches those processes; then calls ``on_all``."""

    def __init__(self, stack: contextlib.ExitStack, *, expected: int, on_all: Callable[[], None]) -> None:
        self._stack = stack
        self._expected = expected
        self._on_all = on_all
        self.descriptors: list[int] = []
        self._lines = child.Lines(self._see)

    def feed(self, data: bytes) -> None:
        """Take what the child wrote."""
        self._lines.feed(data)

    def _see(self, line: str) -> None:
        self.descriptors.append(self._stack.enter_context(watched(int(line))))
        if len(self.descriptors) == self._expected:
            self._on_all()


SLEEP = "exec sleep 1000"
STUBBORN = "trap '' TERM; echo $$; while :; do sleep 1000; done"
FROZEN = "echo $$; kill -STOP $$; exec sleep 1000"
OBEDIENT = f"echo $$; {SLEEP}"
FLOOD = "echo $$; while :; do printf '%02000d\\n' 1 >&2; done"
FAMILY = f"({SLEEP}) & echo $!; echo $$; {SLEEP}"


@pytest.mark.parametrize("error", [LeaseLost("gone"), KeyboardInterrupt()], ids=["lost", "ctrl-c"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [(OBEDIENT, 1), (STUBBORN, 1), (FROZEN, 1), (FLOOD, 1), (FAMILY, 2)],
    ids=["obedient", "ignores SIGTERM", "stopped", "floods stderr", "with a child of its own"],
)
def test_what_check_raises_ends_the_whole_group(
    pulse: FakePulse, script: str, expected: int, error: BaseException
) -> None:
    """Whatever state a child is in, it ends, and its own children with it."""

    def stop() -> None:
        pulse.stop = error

    with contextlib.ExitStack() as stack:
        watch = Watch(stack, expected=expected, on_all=stop)
        with pytest.raises(type(error)):
            child.run(["bash", "-c", script], pulse=pulse, on_stdout=watch.feed)
        assert [ends(descriptor) for descriptor in watch.descriptors] == [True] * expected


def test_an_error_in_the_reader_ends_the_child_too(pulse: FakePulse) -> None:
    """A reader that raises is no reason to leave the child alive."""

    def raise_it() -> None:
        raise LeaseLost("seen enough")

    with contextlib.ExitStack() as stack:
        watch = Watch(stack, expected=1, on_all=raise_it)
        with pytest.raises(LeaseLost):
            child.run(["bash", "-c", OBEDIENT], pulse=pulse, on_stdout=watch.feed)
        assert ends(watch.descriptors[0], within_s=0)


def test_a_normal_end_leaves_nobody_behind(pulse: FakePulse) -> None:
    """A grandchild that holds the pipes open neither delays the end nor survives it."""
    with contextlib.ExitStack() as stack:
        watch = Watch(stack, expected=1, on_all=lambda: None)
        ended = child.run(["bash", "-c", f"({SLEEP}) & echo $!"], pulse=pulse, on_stdout=watch.feed)
        assert ended == child.Ended(code=0, complaints=())
        # Its new parent reaps it, so its end may come a moment later.
        assert ends(watch.descriptors[0])


def test_all_that_was_written_before_the_end_is_read(pulse: FakePulse) -> None:
    """Output that is still in the pipe when the child has gone is not lost."""
    output = bytearray()
    script = "head -c 300000 /dev/zero; printf 'a reason' >&2; exit 3"
    ended = child.run(["bash", "-c", script], pulse=pulse, on_stdout=output.extend)
    assert len(output) == 300_000
    assert ended == child.Ended(code=3, complaints=("a reason",))


def test_a_signal_is_a_negative_code(pulse: FakePulse) -> None:
    """A child that was killed by somebody else says by what."""
    ended = child.run(["bash", "-c", "kill -SEGV $$"], pulse=pulse, on_stdout=bytearray().extend)
    assert ended.code == -signal.SIGSEGV


def test_what_ends_the_work_outweighs_how_the_child_ended(pulse: FakePulse) -> None:
    """A child that was ended from outside, with the rest of the service, is not asked for its reasons."""

    def told(_data: bytes) -> None:
        pulse.stop = Draining("told to leave")

    with pytest.raises(Draining):
        child.run(["bash", "-c", "echo; exit 1"], pulse=pulse, on_stdout=told)


def test_of_any_number_of_complaints_the_first_and_the_last_are_kept(pulse: FakePulse) -> None:
    """A broken source may bring millions of lines."""
    script = "for n in {1..20000}; do echo line $n; done >&2; printf 'x%.0s' {1..5000} >&2"
    ended = child.run(["bash", "-c", script], pulse=pulse, on_stdout=bytearray().extend)
    assert ended.complaints[:2] == ("line 1", "line 2")
    assert ended.complaints[49:51] == ("line 50", "line 19802")
    assert ended.complaints[-1] == "x" * 4000
    assert len(ended.complaints) == 250


def test_a_child_learns_only_what_is_on_the_list(pulse: FakePulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, and the addresses that hand them out, stay with us."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    output = bytearray()
    child.run(["env"], pulse=pulse, on_stdout=output.extend)
    names = {line.split("=", 1)[0] for line in output.decode().splitlines()}
    assert {"PATH", "CUDA_VISIBLE_DEVICES"} <= names <= set(child.ENVIRONMENT)


def test_a_missing_program_is_the_hosts_fault(pulse: FakePulse) -> None:
    """The job is fine: another host may have the program."""
    with pytest.raises(HostUnfit, match="this host has no nothing-of-this-name"):
        child.run(["nothing-of-this-name"], pulse=pulse, on_stdout=bytearray().extend)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="the guard is setpriv, of util-linux")
def test_a_child_dies_with_a_worker_that_was_killed() -> None:
    """SIGKILL leaves a worker no time to clean up, so the kernel does it."""
    worker = (
        "from rugbytx.media.process import child\n"
        "from tests.pulse import FakePulse\n"
        f"child.run(['bash', '-c', {OBEDIENT!r}], pulse=FakePulse(), "
        "on_stdout=lambda data: print(data.decode(), end='', flush=True))"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", worker], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout is not None
        with watched(int(parent.stdout.readline())) as child:
            parent.kill()
            assert ends(child)
