"""The hybrid, played for real on this machine: ``scripts/demo hybrid [--scene a ...] [--json FILE]``."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rugbytx.core import recorded
from rugbytx.local.system import ended_by_signals
from tests.hybrid.record import Record
from tests.hybrid.scenes import SCENES
from tests.hybrid.stage import Check, Stage, Told


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(told: Told) -> None:
    """Print a line of the timeline."""
    say(f"{told.at_s:7.1f} s  {told.text}")


def main(argv: Sequence[str] | None = None) -> int:
    """Play the scenes; 0 only if all of it holds."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo hybrid", description="The Jetson first, AWS when it must."
    )
    parser.add_argument(
        "--scene",
        action="append",
        choices=[name for name, _ in SCENES],
        help="only this one, after (a), which measures the machine; may be repeated",
    )
    parser.add_argument("--json", type=Path, help="write timeline, checks and decisions to this file as well")
    arguments = parser.parse_args(argv)
    checks: list[tuple[str, Check]] = []
    records: list[Record] = []
    with tempfile.TemporaryDirectory(prefix="hybrid-") as folder, ended_by_signals(), ExitStack() as stack:
        stage = Stage(stack, Path(folder), tell=tell)
        for name, scene in SCENES:
            if arguments.scene and name not in {"a", *arguments.scene}:
                continue
            say(f"\n{scene.__doc__}")
            stage.begin()
            for check in scene(stage):
                checks.append((name, check))
                say(f"{'ok ' if check.holds else 'NOT'}  {check.name}: {check.seen}")
            records.append(stage.record(name))
        if arguments.json:
            told = {
                "timeline": [asdict(one) for one in stage.timeline],
                "checks": [{"scene": name, **asdict(check)} for name, check in checks],
                "records": [one.model_dump() for one in records],
                "decisions": [json.loads(recorded.to_json(one)) for one in stage.decisions],
            }
            arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    failed = sum(not check.holds for _, check in checks)
    say(f"\n{len(checks) - failed} of {len(checks)} hold.")
    return 1 if failed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
