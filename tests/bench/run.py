"""Ours beside what a user would pick instead: ``scripts/bench [NAME...] [--json FILE] [--keep]``.

Each benchmark runs ours and its reference in turn on this machine and tells their
ratio.  Seconds and bytes are told beside it, and mean nothing on another machine.
"""

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rugbytx.local.system import ended_by_signals
from tests.bench import machine, table
from tests.bench.figure import Result
from tests.bench.turn import Scale

#: In the order in which they run; each is a module beside this one with a ``measure``.
NAMES = (
    "runner",
    "job",
    "chunks",
    "dispatch",
    "submit",
    "idle",
    "takeover",
    "memory",
    "store",
    "sim",
    "scale",
)


def measure(name: str, scale: Scale) -> Result:
    """Run one benchmark in a folder of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        found: Result = importlib.import_module(f"tests.bench.{name}").measure(Path(folder), scale)
    return found.after(time.monotonic() - began)


def report(results: Sequence[Result], before: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was found, as JSON has it."""
    return {
        "schema": 1,
        "machine": before,
        "versions": machine.versions(),
        "took_s": round(sum(result.took_s for result in results), 1),
        "benchmarks": [
            result.as_json() for result in sorted(results, key=lambda result: NAMES.index(result.name))
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and tell; 0 only if every goal was met."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Ours beside the rest, as ratios.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to this file as well")
    parser.add_argument("--keep", action="store_true", help="keep what was found in docs/reference")
    parser.add_argument("--smoke", action="store_true", help="try each for a moment; its ratios mean nothing")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]}: choose from {', '.join(NAMES)}")
    before, results = machine.describe(), []
    with ended_by_signals():
        for name in arguments.names or NAMES:
            result = measure(name, Scale.SMOKE if arguments.smoke else Scale.FULL)
            print(table.text(result.as_json()), flush=True)  # noqa: T201  a command line's answer
            results.append(result)
            # After each: a run that is cut short has not been for nothing, and says what it left out.
            found = report(results, before)
            if arguments.json:
                arguments.json.write_text(table.written(found), encoding="utf-8")
            if arguments.keep:
                table.keep(found, NAMES)
    return 0 if all(figure.is_met for result in results for figure in result.figures) else 1


if __name__ == "__main__":
    sys.exit(main())
