"""A local system under fire: ``scripts/chaos [--jobs N] [--seed S] [--json FILE]``.

::

    films ─► submit ─► queue, store, bucket (one emulator)
                          │        │
              proxy 0 ────┤        │ the table's stream ─► journal ─► invariants ─► table
              proxy 1 ────┤                                   ▲
              proxy 2 ────┘                                   │
                 │  storms                                 process table
              worker in slot 0, 1, 2  ◄── blows, replaced when dead

The loop of the siege is the only thread that does anything to anybody; the schedule is
a pure function of the seed.  Everything is judged at the end, from outside.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rugbytx.local.system import LocalSystem, ended_by_signals
from tests.chaos import footage, table
from tests.chaos.judge import judge
from tests.chaos.siege import LEASE_S, Siege

#: Short, so that every way to lose a unit fits into a run many times.
TIMES = {
    "RUGBYTX_LEASE_S": f"{LEASE_S:g}",
    "RUGBYTX_HEARTBEAT_S": "1.5",
    "RUGBYTX_VISIBILITY_S": "6",
    "RUGBYTX_SWEEP_S": "2",
    "RUGBYTX_STALL_S": "6",
    "RUGBYTX_TRANSFER_PATIENCE_S": "4",
    "RUGBYTX_POLL_WAIT_S": "1",
    # Slow, so that a chunk of two small seconds keeps an encoder busy for long enough to be hit.
    "RUGBYTX_X264_PRESET": "slow",
}


def deadline_s(jobs: int) -> float:
    """Return how long a run may take until it counts as failed."""
    return 240.0 + 7.0 * jobs


def perform(*, jobs: int, seed: int, folder: Path, logs: Path | None) -> table.Report:
    """Do a whole run and return what it found."""
    films = footage.films(folder, jobs)
    footage.write_profiles(folder)
    os.environ.update(TIMES, RUGBYTX_PROFILES=str(folder))
    with LocalSystem(jetson=0) as system, ExitStack() as stack:
        siege = Siege(system, films, jobs=jobs, seed=seed)
        clock = siege.open(stack, seed=seed)
        began_at = time.monotonic()
        siege.run(deadline_s(jobs))
        took_s = time.monotonic() - began_at
        siege.calm_down()
        siege.leave()
        if logs:
            shutil.copytree(system.folder, logs, ignore=shutil.ignore_patterns("scratch"), dirs_exist_ok=True)
        return judge(siege, seed=seed, took_s=took_s, clock=clock, folder=folder)


def main(argv: Sequence[str] | None = None) -> int:
    """Run once and tell; 0 only if every promise held."""
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", description="Nothing lost, nothing twice: under fire."
    )
    parser.add_argument("--jobs", type=int, default=30, help="how many jobs to submit, two of them bad (30)")
    parser.add_argument("--seed", type=int, default=1, help="what goes wrong, and when (1)")
    parser.add_argument("--json", type=Path, help="write what was found to this file as well")
    parser.add_argument("--logs", type=Path, help="copy the workers' logs into this folder")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, ended_by_signals():
        report = perform(jobs=arguments.jobs, seed=arguments.seed, folder=Path(folder), logs=arguments.logs)
    print(table.text(report))  # noqa: T201  a command line's answer
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
