"""A row of the matrix: what ran, on what, and how many tests failed."""

import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tests.matrix.pair import Pair, version

#: Far more than a row takes on two busy cores.
BOUND_S = 3600.0
#: Settings that would lead past the pair in PATH.
PROGRAMS = ("RUGBYTX_FFMPEG", "RUGBYTX_FFPROBE")


class Row(BaseModel):
    """What one run of pytest found; ``fault`` says why it proves nothing."""

    model_config = ConfigDict(frozen=True)

    system: str
    ffmpeg: str = ""
    ffprobe: str = ""
    python: str = ""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    fault: str = ""

    @property
    def tests(self) -> int:
        """Return how many tests ran to an end."""
        return self.passed + self.failed

    @property
    def is_good(self) -> bool:
        """Return whether something ran, and nothing failed."""
        return not self.fault and self.passed > 0 and self.failed == 0


def run(pair: Pair, tests: Sequence[str]) -> Row:
    """Run tests with a pair first in PATH, and return what pytest's own record of them says."""
    with tempfile.TemporaryDirectory(prefix="rugbytx-matrix-") as name:
        folder = Path(name)
        programs = folder / "bin"
        programs.mkdir()
        pair.link(programs)
        record = folder / "junit.xml"
        argv = [
            *(sys.executable, "-m", "pytest", "-n", "logical", "--maxprocesses", "4", "--dist", "worksteal"),
            *("--durations=20", f"--junitxml={record}", *tests),
        ]
        environ = {name: value for name, value in os.environ.items() if name not in PROGRAMS}
        environ["PATH"] = f"{programs}{os.pathsep}{environ['PATH']}"
        # pytest's report goes to stderr: stdout has the table.
        done = subprocess.run(argv, env=environ, stdout=sys.stderr, check=False, timeout=BOUND_S)
        ran = Row(
            system=system(),
            ffmpeg=version(pair.ffmpeg),
            ffprobe=version(pair.ffprobe),
            python=platform.python_version(),
        )
        return judge(ran, record=record, status=done.returncode)


def judge(ran: Row, *, record: Path, status: int) -> Row:
    """Return the row with its counts, or with a fault where record and exit status are not of one mind."""
    if not record.exists():
        return ran.model_copy(update={"fault": f"pytest ended with {status} and left no record"})
    suites = ET.parse(record).getroot().iter("testsuite")  # noqa: S314  pytest wrote it just now
    totals = [
        {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        for suite in suites
    ]
    total = {key: sum(suite[key] for suite in totals) for key in ("tests", "failures", "errors", "skipped")}
    failed, skipped = total["failures"] + total["errors"], total["skipped"]
    counted = ran.model_copy(
        update={"passed": total["tests"] - failed - skipped, "failed": failed, "skipped": skipped}
    )
    if not counted.tests:
        return counted.model_copy(update={"fault": f"no test ran, and pytest ended with {status}"})
    if status != (1 if failed else 0):
        return counted.model_copy(update={"fault": f"pytest ended with {status}"})
    return counted


def system() -> str:
    """Return the system's name and point release, as in ``Debian 12.13``."""
    release = platform.freedesktop_os_release()
    exact = Path("/etc/debian_version")
    if release["ID"] == "debian" and exact.exists():
        return f"Debian {exact.read_text(encoding='utf-8').strip()}"
    return release["PRETTY_NAME"]
