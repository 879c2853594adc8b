"""The hybrid, played for real on this machine: ``scripts/demo hybrid [--scene a ...] [--json FILE]``."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rugbytx.core.scaling import decision_record
from rugbytx.local.system import ended_by_signals
from tests.hybrid import agree
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


def agreement(record: Record) -> Check:
    """Return whether the simulator, given the same films and times, decides what was decided here."""
    said = agree.simulated(record)
    alone = [
        f"{one.where} at {one.said.at_s:.1f} s: {one.said.desired}, {one.said.wanted}, {one.said.reason}"
        for one in agree.lonely(record, said)
    ]
    count = len(list(agree.changes(record.said)))
    return Check(
        name="the simulator decides the same within two ticks",
        holds=not alone,
        seen="; ".join(alone) or f"{count} decisions, a tick of {agree.tick_s(record):.1f} s",
    )


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
    parser.add_argument(
        "--records", type=Path, help="write what the simulator needs to play the scenes again to this file"
    )
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
            agreed = agreement(records[-1])
            if name in agree.HELD:
                checks.append((name, agreed))
            mark = "ok " if agreed.holds else "NOT" if name in agree.HELD else "---"
            say(f"{mark}  {agreed.name}: {agreed.seen}")
        if arguments.records:
            kept = [one.model_dump_json(indent=None) for one in records]
            arguments.records.write_text("[\n" + ",\n".join(kept) + "\n]\n")
        if arguments.json:
            told = {
                "timeline": [asdict(one) for one in stage.timeline],
                "checks": [{"scene": name, **asdict(check)} for name, check in checks],
                "records": [one.model_dump() for one in records],
                "decisions": [json.loads(decision_record.to_json(one)) for one in stage.decisions],
            }
            arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    failed = sum(not check.holds for _, check in checks)
    say(f"\n{len(checks) - failed} of {len(checks)} hold.")
    return 1 if failed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
