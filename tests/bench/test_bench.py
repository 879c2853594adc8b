"""Each benchmark works, in the small; and the table in docs/reference/benchmarks.md is what a run has found."""

import json
import math
from pathlib import Path

import pytest

from tests.bench import run, table
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale

#: Their smoke still waits for leases to run out, or for many chunks.
SLOW = {"takeover", "job", "chunks", "memory"}


@pytest.mark.process
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in SLOW else []) for name in run.NAMES]
)
def test_a_benchmark_measures(name: str) -> None:
    """Every ratio is a number, and the whole of it is JSON and a table; what it says is another matter."""
    result = run.measure(name, Scale.SMOKE)
    assert result.name == name
    assert result.figures
    assert all(math.isfinite(ratio) and ratio >= 0 for figure in result.figures for ratio in figure.ratios)
    told = json.loads(json.dumps(result.as_json()))
    assert all(figure.name in table.text(told) for figure in result.figures)


def test_the_document_shows_what_a_run_found() -> None:
    """``scripts/bench --keep`` writes both, and says which benchmark was left out."""
    found = table.kept()
    assert table.in_document() == table.section(found, run.NAMES)
    names = [result["name"] for result in found["benchmarks"]]
    assert names
    assert names == [name for name in run.NAMES if name in names]


@pytest.mark.parametrize(
    ("ratios", "bound", "is_met"),
    [
        ((0.9, 1.0, 3.0), Bound.AT_MOST, True),
        ((0.9, 1.1, 1.2), Bound.AT_MOST, False),
        ((0.9, 1.1, 1.2), Bound.AT_LEAST, True),
        ((0.9, 0.9, 1.2), Bound.AT_LEAST, False),
    ],
)
def test_the_median_meets_a_goal_or_misses_it(
    ratios: tuple[float, ...], bound: Bound, *, is_met: bool
) -> None:
    """One run that the machine disturbed decides nothing, and a missed goal is shown as one."""
    figure = Figure(name="wall", ratios=ratios, goal=1.0, bound=bound)
    assert figure.is_met == is_met
    result = Result(name="n", ours="a", reference="b", figures=(figure,)).as_json()
    (row,) = table.rows({"benchmarks": [result]})[2:]
    assert ("**missed**" in row) != is_met


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured before all names are known."""
    with pytest.raises(SystemExit) as ended:
        run.main(["runner", "speed"])
    assert ended.value.code == 2
    assert "there is no benchmark speed" in capsys.readouterr().err


def test_keeping_puts_a_table_between_the_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands before and after them stays."""
    document = tmp_path / "benchmarks.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.setattr(table, "DOCUMENT", document)
    monkeypatch.setattr(table, "FOUND", tmp_path / "docs" / "bench.json")
    found = run.report([], MACHINE)
    table.keep(found, run.NAMES)
    assert document.read_text() == f"before\n{table.section(found, run.NAMES)}\nafter\n"
    assert table.kept() == found
    assert "Left out of that run: runner, job" in document.read_text()


MACHINE = {"cpu": "a CPU", "cores": 2, "load_before": 0.1}
