"""Commands and workers where there is little: no home, no name, no language, no terminal, and one disk to write to.

What a worker does without ``/tmp`` is in ``test_environment``.
"""

import subprocess
import tempfile
from pathlib import Path

import pytest

from rugbytx import system, temporary
from rugbytx.errors import HostUnfit, SettingsError
from rugbytx.local.system import LocalSystem
from rugbytx.settings import read
from tests.deploy import start
from tests.deploy.box import LAYER, boxed, needs_namespaces

#: More than a command takes on a busy machine.
COMMAND_S = 120.0


def run(folder: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with a search path and these variables, where only /scratch can be written."""
    return subprocess.run(
        boxed([f"{LAYER}/bin/rugbytx", *words], folder=folder, writable=["/scratch"]),
        env={"PATH": start.PATH, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )


@pytest.mark.process
@needs_namespaces
def test_a_user_without_a_home_or_a_name_gets_a_sentence(tmp_path: Path) -> None:
    """There is no local system for who has no place to find it in, and AWS is not configured."""
    done = run(tmp_path, "list")
    assert done.stderr == (
        "rugbytx: no AWS region is configured: set AWS_REGION, or a region in the AWS profile\n"
    )
    assert done.returncode == 2


@pytest.mark.process
@needs_namespaces
def test_the_doctor_needs_no_more_than_scratch(tmp_path: Path) -> None:
    """Its trials of encoders are made there, where nothing else can be written."""
    done = run(tmp_path, "doctor", RUGBYTX_SCRATCH="/scratch")
    assert done.returncode == 0, done.stdout
    assert "\nok   encoder x264       works: 15 frames in " in done.stdout
    assert "no system is chosen" in done.stdout


def test_a_system_that_nobody_could_find_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its user has neither a home nor a name; to take back what was not announced is no error."""

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert not system.locate({}).is_local
    with pytest.raises(SettingsError, match="cannot be announced: set HOME or XDG_RUNTIME_DIR"):
        system.announce(endpoint_url="http://127.0.0.1:1", settings={})
    system.withdraw()


@pytest.fixture
def no_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python find no folder for temporary files."""

    def fail() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "gettempdir", fail)


@pytest.mark.usefixtures("no_temporary")
def test_scratch_has_a_default_where_nothing_can_be_written() -> None:
    """Reading the settings needs no disk."""
    assert read({}).scratch == Path("/tmp/rugbytx")  # noqa: S108  only named


@pytest.mark.usefixtures("no_temporary")
def test_temporary_files_go_to_scratch_where_they_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that cannot be written either, whoever needs it says so: a local system, for one."""
    temporary.use(tmp_path / "scratch")
    assert tempfile.tempdir == str(tmp_path / "scratch")
    (tmp_path / "file").touch()
    with pytest.raises(HostUnfit, match=r"no temporary file can be written, to .*/file neither: File exists"):
        temporary.use(tmp_path / "file")
    monkeypatch.setenv("RUGBYTX_SCRATCH", str(tmp_path / "file" / "scratch"))
    with pytest.raises(HostUnfit, match="neither: Not a directory"), LocalSystem(jetson=0):
        pass


def test_temporary_files_stay_where_they_usually_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scratch disk is for films."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    temporary.use(tmp_path / "scratch")
    assert tempfile.tempdir != str(tmp_path / "scratch")
    assert not (tmp_path / "scratch").exists()
