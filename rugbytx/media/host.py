"""What this host says of its hardware and its driver, read from files that cost nothing."""

import re
from pathlib import Path

from rugbytx.core.plan.encoder_family import Host

#: The driver's version, of a GPU on a card, and of a Jetson.
DRIVER_FILES = ("proc/driver/nvidia/version", "etc/nv_tegra_release")
_MOST_BYTES = 4096
#: nvpmodel's configuration lists every mode with all its clocks.
_MOST_CONF_BYTES = 256 * 1024
#: A sensor that says less than this is off.
_COLDEST_C = -50.0


def read(root: Path = Path("/")) -> Host:
    """Return what the files under ``root`` say; a container shows its host's device tree."""
    return Host(
        model=_text(root / "proc/device-tree/model"),
        compatible=_text(root / "proc/device-tree/compatible"),
        tegra_release=_text(root / "etc/nv_tegra_release"),
        has_nvidia_device=(root / "dev/nvidiactl").exists(),
    )


def driver(root: Path = Path("/")) -> str:
    """Return what the NVIDIA driver says of its version, in one line; empty where there is none."""
    found = (_text(root / name) for name in DRIVER_FILES)
    return next((text.splitlines()[0] for text in found if text), "")


def gpu(root: Path = Path("/")) -> str:
    """Return the names of the GPUs, or of the Jetson; empty where there is none."""
    told = "\n".join(map(_text, sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))))
    models = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("Model:")]
    return ", ".join(models) or (read(root).model if (root / "etc/nv_tegra_release").exists() else "")


def temperature_c(root: Path = Path("/")) -> float | None:
    """Return a Jetson's hottest temperature; None on other hosts, and where no sensor answers.

    Older boards have a zone of the power chip that always says 100 degrees, and
    a part that is switched off answers with an error or far below zero.
    """
    if not (root / "etc/nv_tegra_release").exists():
        return None
    zones = sorted((root / "sys/class/thermal").glob("thermal_zone*"))
    told = (_text(zone / "temp") for zone in zones if not _text(zone / "type").startswith("PMIC"))
    seen = [int(text) / 1000 for text in told if text.lstrip("-").isdigit()]
    return max((celsius for celsius in seen if celsius > _COLDEST_C), default=None)


def power_mode(root: Path = Path("/")) -> str:
    """Return a Jetson's power mode by the name that ``nvpmodel`` gives it; empty where it is not shown.

    nvpmodel keeps the mode's number in its status file, and the names in its
    configuration: ``< POWER_MODEL ID=2 NAME=MODE_30W >``.  A container sees
    neither unless they are mounted.
    """
    number = re.search(r"pmode:0*(\d+)", _text(root / "var/lib/nvpmodel/status"))
    if number is None:
        return ""
    text = _text(root / "etc/nvpmodel.conf", most_bytes=_MOST_CONF_BYTES)
    name = re.search(rf"POWER_MODEL\s+ID={number[1]}\s+NAME=(\S+)", text)
    return name[1] if name else number[1]


def uptime_s(root: Path = Path("/")) -> float | None:
    """Return how long ago the host was booted, also seen from a container of it; None where it is not shown."""
    text = _text(root / "proc/uptime").partition(" ")[0]
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def state(root: Path = Path("/")) -> str:
    """Return a text that changes with the driver, the GPUs and the boot: whatever a trial's result hangs on."""
    gpus = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    boot = _text(root / "proc/sys/kernel/random/boot_id")
    return "\n".join([boot, driver(root), *map(_text, gpus)])


def _text(path: Path, *, most_bytes: int = _MOST_BYTES) -> str:
    """Return a small file's text; a device tree's strings end with a zero byte and become lines."""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes).replace(b"\0", b"\n").decode(errors="replace").strip()
    except OSError:
        return ""
