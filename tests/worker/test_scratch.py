"""The scratch disk: nobody's folder is removed while its owner lives, and nothing of the dead remains."""

import subprocess
import sys
from pathlib import Path

from rugbytx.worker import scratch

OWNER = """
import sys
from pathlib import Path
from rugbytx.worker import scratch

folder = scratch.claim(Path(sys.argv[1]), "jetson-1@host")
(folder / "source").write_bytes(b"x" * 1000)
print(folder, flush=True)
sys.stdin.read()
"""


def test_folders_live_as_long_as_their_owners(tmp_path: Path) -> None:
    """A newcomer leaves the folder of a living process alone, and removes that of one that was killed."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    theirs = Path(owner.stdout.readline().strip())
    mine = scratch.claim(tmp_path, "jetson-2@host")
    assert mine != theirs
    assert (theirs / "source").exists()

    owner.kill()
    owner.communicate(timeout=30)
    scratch.claim(tmp_path, "jetson-2@host")
    assert not theirs.exists()
    assert mine.exists()


def test_nothing_else_on_the_disk_is_touched(tmp_path: Path) -> None:
    """Only folders that bear our mark are ever removed."""
    kept, half_made = tmp_path / "jetson" / "holiday", tmp_path / "jetson" / f"{scratch.PREFIX}half-made"
    kept.mkdir(parents=True)
    half_made.mkdir()
    scratch.claim(tmp_path, "jetson")
    assert kept.exists()
    assert not half_made.exists()
