"""A short run of ``scripts/chaos``: real workers under fire, judged from outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("jobs", "seed"), [(4, 1045), pytest.param(30, 1, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_nothing_is_lost_and_nothing_done_twice(jobs: int, seed: int, tmp_path: Path) -> None:
    """Every promise holds, and there was something that could have broken them."""
    found = tmp_path / "found.json"
    argv = [sys.executable, "-m", "tests.chaos.run", "--jobs", str(jobs), "--seed", str(seed)]
    done = subprocess.run(
        [*argv, "--json", str(found)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(found.read_text())
    assert report["holds"]
    assert sum(report["kills"].values()) >= jobs // 2
    assert sum(report["faults"].values()) > 0
