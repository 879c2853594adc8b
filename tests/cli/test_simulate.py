"""`rugbytx simulate` on the command line: one process for each of its answers would be slow, so it runs in this one."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rugbytx.cli.app import app

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def said(*words: str) -> tuple[int, str, str]:
    """Return the exit status, stdout and stderr of the command with these words."""
    answer = CliRunner().invoke(app, ["simulate", *words])
    return answer.exit_code, answer.stdout, answer.stderr


def test_a_table_and_the_bound() -> None:
    """Ours in three modes, and below them what no policy could undercut."""
    code, out, err = said("three")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["deadline", "fastest", "cheapest"]
    assert "lower bound: 22.7 min, 28.1 min with whole jobs" in out
    assert "3 runs" in err


def test_json_lines_have_their_keys() -> None:
    """One object for each run, and one for each upload where they are asked for."""
    code, out, _ = said("one", "--policy", "cheapest", "--json", "--jobs", "--seed", "4")
    day, job = (json.loads(line) for line in out.splitlines())
    assert code == 0
    assert (day["scenario"], day["policy"], day["seed"], day["uploads"], day["usd_idle"]) == (
        "one",
        "cheapest",
        4,
        1,
        0,
    )
    assert {
        "makespan_s",
        "p95_s",
        "missed",
        "usd",
        "usd_egress",
        "duplicates",
        "kills",
        "is_drained",
    } <= day.keys()
    assert (job["size"], job["done_by"], job["is_late"]) == ("match", "jetson", False)


def test_a_sweep_varies_one_setting() -> None:
    """More hosts, less time."""
    code, out, _ = said("three", "--policy", "fastest", "--json", "--runs", "1", "--set", "max_hosts=1")
    alone = json.loads(out)
    assert code == 0
    code, out, _ = said(
        "sweep", "three", "--policy", "fastest", "--vary", "max_hosts=1,3", "--runs", "1", "--json"
    )
    one, three = (json.loads(line) for line in out.splitlines())
    assert code == 0
    assert (one["max_hosts"], three["max_hosts"]) == ("1", "3")
    assert one["makespan_s"] == alone["makespan_s"] > three["makespan_s"]


def test_a_report_is_written(tmp_path: Path) -> None:
    """One file."""
    path = tmp_path / "day.html"
    code, _, err = said("clip", "--policy", "deadline", "--html", str(path))
    assert code == 0
    assert path.read_text().startswith("<!doctype html>")
    assert str(path) in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("final",), "there is no scenario 'final'"),
        (("one", "--policy", "best"), "there is no policy 'best'"),
        (("one", "--set", "speed=1"), "there is no setting 'speed'"),
        (("one", "--set", "speed"), "'speed' is no NAME=VALUE"),
    ],
)
def test_a_mistake_is_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    """And exit status 2."""
    code, _, err = said(*words)
    assert code == 2
    assert sentence in err


def test_what_there_is() -> None:
    """Scenarios, policies and settings are listed."""
    code, out, _ = said("list")
    assert code == 0
    for word in ("scenario  twelve", "policy    note-recommended", "setting   cold_mode_s"):
        assert word in out
