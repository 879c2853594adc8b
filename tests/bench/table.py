"""The tables of what was found: one for the terminal, one for docs/reference/benchmarks.md."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reference" / "benchmarks.md"
FOUND = ROOT / "docs" / "reference" / "bench.json"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def text(result: dict[str, Any]) -> str:
    """Return what one benchmark found, for a terminal."""
    lines = [f"{result['name']}: {result['ours']}, beside {result['reference']} ({result['took_s']:.0f} s)"]
    lines += [f"  {figure['name']:<24} {_ratio(figure)}  {_goal(figure)}" for figure in result["figures"]]
    lines += [f"    {name}: {value}" for name, value in result["details"].items()]
    return "\n".join(lines)


def rows(found: dict[str, Any]) -> list[str]:
    """Return the document's table."""
    lines = [
        "| benchmark | ours | beside | ratio: median (least to most) | goal | |",
        "|---|---|---|---|---|---|",
    ]
    for result in found["benchmarks"]:
        for number, figure in enumerate(result["figures"]):
            names = (result["name"], result["ours"], result["reference"]) if number == 0 else ("", "", "")
            ratio = f"{figure['name']}: {_ratio(figure)}"
            verdict = "" if figure["goal"] is None else "met" if figure["met"] else "**missed**"
            lines.append(f"| {' | '.join(names)} | {ratio} | {_goal(figure)} | {verdict} |")
    return lines


def caption(found: dict[str, Any], names: Sequence[str]) -> str:
    """Return the sentences under the table: on what it was measured, and what was not."""
    machine, versions = found["machine"], found["versions"]
    measured = [result["name"] for result in found["benchmarks"]]
    missing = [name for name in names if name not in measured]
    left_out = f" Left out of that run: {', '.join(missing)}." if missing else ""
    return (
        f"Measured in one run of {found['took_s'] / 60:.0f} minutes on {machine['cores']} cores"
        f" ({machine['cpu']}), whose load before it was {machine['load_before']}, with ffmpeg {versions['ffmpeg']},"
        f" Python {versions['python']}, Celery {versions['celery']} and the embedded AWS (moto {versions['moto']})."
        + left_out
    )


def section(found: dict[str, Any], names: Sequence[str]) -> str:
    """Return what stands between the document's marks; ``names`` are all benchmarks that there are."""
    return "\n".join((BEGIN, *rows(found), "", caption(found, names), END))


def in_document() -> str:
    """Return what stands there."""
    told = DOCUMENT.read_text(encoding="utf-8")
    return BEGIN + told.split(BEGIN, 1)[1].split(END, 1)[0] + END


def kept() -> dict[str, Any]:
    """Return what the document's table was made from."""
    found: dict[str, Any] = json.loads(FOUND.read_text(encoding="utf-8"))
    return found


def written(found: dict[str, Any]) -> str:
    """Return the file that holds what was found."""
    return json.dumps(found, indent=1) + "\n"


def keep(found: dict[str, Any], names: Sequence[str]) -> None:
    """Keep what was found, and put its table into the document."""
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    FOUND.write_text(written(found), encoding="utf-8")
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    DOCUMENT.write_text(before + section(found, names) + after, encoding="utf-8")


def _ratio(figure: dict[str, Any]) -> str:
    """Return median and spread.

    >>> _ratio({"median": 1.0123, "least": 1.0, "most": 1.1, "ratios": [1.0, 1.0123, 1.1]})
    '1.012 (1.000 to 1.100, n = 3)'
    """
    count = len(figure["ratios"])
    if count == 1:
        return f"{figure['median']:.3f}"
    return f"{figure['median']:.3f} ({figure['least']:.3f} to {figure['most']:.3f}, n = {count})"


def _goal(figure: dict[str, Any]) -> str:
    return "" if figure["goal"] is None else f"{figure['bound']} {figure['goal']:g}"
