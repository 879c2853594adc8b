"""This host: its hardware, its programs, its encoders by trial, its scratch disk."""

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rugbytx import temporary
from rugbytx.core.plan import encoder_family
from rugbytx.core.plan.encoder_family import Candidates, Family, Host
from rugbytx.doctor.check import Check, CheckResult, Health
from rugbytx.errors import HostUnfit
from rugbytx.media import host as host_files
from rugbytx.media import version
from rugbytx.media.encode.encoder_options import X264, Encoders
from rugbytx.media.encode.encoder_trial import TIMEOUT_S, Trials, Verdict
from rugbytx.settings import PREFIX, Settings

_SMI_S = 10.0
_ONE_PACKAGE = "install both programs from one package"
_SMI = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")


def checks(settings: Settings, *, root: Path = Path("/")) -> list[Check]:
    """Return the checks of this host."""
    return [
        Check(name="host", examine=lambda: [_host(root)], remedy="let this user read /proc and /dev"),
        Check(
            name="gpu",
            examine=lambda: [_gpu(root)],
            remedy="a driver that does not answer needs a restart of the host, or a new installation",
        ),
        _program_check("ffmpeg", settings.ffmpeg),
        _program_check("ffprobe", settings.ffprobe),
        Check(name="releases", examine=lambda: _releases(settings), remedy=_ONE_PACKAGE),
        Check(
            name="encoder",
            examine=lambda: _encoders(settings, root),
            remedy=f"see to `ffmpeg` and `gpu` first; {PREFIX}ENCODER=x264 leaves the GPU alone",
            timeout_s=4 * TIMEOUT_S,
        ),
        Check(
            name="scratch",
            examine=lambda: [_scratch(settings)],
            remedy=f"make {settings.scratch} writable, or choose another folder by {PREFIX}SCRATCH",
        ),
    ]


def _host(root: Path) -> CheckResult:
    files = host_files.read(root)
    kind = files.model or f"{platform.system()} on {platform.machine()}"
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = f"{kind}, {os.cpu_count()} cores, {memory_bytes >> 30} GiB of memory"
    return CheckResult(check="host", health=Health.OK, text=text)


def _gpu(root: Path) -> CheckResult:
    """Say which GPU and driver there are; none is no failure, as the encoders decide."""
    driver = host_files.driver(root)
    answer = _nvidia_smi()
    if answer or driver:
        return CheckResult(check="gpu", health=Health.OK, text=answer or driver)
    if host_files.read(root).has_nvidia_device:
        return CheckResult(
            check="gpu",
            health=Health.WARN,
            text="there is /dev/nvidiactl, and no driver answers",
            remedy="install the NVIDIA driver; in a container, the NVIDIA container toolkit",
        )
    return CheckResult(check="gpu", health=Health.OK, text="no NVIDIA GPU, and no driver")


