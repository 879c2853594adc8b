"""Which families of encoders a host may have."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """Encoders whose options are alike."""

    #: NVIDIA's, through the Video Codec SDK: x86 hosts and Jetson Thor.
    NVENC = "nvenc"
    #: The Jetson's own, through the Multimedia API and a patched ffmpeg: Orin NX, AGX Orin, Xavier.
    NVMPI = "nvmpi"
    #: libx264, which runs everywhere.
    X264 = "x264"


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a host says of its hardware; empty where it says nothing."""

    #: The device tree's ``model`` and ``compatible``, which ARM boards have.
    model: str = ""
    compatible: str = ""
    #: The text of ``/etc/nv_tegra_release``.
    tegra_release: str = ""
    #: Whether the NVIDIA driver's control device is there.
    has_nvidia_device: bool = False


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The families to try on a host, the best first, and why these."""

    families: tuple[Family, ...]
    reason: str


#: Jetson Linux from this release on has the Video Codec SDK.
SDK_RELEASE = 38


def candidates(host: Host, *, wished: Family | None = None) -> Candidates:
    """Return the families to try; a wish of the operator's goes before what the host says.

    The Orin Nano has no encoder at all, and what looks for one there may hang,
    so nothing is tried (NVIDIA, Jetson Linux Developer Guide r36.5, "Software
    Encode in Orin Nano").  Jetson Thor has the same interface as an x86 host
    (Video Codec SDK 13.0).

    >>> candidates(Host(has_nvidia_device=True)).families
    (<Family.NVENC: 'nvenc'>, <Family.X264: 'x264'>)
    >>> candidates(Host(model="NVIDIA Jetson Orin Nano Developer Kit", compatible="nvidia,tegra234")).reason
    'jetson-without-encoder'
    """
    if wished:
        # Once where it is x264 itself.
        return Candidates(families=tuple(dict.fromkeys((wished, Family.X264))), reason="wished")
    has_sdk = "tegra264" in host.compatible or _release(host) >= SDK_RELEASE
    is_tegra = "nvidia,tegra" in host.compatible or bool(host.tegra_release)
    told: tuple[tuple[bool, tuple[Family, ...], str], ...] = (
        ("Orin Nano" in host.model, (Family.X264,), "jetson-without-encoder"),
        (has_sdk, (Family.NVENC, Family.NVMPI, Family.X264), "jetson-with-sdk"),
        (is_tegra, (Family.NVMPI, Family.X264), "jetson"),
        (host.has_nvidia_device, (Family.NVENC, Family.X264), "nvidia-device"),
        (True, (Family.X264,), "no-nvidia-device"),
    )
    return next(Candidates(families=families, reason=reason) for applies, families, reason in told if applies)


def _release(host: Host) -> int:
    """Return the major release of Jetson Linux, or 0.

    >>> _release(Host(tegra_release="# R36 (release), REVISION: 4.7, GCID: 1, BOARD: generic"))
    36
    """
    found = re.match(r"# R(\d+)", host.tegra_release)
    return int(found[1]) if found else 0
