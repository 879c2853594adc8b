"""What a host's files say of its GPUs."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rugbytx.media import host

CARD = "Model: \t\t {model}\nIRQ:   \t\t 24\nVideo BIOS: \t 95.04.29.00.06\n"


@pytest.mark.parametrize(
    ("files", "gpu"),
    [
        ({}, ""),
        ({"proc/device-tree/model": "Raspberry Pi 5\0"}, ""),
        ({"proc/driver/nvidia/gpus/0000:00:1e.0/information": CARD.format(model="Tesla T4")}, "Tesla T4"),
        (
            {
                "proc/driver/nvidia/gpus/0000:01:00.0/information": CARD.format(model="NVIDIA L4"),
                "proc/driver/nvidia/gpus/0000:02:00.0/information": CARD.format(model="NVIDIA L40S"),
            },
            "NVIDIA L4, NVIDIA L40S",
        ),
        (
            {
                "etc/nv_tegra_release": "# R36 (release), REVISION: 4.7",
                "proc/device-tree/model": "NVIDIA Jetson AGX Orin\0",
            },
            "NVIDIA Jetson AGX Orin",
        ),
    ],
)
def test_a_gpu_has_a_name(tmp_path: Path, files: Mapping[str, str], gpu: str) -> None:
    """A card's is its model's, a Jetson's its board's."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert host.gpu(tmp_path) == gpu
