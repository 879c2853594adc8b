"""A command runs on another Debian, in a clone, and leaves nothing behind."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.matrix.conftest import ROOT, OnDebian
from tests.processes import ends, marked, watched

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="to enter another system takes root"),
]
CLONE = ("other", "bash", "-c")


def test_the_command_runs_in_a_clone_of_what_is_committed(on_debian: OnDebian) -> None:
    """As the project lies here, with its shared folder beside it, and nothing of the caller's own settings."""
    on_debian.environ["AWS_REGION"] = "eu-central-1"
    done = on_debian.run(*CLONE, "echo $PWD $AWS_REGION; cat .git/HEAD; cat pyproject.toml; exit 7")
    assert done.returncode == 7
    place, *rest = done.stdout.splitlines()
    assert place == "/root/work/project"
    head = subprocess.check_output(["git", "-C", ROOT, "show", "HEAD:pyproject.toml"], text=True)
    assert rest[-len(head.splitlines()) :] == head.splitlines()
    assert on_debian.calls == []


def test_what_needs_mounts_and_namespaces_works_there(on_debian: OnDebian) -> None:
    """The root is a mount point, the command has an init above it, and its processes are the only ones."""
    said = on_debian.run(
        *CLONE, "mkdir /m && mount -t tmpfs none /m && touch /m/here && ls /m; echo $PPID; ls -d /proc/[0-9]*"
    )
    assert (said.returncode, said.stderr) == (0, warned(said.stderr))
    here, parent, *processes = said.stdout.split()
    assert (here, parent) == ("here", "1")
    assert len(processes) <= 3


def test_shared_cannot_be_written(on_debian: OnDebian) -> None:
    """It is the one that lies here."""
    if not (ROOT.parent / "shared").is_dir():
        pytest.skip("there is none beside this clone")
    done = on_debian.run(*CLONE, "ls ../shared; touch ../shared/mine")
    assert done.stdout.split() == sorted(path.name for path in (ROOT.parent / "shared").iterdir())
    assert done.returncode != 0


def test_a_system_is_made_once_for_each_list_of_packages(on_debian: OnDebian) -> None:
    """A call finds nothing that one before it has written; --minimal has a shorter list."""
    look = "echo $(ls /root); cat /var/log/apt; touch /root/mine"
    first, second = (on_debian.run(*CLONE, look) for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.splitlines()[0] == "work"
    assert " ffmpeg " in first.stdout
    assert on_debian.made == ["other"]
    minimal = on_debian.run("--minimal", *CLONE, look)
    assert " python3 " in minimal.stdout
    assert " ffmpeg " not in minimal.stdout
    assert on_debian.made == ["other", "other"]


def test_an_interrupted_making_is_not_taken_for_a_made_one(on_debian: OnDebian) -> None:
    """It is said in one sentence, with the last word of debootstrap, and made anew the next time."""
    broken = Path(on_debian.environ["FAKE_LOG"] + ".break")
    broken.touch()
    failed = on_debian.run(*CLONE, "echo never")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.splitlines()[-1] == "on-debian: debootstrap made no other: E: the mirror is gone"
    broken.unlink()
    assert on_debian.run(*CLONE, "echo once").stdout == "once\n"
    assert on_debian.made == ["other", "other"]


def test_two_calls_at_once_see_nothing_of_each_other(on_debian: OnDebian) -> None:
    """One of them makes the system, and both have it."""
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                on_debian.start(*CLONE, f"touch /root/{name}; echo ready; read -r; ls /root; ls /proc")
            )
            for name in ("one", "other")
        ]
        for process in both:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        said = [process.communicate("go\n", timeout=30)[0].split() for process in both]
    assert [word for words in said for word in words if word in {"one", "other"}] == ["one", "other"]
    assert [process.returncode for process in both] == [0, 0]
    assert on_debian.made == ["other"]
    assert on_debian.calls == []


def test_what_a_command_leaves_running_ends_with_it(on_debian: OnDebian) -> None:
    """Its clone is gone too."""
    done = on_debian.run(*CLONE, f"MARK={on_debian.folder} sleep 600 >/dev/null 2>&1 & echo started")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert marked("MARK", str(on_debian.folder)) == {}
    assert on_debian.calls == []


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_call_that_is_ended_takes_everything_with_it(
    on_debian: OnDebian, number: signal.Signals, status: int
) -> None:
    """What SIGKILL keeps it from taking away, the next call does."""
    process = on_debian.start(*CLONE, f"MARK={on_debian.folder} sleep 600 & echo ready; wait")
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        [sleeping] = wait_marked("MARK", str(on_debian.folder))
        descriptor = stack.enter_context(watched(sleeping))
        process.send_signal(number)
        assert process.wait(timeout=30) == status
        assert ends(descriptor)
    if number is signal.SIGKILL:
        assert on_debian.run(*CLONE, "exit 0").returncode == 0
    assert on_debian.calls == []
    assert on_debian.made == ["other"]


def test_ctrl_c_reaches_the_command_as_it_would_here(on_debian: OnDebian) -> None:
    """A signal that a shell has its background jobs ignore is none that a command inherits as ignored."""
    said = on_debian.run(*CLONE, "cat /proc/self/status").stdout
    [ignored] = [line.split()[1] for line in said.splitlines() if line.startswith("SigIgn:")]
    assert not int(ignored, 16) & (1 << (signal.SIGINT - 1) | 1 << (signal.SIGQUIT - 1))


@pytest.mark.parametrize("words", [(), ("trixie",), ("--minimal", "trixie")], ids=str)
def test_a_command_is_asked_for(on_debian: OnDebian, words: Sequence[str]) -> None:
    """In one sentence."""
    done = on_debian.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "on-debian: say a suite and a command, as in: scripts/on-debian trixie scripts/test\n"
    )


def test_it_takes_root(on_debian: OnDebian) -> None:
    """In one sentence, and nothing was done."""
    replace(on_debian, "id", "echo 1000")
    done = on_debian.run(*CLONE, "exit 0")
    assert (done.returncode, done.stderr) == (
        2,
        "on-debian: to make and to enter another system takes root\n",
    )
    assert not on_debian.kept.exists()


def test_it_takes_debootstrap(on_debian: OnDebian) -> None:
    """Which it installs where it can; otherwise it says so in one sentence."""
    programs = on_debian.folder / "bin"
    (programs / "debootstrap").unlink()
    for name in (
        "bash",
        "cat",
        "chmod",
        "cut",
        "dirname",
        "env",
        "flock",
        "git",
        "id",
        "mkdir",
        "sh",
        "sha256sum",
    ):
        (programs / name).symlink_to(Path("/usr/bin") / name)
    replace(on_debian, "apt-get", "exit 100")
    on_debian.environ["PATH"] = str(programs)
    done = on_debian.run(*CLONE, "exit 0")
    assert done.returncode == 2
    assert done.stderr == warned(done.stderr) + (
        "on-debian: debootstrap is not here, and apt-get cannot install it\n"
    )


def replace(on_debian: OnDebian, name: str, body: str) -> None:
    """Put another program before the one of this name."""
    program = on_debian.folder / "bin" / name
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(0o755)


def warned(stderr: str) -> str:
    """Return what is said of changes that no commit has, and of the making: neither is a complaint."""
    lines = stderr.splitlines(keepends=True)
    return "".join(
        line for line in lines if "the clone has what is committed" in line or "making other" in line
    )


def wait_marked(variable: str, value: str) -> dict[int, str]:
    """Return the processes that are marked, as soon as there is one."""
    until = time.monotonic() + 10.0
    while not (found := marked(variable, value)):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found
