"""What this host says of its hardware and its driver, read from files that cost nothing."""

from pathlib import Path

from rugbytx.core.encoder import Host

#: The driver's version, of a GPU on a card, and of a Jetson.
DRIVER_FILES = ("proc/driver/nvidia/version", "etc/nv_tegra_release")
_MOST_BYTES = 4096


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


def state(root: Path = Path("/")) -> str:
    """Return a text that changes with the driver, the GPUs and the boot: whatever a trial's result hangs on."""
    gpus = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    boot = _text(root / "proc/sys/kernel/random/boot_id")
    return "\n".join([boot, driver(root), *map(_text, gpus)])


def _text(path: Path) -> str:
    """Return a small file's text; a device tree's strings end with a zero byte and become lines."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).replace(b"\0", b"\n").decode(errors="replace").strip()
    except OSError:
        return ""
