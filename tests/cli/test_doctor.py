"""`rugbytx doctor`: each finding with its remedy, and an exit status."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rugbytx.doctor import check, host, system
from rugbytx.doctor.check import Check, CheckResult, Health
from rugbytx.errors import Unreachable
from rugbytx.media import host as host_files
from rugbytx.settings import Settings
from tests.connection import Fakes, Run

pytestmark = pytest.mark.process

#: Chooses the system of fakes.
CHOSEN = {"AWS_PROFILE": "club"}

Told = Mapping[str, Mapping[str, str]]
Doctor = Callable[..., tuple[int, Told]]

no_gpu = pytest.mark.skipif(
    bool(host_files.driver()) or host_files.read().has_nvidia_device, reason="this host has a GPU"
)


@pytest.fixture
def doctor(run: Run, fakes: Fakes, tmp_path: Path) -> Doctor:
    """Return a function that runs the command and returns its status, and its findings by their check."""
    # The fake's time is this host's, as a file that was just made bears it.
    fakes.store.clock.at = tmp_path.stat().st_mtime

    def ask(**environ: str) -> tuple[int, Told]:
        scratch = {"RUGBYTX_SCRATCH": str(tmp_path / "scratch"), "RUGBYTX_SCRATCH_FLOOR_BYTES": "0"}
        done = run("doctor", "--json", environ={**CHOSEN, **scratch, **environ})
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        return done.exit_code, {finding["check"]: finding for finding in findings}

    return ask


def test_a_mixed_pair_is_marked(doctor: Doctor, tmp_path: Path) -> None:
    """With both versions; of one release nothing is said, whoever built the programs."""
    told = {}
    for name, release in (("old", "5.1.9-0+deb12u1"), ("new", "7.1.5"), ("built", "n7.1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho 'ffprobe version {release} Copyright'\n")
        program.chmod(0o755)
        told[name] = str(program)
    _, mixed = doctor(RUGBYTX_FFMPEG=told["new"], RUGBYTX_FFPROBE=told["old"])
    assert mixed["releases"]["health"] == "warn"
    assert mixed["releases"]["text"] == "ffmpeg is 7.1.5, and ffprobe 5.1.9-0+deb12u1: a mixed pair"
    _, paired = doctor(RUGBYTX_FFMPEG=told["new"], RUGBYTX_FFPROBE=told["built"])
    assert "releases" not in paired


@no_gpu
def test_without_a_gpu_it_says_why_and_takes_x264(doctor: Doctor) -> None:
    """NVENC is compiled into ffmpeg, and there is no driver; on a host of ours that is no failure."""
    status, told = doctor()
    assert status == 0
    assert told["encoder nvenc"]["text"] == (
        "compiled into ffmpeg, and it does not work:"
        " this host has no NVIDIA driver (Cannot load libcuda.so.1)"
    )
    assert told["encoder x264"]["text"].startswith("works: 15 frames in ")
    assert told["encoder"] == {
        "check": "encoder",
        "health": "ok",
        "text": "x264 is taken (no-nvidia-device)",
        "remedy": "",
    }


@no_gpu
def test_without_a_gpu_a_worker_of_class_aws_fails(doctor: Doctor) -> None:
    """By the encoder alone; asked for, x264 is no failure."""
    status, told = doctor(RUGBYTX_WORKER_CLASS="aws")
    assert status == 1
    assert told["encoder"]["health"] == "fail"
    assert "RUGBYTX_ENCODER=x264" in told["encoder"]["remedy"]
    assert [name for name, finding in told.items() if finding["health"] == "fail"] == ["encoder"]
    assert doctor(RUGBYTX_WORKER_CLASS="aws", RUGBYTX_ENCODER="x264")[0] == 0


@no_gpu
def test_a_wish_that_does_not_work_is_a_warning_where_x264_may_stand_in(doctor: Doctor) -> None:
    """It is visible, and the worker works."""
    status, told = doctor(RUGBYTX_ENCODER="nvenc")
    assert status == 0
    assert (told["encoder nvenc"]["health"], told["encoder"]["health"]) == ("warn", "warn")
    assert told["encoder"]["text"].startswith("x264 is taken (wished), because")


def test_unknown_and_wrong_settings_are_failures(doctor: Doctor) -> None:
    """And the rest is looked at all the same."""
    status, told = doctor(RUGBYTX_LEASE="5")
    assert status == 1
    assert told["settings"]["text"] == "RUGBYTX_LEASE is not a setting; did you mean RUGBYTX_LEASE_S?"
    status, told = doctor(RUGBYTX_LEASE_S="many")
    assert (status, told["settings"]["health"], told["encoder x264"]["health"]) == (1, "fail", "ok")


def test_programs_and_folders_that_are_not_there_are_failures(doctor: Doctor, tmp_path: Path) -> None:
    """Each with what helps."""
    (tmp_path / "file").touch()
    status, told = doctor(RUGBYTX_FFMPEG="no-such-ffmpeg", RUGBYTX_SCRATCH=str(tmp_path / "file" / "scratch"))
    assert status == 1
    assert told["ffmpeg"]["text"] == "this host has no no-such-ffmpeg"
    assert "RUGBYTX_FFMPEG" in told["ffmpeg"]["remedy"]
    assert told["encoder"]["text"] == "no encoder works on this host"
    assert "cannot be written to" in told["scratch"]["text"]
    assert "RUGBYTX_SCRATCH" in told["scratch"]["remedy"]


def test_too_little_room_is_a_failure(doctor: Doctor) -> None:
    """A worker would receive nothing."""
    status, told = doctor(RUGBYTX_SCRATCH_FLOOR_BYTES=str(1 << 60))
    assert (status, told["scratch"]["health"]) == (1, "fail")


def test_whatever_breaks_has_a_remedy(fakes: Fakes, tmp_path: Path) -> None:
    """Also where looking itself fails, or takes too long."""
    checks = [*host.checks(Settings(scratch=tmp_path)), *system.checks(fakes.connection)]
    assert [one.name for one in checks if not one.remedy] == []


def test_without_a_system_only_the_host_is_judged(run: Run, tmp_path: Path) -> None:
    """Exit status 0, and it says so."""
    done = run("doctor", environ={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert done.exit_code == 0
    assert "no system is chosen, so only this host was looked at" in done.stdout
    assert "-> start a local one by `rugbytx up`" in done.stdout
    assert "queue" not in done.stdout.splitlines()[-1]


def test_two_regions_are_a_warning(doctor: Doctor) -> None:
    """Which one counts is said; one that is said twice, or once and not at all, is no matter."""
    status, told = doctor(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="us-west-2")
    assert (status, told["region"]["health"]) == (0, "warn")
    assert told["region"]["text"].startswith("AWS_REGION says eu-west-1, which counts here")
    for second in ("eu-west-1", ""):
        assert "region" not in doctor(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION=second)[1]


def findings(fakes: Fakes, *, offset_s: float = 0.0) -> dict[str, CheckResult]:
    """Return what the checks of a system of fakes find, where the host's clock is so far off."""
    checks = system.checks(fakes.connection, clock=lambda: fakes.store.now() + offset_s)
    return {finding.check: finding for finding in check.run(checks)}


