"""Who works, on the command line."""

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from rich.console import Console

from rugbytx.cli.fleet import workers
from rugbytx.core.fleet.presence import Worker
from rugbytx.errors import Unreachable
from tests.connection import Fakes, Run


def worker(name: str, **changed: Any) -> Worker:
    """Return a living worker whose class is its name's beginning."""
    fields: dict[str, Any] = {
        "name": name,
        "worker_class": name.partition("-")[0],
        "slots": 1,
        "busy": 0,
        "encoder": "x264",
        "maker": "a",
        "seen_at": 1000.0,
        "until": 2e12,
        "gate": "fit",
        "started_at": 900.0,
        "idle_since": 960.0,
    }
    return Worker(**{**fields, **changed})


BUSY = worker(
    "jetson-1", busy=1, jobs=("7ad4",), speeds=(3e8, 4e8, 5e8), temperature_c=63.5, power_mode="MAXN"
)
IDLE = worker("aws-1", gate="not-wanted")
UNFIT = worker("aws-2", encoder="", maker="", gate="encoder-unfit", is_able=False)


def test_nobody_works(fakes: Fakes, run: Run) -> None:
    """That is no error."""
    done = run("workers")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no workers" in done.stderr
    assert run("workers", "--json").stdout == ""
    assert fakes.store.workers.list() == []


def test_all_are_shown_the_jetson_first(fakes: Fakes, run: Run) -> None:
    """With what each is at, or why it receives nothing."""
    for one in (IDLE, UNFIT, BUSY):
        fakes.store.workers.announce(one)
    done = run("workers")
    assert done.exit_code == 0
    heading, *rows = done.stdout.splitlines()
    assert heading.split()[0] == "worker"
    assert [row.split()[0] for row in rows] == ["jetson-1", "aws-1", "aws-2"]
    for shown in ("1/1", "400", "64", "MAXN", "7ad4"):
        assert shown in rows[0]
    assert "not-wanted" in rows[1]
    assert "idle for" in rows[1]
    assert "none" in rows[2]
    assert "encoder-unfit" in rows[2]


def test_a_program_gets_stable_keys(fakes: Fakes, run: Run) -> None:
    """Each is always there."""
    for one in (BUSY, UNFIT):
        fakes.store.workers.announce(one)
    jetson, aws = (json.loads(line) for line in run("workers", "--json").stdout.splitlines())
    assert jetson.keys() == aws.keys()
    assert (jetson["worker"], jetson["jobs"], jetson["px_per_s"]) == ("jetson-1", ["7ad4"], 4e8)
    assert (jetson["idle_s"], jetson["temperature_c"], jetson["is_able"]) == (None, 63.5, True)
    assert (aws["encoder"], aws["px_per_s"], aws["is_able"]) == (None, None, False)


def rounds(*states: Sequence[Worker]) -> Iterator[tuple[float, Sequence[Worker]]]:
    """Yield states two seconds apart."""
    for number, seen in enumerate(states):
        yield 1000.0 + 2 * number, seen


def test_a_pipe_gets_a_line_for_each_change() -> None:
    """That time passes is none, and that a worker is gone is one."""
    text = io.StringIO()
    later = IDLE.model_copy(update={"seen_at": 1015.0, "until": 3e12})
    states = rounds([IDLE], [later], [later, BUSY], [BUSY])
    workers.follow(states, console=Console(file=text, width=200), as_json=False)
    lines = text.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["aws-1", "jetson-1", "aws-1"]
    assert "idle for 40s" in lines[0]
    assert lines[2] == "aws-1  gone"


def test_a_program_gets_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON."""
    workers.follow(rounds([IDLE], [IDLE], []), console=Console(file=io.StringIO()), as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["worker"], line["is_gone"]) for line in lines] == [("aws-1", False), ("aws-1", True)]
    assert lines[0].keys() == lines[1].keys()


def test_a_terminal_gets_a_table_that_moves() -> None:
    """The last state stays on the screen."""
    text = io.StringIO()
    screen = Console(file=text, width=160, force_terminal=True, color_system=None)
    workers.follow(rounds([IDLE], [BUSY]), console=screen, as_json=False)
    assert "7ad4" in text.getvalue()


def test_a_store_that_falls_silent_is_waited_for_but_not_for_ever(fakes: Fakes) -> None:
    """It may be back soon."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        fakes.store.table.down = len(pauses) < 5 or len(pauses) > 6

    fakes.store.table.down = True
    states = workers.poll_workers(fakes.store, pause=pause)
    assert next(states)[1] == []
    assert next(states)[1] == []
    with pytest.raises(Unreachable):
        next(states)
    assert sum(pauses) < 2 * workers.PATIENCE_S + 20
