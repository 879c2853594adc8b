"""The Jetson's unit and scripts: installed twice is installed once, and what is taken off leaves no trace but settings."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rugbytx.settings import Settings, read
from rugbytx.worker.shutdown.drain import LEAVE_S
from tests.deploy.template import AWS

ROOT = AWS.parents[1]
JETSON = ROOT / "deploy" / "jetson"
UNIT = JETSON / "rugbytx-worker.service"
#: systemd's own measure, of 10; which figure was seen stands in docs/explanation/security.md.
MOST_EXPOSED = 2.0

#: A laptop may lack it; where changes are judged it must be there.
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze") and "CI" not in os.environ, reason="needs systemd-analyze"
)


def run(script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end."""
    return subprocess.run(
        [script, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def install(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Install below a folder, all but the Python layer."""
    return run(JETSON / "install", "--root", str(root), "--files-only", *arguments)


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below a folder, with its mode and content."""
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Return what ``rugbytx env`` printed."""
    path = tmp_path / "stack.env"
    path.write_text("AWS_REGION=eu-west-1\nRUGBYTX_QUEUE=rugbytx-transcode\n")
    return path


def test_installing_twice_is_installing_once(tmp_path: Path, settings: Path) -> None:
    """The second run writes nothing, and settings that somebody changed stay."""
    root = tmp_path / "root"
    arguments = ("--settings", str(settings), "--scratch", "/mnt/nvme/rugbytx")
    first = install(root, *arguments)
    assert first.returncode == 0, first.stderr
    there = tree(root)
    assert sorted(there) == [
        "etc/rugbytx/worker.env",
        "etc/systemd/system/rugbytx-worker.service",
        "etc/systemd/system/rugbytx-worker.service.d/scratch.conf",
    ]
    mode, content = there["etc/rugbytx/worker.env"]
    assert mode == 0o600
    assert b"\nRUGBYTX_QUEUE=rugbytx-transcode\n" in content
    assert (
        b"ReadWritePaths=/mnt/nvme/rugbytx\n"
        in there["etc/systemd/system/rugbytx-worker.service.d/scratch.conf"][1]
    )
    env = root / "etc/rugbytx/worker.env"
    env.write_bytes(content + b"AWS_ACCESS_KEY_ID=AKIA\n")
    there = tree(root)
    second = install(root, *arguments)
    assert second.returncode == 0, second.stderr
    assert "wrote" not in second.stderr
    assert tree(root) == there


def test_the_settings_that_it_writes_are_settings(tmp_path: Path, settings: Path) -> None:
    """A worker would warn of any other, and these mean something."""
    root = tmp_path / "root"
    assert install(root, "--settings", str(settings)).returncode == 0
    text = (root / "etc/rugbytx/worker.env").read_text()
    names = re.findall(r"^#?RUGBYTX_(\w+)=", text, re.MULTILINE)
    offered = dict(re.findall(r"^#(RUGBYTX_\w+)=(.*)$", text, re.MULTILINE))
    assert read(offered).hours  # what is offered in a comment is taken as it stands there
    assert {name.lower() for name in names} <= set(Settings.model_fields)
    assert "scratch_floor_bytes" in [name.lower() for name in names]


def test_uninstalling_keeps_settings_and_purging_keeps_nothing_of_ours(
    tmp_path: Path, settings: Path
) -> None:
    """What lies beside our own on the scratch disk stays in any case."""
    root = tmp_path / "root"
    scratch = root / "mnt/nvme/rugbytx"
    assert install(root, "--settings", str(settings), "--scratch", "/mnt/nvme/rugbytx").returncode == 0
    (scratch / "jetson@host" / "lane-1").mkdir(parents=True)
    (scratch / "photos").mkdir()
    (root / "opt/rugbytx").mkdir(parents=True)
    assert run(JETSON / "uninstall", "--root", str(root)).returncode == 0
    assert list(tree(root)) == ["etc/rugbytx/worker.env"]
    assert not (root / "opt/rugbytx").exists()
    assert install(root, "--scratch", "/mnt/nvme/rugbytx").returncode == 0
    assert run(JETSON / "uninstall", "--root", str(root), "--purge").returncode == 0
    assert list(tree(root)) == []
    assert [path.name for path in scratch.iterdir()] == ["photos"]
    assert run(JETSON / "uninstall", "--root", str(root)).returncode == 0  # again is no error


@pytest.mark.parametrize(
    "wrong", [("--scrtach", "/x"), ("--settings", "/nowhere"), ("--scratch", "relative")]
)
def test_what_it_does_not_understand_it_does_not_do(tmp_path: Path, wrong: tuple[str, str]) -> None:
    """One sentence, exit status 2, and nothing written."""
    done = install(tmp_path / "root", *wrong)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "root").exists()


@needs_systemd
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """As it is installed, with its drop-in; every key is one that systemd knows."""
    root = tmp_path / "root"
    assert install(root, "--scratch", "/mnt/nvme").returncode == 0
    # systemd looks for what the unit names; nothing of it is run.
    celery = root / "opt/rugbytx/bin/celery"
    celery.parent.mkdir(parents=True)
    celery.write_text("#!/bin/sh\n")
    celery.chmod(0o755)
    installed = root / "etc/systemd/system/rugbytx-worker.service"
    text = installed.read_text().replace("/opt/rugbytx/bin/celery", str(celery))
    unit = tmp_path / "rugbytx-worker.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_not_exposed() -> None:
    """By systemd's measure."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"Overall exposure level for rugbytx-worker\.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_the_unit_fits_how_a_worker_leaves() -> None:
    """SIGTERM reaches the main process alone, and systemd waits for longer than a worker takes."""
    keys = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    assert (keys["KillMode"], keys["Restart"], keys["Type"]) == ("mixed", "always", "notify")
    assert int(keys["TimeoutStopSec"]) > LEAVE_S
    assert int(keys["WatchdogSec"]) > Settings().lease_s


def scripts() -> list[Path]:
    """Return every shell script of the project."""
    places = (*(ROOT / "scripts").iterdir(), *(ROOT / "deploy").rglob("*"), ROOT / ".ci" / "run")
    return sorted(
        path
        for path in places
        if path.is_file() and path.read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash"))
    )


def test_shellcheck_finds_nothing() -> None:
    """In any script."""
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([program, *scripts()], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(scripts()) >= 10


@pytest.mark.long
def test_the_python_layer_of_images_and_jetson_builds_in_a_plain_folder(tmp_path: Path) -> None:
    """By the same file that the images run, with the same extra."""
    done = run(ROOT / "deploy" / "layer", str(tmp_path / "layer"), "lambda")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rugbytx ")