def test_a_system_that_is_well(fakes: Fakes) -> None:
    """Everything answers, and nothing has changed."""
    found = findings(fakes)
    assert {finding.health for finding in found.values()} == {Health.OK}
    assert list(found) == [
        *("queue", "queue permissions", "table", "table permissions", "clock"),
        *("bucket rugbytx-source", "bucket rugbytx-output"),
    ]
    assert fakes.store.jobs.list() == []
    assert fakes.queue.depth().visible == 0


@pytest.mark.parametrize(
    ("denied", "check"),
    [
        ("sqs:SendMessage", "queue permissions"),
        ("dynamodb:PutItem", "table permissions"),
        ("s3:PutObject", "bucket rugbytx-output"),
    ],
)
def test_a_permission_that_is_missing_is_a_failure(fakes: Fakes, denied: str, check: str) -> None:
    """Its action is named, and what helps."""
    fakes.permissions.denied.add(denied)
    found = findings(fakes)
    assert [name for name, finding in found.items() if finding.health is not Health.OK] == [check]
    assert found[check].text == f"refused: {denied} (AccessDenied)"
    assert found[check].remedy.startswith(f"allow {denied}, ")


@pytest.mark.parametrize(
    ("offset_s", "health"),
    [(4.0, Health.OK), (-4.0, Health.OK), (6.0, Health.WARN), (-300.0, Health.FAIL), (300.0, Health.FAIL)],
)
def test_a_clock_that_is_wrong_is_told(fakes: Fakes, offset_s: float, health: Health) -> None:
    """AWS refuses what is signed at a wrong time."""
    clock = findings(fakes, offset_s=offset_s)["clock"]
    assert (clock.health, clock.text) == (health, f"{offset_s:+.1f} s from the store's")
    assert ("NTP" in clock.remedy) is (health is not Health.OK)


def test_a_check_that_hangs_or_breaks_is_a_failure_and_the_next_one_follows() -> None:
    """Each is bounded in time."""

    def hang() -> list[CheckResult]:
        time.sleep(5)
        return []

    def fall_silent() -> list[CheckResult]:
        raise Unreachable("SQS does not answer")

    def trip() -> list[CheckResult]:
        raise KeyError("x")

    checks = [
        Check(name="a", examine=hang, remedy="wait", timeout_s=0.2),
        Check(name="b", examine=fall_silent),
        Check(name="c", examine=trip),
    ]
    assert [(one.check, one.health, one.text, one.remedy) for one in check.run(checks)] == [
        ("a", Health.FAIL, "no answer within 0 s", "wait"),
        ("b", Health.FAIL, "SQS does not answer", ""),
        ("c", Health.FAIL, "the check itself broke: KeyError: 'x'", ""),
    ]


@pytest.mark.parametrize(
    ("files", "gpu", "nvmpi"),
    [
        (
            {
                "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
                "proc/device-tree/compatible": "nvidia,p3768\0nvidia,tegra234\0",
                "etc/nv_tegra_release": "# R36 (release), REVISION: 4.7\nmore",
            },
            "# R36 (release), REVISION: 4.7",
            "not tried: only a Jetson with an encoder has it",
        ),
        ({"dev/nvidiactl": ""}, "there is /dev/nvidiactl, and no driver answers", "not tried"),
    ],
)
def test_what_a_host_says_is_read(tmp_path: Path, files: Mapping[str, str], gpu: str, nvmpi: str) -> None:
    """From files; an Orin Nano's missing encoder is not looked for, as that may hang it."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    settings = Settings(scratch=tmp_path / "scratch", scratch_floor_bytes=0)
    found = {finding.check: finding for finding in check.run(host.checks(settings, root=tmp_path))}
    assert found["gpu"].text == gpu
    assert found["encoder nvmpi"].text.startswith(nvmpi)
    assert "x264 is taken" in found["encoder"].text
