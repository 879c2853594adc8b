"""What depends on ffmpeg, with each one that is here and on the other Debian: ``scripts/matrix``.

A row is one run of pytest with one pair of ffmpeg and ffprobe on one system and one
Python.  Elsewhere it is this same program that runs, and what it says is read.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rugbytx.local.system import ended_by_signals
from tests.matrix import pair, row, table
from tests.matrix.row import Row

ROOT = Path(__file__).parents[2]
#: The folders whose tests depend on ffmpeg, one job from submit to outputs by real processes, and a worker as PID 1,
#: which shows that what needs namespaces of its own works there too.
TESTS = (
    *("tests/media", "tests/source", "tests/hostile", "tests/verify", "tests/e2e/test_submit.py"),
    "tests/e2e/test_leaving.py::test_the_main_process_may_be_pid_1",
)
#: More than a whole matrix takes elsewhere, the making of its system included.
BOUND_S = 3 * row.BOUND_S


def main(argv: Sequence[str] | None = None) -> int:
    """Run the matrix; 0 only if every row ran and nothing failed."""
    arguments = parse(argv)
    inner = ["--here", "--json", *(["--short", "--own"] if arguments.short else [])]
    rows: list[Row] = []
    with ended_by_signals():
        for found in _rows(arguments, inner):
            rows.append(found)
            if arguments.json:
                print(found.model_dump_json(), flush=True)  # noqa: T201  a command line's answer
    if not arguments.json:
        print(*table.lines(rows), "", table.total(rows), sep="\n")  # noqa: T201  a command line's answer
    if arguments.keep:
        table.keep(rows)
    return 0 if all(found.is_good for found in rows) else 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(prog="scripts/matrix", description="Every ffmpeg, both Debians.")
    parser.add_argument("--short", action="store_true", help="without slow tests; elsewhere --own")
    parser.add_argument(
        "--keep", action="store_true", help=f"put the table into {table.DOCS.relative_to(ROOT)}"
    )
    parser.add_argument("--here", action="store_true", help="on this system only")
    parser.add_argument("--own", action="store_true", help="without the wheel's ffmpeg")
    parser.add_argument(
        "--suite",
        action="append",
        metavar="SUITE",
        help="a Debian to run on; by default the other one of 12 and 13",
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PROGRAM",
        help="another Python to run on, in a clone",
    )
    parser.add_argument("--json", action="store_true", help="print rows as JSON Lines instead of the table")
    return parser.parse_args(argv)


def other_suite(codename: str) -> str:
    """Return the Debian that a machine is not, of the two that are promised.

    >>> other_suite("bookworm"), other_suite("trixie"), other_suite("noble")
    ('trixie', 'bookworm', 'trixie')
    """
    return "bookworm" if codename == "trixie" else "trixie"


def _rows(arguments: argparse.Namespace, inner: Sequence[str]) -> Iterator[Row]:
    """Yield each row when it has run."""
    tests = [*(["-m", "not long"] if arguments.short else []), *TESTS]
    pairs = pair.pairs()
    for programs in pairs[:1] if arguments.own else pairs:
        yield row.run(programs, tests)
    for program in arguments.python:
        with tempfile.TemporaryDirectory(prefix="rugbytx-python-") as folder:
            clone = _clone(Path(folder))
            yield from _elsewhere(program, [clone / "scripts" / "matrix", *inner], {"PYTHON": program})
    if arguments.here:
        return
    for suite in arguments.suite or [
        other_suite(platform.freedesktop_os_release().get("VERSION_CODENAME", ""))
    ]:
        yield from _elsewhere(suite, [ROOT / "scripts" / "on-debian", suite, "scripts/matrix", *inner], {})


def _clone(folder: Path) -> Path:
    """Return a clone of what is committed, with shared/ beside it as here."""
    clone = folder / "project"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True, timeout=120)
    if (ROOT.parent / "shared").exists():
        (folder / "shared").symlink_to(ROOT.parent / "shared")
    return clone


def _elsewhere(name: str, argv: Sequence[str | Path], environ: Mapping[str, str]) -> list[Row]:
    """Return the rows that this program printed elsewhere, and one more if it did not come to its end."""
    done = subprocess.run(
        argv, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True, check=False, timeout=BOUND_S
    )
    rows = [Row.model_validate(json.loads(line)) for line in done.stdout.splitlines()]
    if done.returncode in {0, 1} and rows:
        return rows
    return [*rows, Row(system=name, fault=f"scripts/matrix ended there with {done.returncode}")]


if __name__ == "__main__":
    sys.exit(main())
