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


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write what a host has."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


JETSON = {"etc/nv_tegra_release": "# R36 (release), REVISION: 4.7"}
ZONES = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "51250\n",
    "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "63500\n",
    "sys/class/thermal/thermal_zone2/type": "PMIC-Die\n",
    "sys/class/thermal/thermal_zone2/temp": "100000\n",
    "sys/class/thermal/thermal_zone3/type": "cv0-thermal\n",
    "sys/class/thermal/thermal_zone3/temp": "-256000\n",
    "sys/class/thermal/thermal_zone4/type": "no answer\n",
}


@pytest.mark.parametrize(
    ("files", "told"),
    [({}, None), (ZONES, None), (JETSON, None), (JETSON | ZONES, 63.5)],
    ids=["nothing", "another host", "no sensor", "Jetson"],
)
def test_a_jetson_is_as_warm_as_its_hottest_sensor(
    tmp_path: Path, files: Mapping[str, str], told: float | None
) -> None:
    """Without what always says 100 degrees, and what is switched off."""
    write(tmp_path, files)
    assert host.temperature_c(tmp_path) == told


CONF = "< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=2 NAME=MODE_30W >\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, ""),
        ({"var/lib/nvpmodel/status": "pmode:0002\n", "etc/nvpmodel.conf": CONF}, "MODE_30W"),
        ({"var/lib/nvpmodel/status": "pmode:0000 fmode:fanNull\n", "etc/nvpmodel.conf": CONF}, "MAXN"),
        ({"var/lib/nvpmodel/status": "pmode:0002\n"}, "2"),
    ],
)
def test_a_jetson_says_its_power_mode(tmp_path: Path, files: Mapping[str, str], told: str) -> None:
    """By its name where the configuration is to be seen."""
    write(tmp_path, files)
    assert host.power_mode(tmp_path) == told


def test_a_host_says_how_long_it_is_up(tmp_path: Path) -> None:
    """Where it has Linux's file."""
    assert host.uptime_s(tmp_path) is None
    write(tmp_path, {"proc/uptime": "95.27 180.01\n"})
    assert host.uptime_s(tmp_path) == 95.27