def _nvidia_smi() -> str:
    program = shutil.which(_SMI[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *_SMI[1:]], capture_output=True, text=True, check=False, timeout=_SMI_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(done.stdout.strip().splitlines()) if done.returncode == 0 else ""


def _program_check(name: str, program: str) -> Check:
    remedy = f"install ffmpeg (Debian: apt-get install ffmpeg), or point {PREFIX}{name.upper()} at it"
    return Check(name=name, examine=lambda: [_program(name, program)], remedy=remedy)


def _program(name: str, program: str) -> CheckResult:
    path = shutil.which(program)
    if path is None:
        raise HostUnfit(f"this host has no {program}")
    return CheckResult(check=name, health=Health.OK, text=f"{version.read(program)} at {path}")


def _releases(settings: Settings) -> Sequence[CheckResult]:
    """Say so where ffmpeg and ffprobe are of two releases: they may disagree about what a source is."""
    if shutil.which(settings.ffmpeg) is None or shutil.which(settings.ffprobe) is None:
        return []
    programs = version.pair(settings.ffmpeg, settings.ffprobe)
    if not programs.is_mixed:
        return []
    return [
        CheckResult(
            check="releases",
            health=Health.WARN,
            text=f"ffmpeg is {programs.ffmpeg}, and ffprobe {programs.ffprobe}: a mixed pair",
            remedy=_ONE_PACKAGE,
        )
    ]


def _encoders(settings: Settings, root: Path) -> Sequence[CheckResult]:
    """Try every family that may work here, say of each why it does or does not, and which one is taken."""
    temporary.use(settings.scratch)
    files = host_files.read(root)
    wished = None if settings.encoder == "auto" else Family(settings.encoder)
    candidates = encoder_family.candidates(files, wished=wished)
    x264 = X264(preset=settings.x264_preset, profile=settings.x264_profile)
    # Fresh: whoever asks wants to know what is, not what was.
    trials = Trials(ffmpeg=settings.ffmpeg, encoders=Encoders(x264=x264), root=root)
    findings, verdicts = [], {}
    for family in Family:
        if untried := _untried(family, files, candidates):
            findings.append(CheckResult(check=f"encoder {family}", health=Health.OK, text=untried))
            continue
        verdicts[family] = trials.verdict(family)
        findings.append(_family(verdicts[family], is_wanted=family in candidates.families))
    return [*findings, _taken(candidates, verdicts, settings)]


def _untried(family: Family, files: Host, candidates: Candidates) -> str:
    """Return why a family is not tried; empty for one that is.

    What cannot be there is left alone: looking for it may hang a Jetson.
    """
    if family in candidates.families:
        return ""
    is_jetson = bool(files.tegra_release) or "nvidia,tegra" in files.compatible
    if family is Family.NVENC and is_jetson:
        return "not tried: this Jetson does not have it"
    if family is Family.NVMPI:
        return "not tried: only a Jetson with an encoder has it"
    return ""


def _family(verdict: Verdict, *, is_wanted: bool) -> CheckResult:
    name = f"encoder {verdict.family}"
    if verdict.works:
        text = f"works: 15 frames in {verdict.took_s:.1f} s"
        text += f" ({verdict.reason})" if verdict.reason else f", fingerprint {verdict.fingerprint}"
        return CheckResult(check=name, health=Health.OK, text=text)
    is_compiled = "built without" not in verdict.reason
    lead = "compiled into ffmpeg, and it does not work" if is_compiled else "does not work"
    # Whether that matters is for the next line to say.
    health = Health.WARN if is_wanted else Health.OK
    remedy = "see `gpu` above, or choose another by RUGBYTX_ENCODER" if is_wanted else ""
    return CheckResult(check=name, health=health, text=f"{lead}: {verdict.reason}", remedy=remedy)


def _taken(candidates: Candidates, verdicts: dict[Family, Verdict], settings: Settings) -> CheckResult:
    """Say which family a worker here would take."""
    working = [family for family in candidates.families if verdicts[family].works]
    name = "encoder"
    if not working:
        return CheckResult(
            check=name,
            health=Health.FAIL,
            text="no encoder works on this host",
            remedy="install an ffmpeg with libx264; why each encoder does not work stands above",
        )
    text = f"{working[0]} is taken ({candidates.reason})"
    if working[0] is Family.X264 and not settings.is_software_allowed:
        return CheckResult(
            check=name,
            health=Health.FAIL,
            text=f"only x264 works ({candidates.reason}), and a worker of class aws may not encode on its CPU",
            remedy="use a GPU instance with its driver, or accept the CPU by RUGBYTX_ENCODER=x264",
        )
    is_fallback = working[0] is not candidates.families[0]
    return CheckResult(
        check=name,
        health=Health.WARN if is_fallback else Health.OK,
        text=text + (", because what goes before it does not work" if is_fallback else ""),
        remedy="without its GPU this host is many times slower" if is_fallback else "",
    )


def _scratch(settings: Settings) -> CheckResult:
    """Say how much room there is, having written there."""
    try:
        settings.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.scratch) as file:
            file.write(b"rugbytx")
    except OSError as error:
        raise HostUnfit(f"{settings.scratch} cannot be written to: {error.strerror}") from error
    free_bytes = shutil.disk_usage(settings.scratch).free
    text = f"{free_bytes >> 30} GiB free in {settings.scratch}"
    if free_bytes < settings.scratch_floor_bytes:
        return CheckResult(
            check="scratch",
            health=Health.FAIL,
            text=text,
            remedy=f"free some: below {PREFIX}SCRATCH_FLOOR_BYTES={settings.scratch_floor_bytes} nothing is received",
        )
    return CheckResult(check="scratch", health=Health.OK, text=text)
