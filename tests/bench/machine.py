"""What ran, and on what: without it no figure means anything."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.bench import turn

LIBRARIES = ("celery", "kombu", "boto3", "moto", "pydantic", "pycurl")


def describe() -> dict[str, Any]:
    """Return the machine, as far as it may be told: no names, no addresses."""
    return {
        "cpu": _cpu(),
        "cores": len(turn.cores()),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that a figure depends on."""
    return {
        "python": platform.python_version(),
        "ffmpeg": _ffmpeg(),
        **{library: metadata.version(library) for library in LIBRARIES},
    }


def _cpu() -> str:
    told = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return told[1] if told else platform.machine()


def _ffmpeg() -> str:
    said = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True, timeout=20)
    return said.stdout.split()[2]
