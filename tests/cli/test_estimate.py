"""What a job would cost, on the command line."""

import json
import subprocess
from pathlib import Path

import pytest

from rugbytx import prices
from rugbytx.core.scaling.pace import MATCH_PX
from tests.cli.test_workers import worker
from tests.connection import Fakes, Run


def test_so_much_film_is_estimated_without_a_system(run: Run) -> None:
    """By the note's speeds, with what is dear about it."""
    done = run("cost", "estimate", "--gb", "4", "--hours", "2")
    assert done.exit_code == 0
    assert [row.split()[:2] for row in done.stdout.splitlines()[1:]] == [
        ["jetson", "power"],
        ["aws", "on-demand"],
        ["aws", "spot"],
    ]
    assert "carrying the source to the jetson costs more than all of it on aws (spot)" in done.stderr
    assert "system at" not in done.stderr
    quotes = json.loads(run("cost", "estimate", "--gb", "4", "--hours", "2", "--json").stdout)["quotes"]
    assert [round(one["busy_s"] / 60) for one in quotes] == [35, 25, 25]
    assert {one["evidence"] for one in quotes} == {"assumed"}


def test_living_workers_may_be_asked_for_their_speed(fakes: Fakes, run: Run) -> None:
    """Then it says so."""
    fakes.store.workers.announce(worker("jetson-1", speeds=(MATCH_PX / 1000,) * 32))
    told = run("cost", "estimate", "--gb", "4", "--hours", "2", "--measured", "--json").stdout
    jetson, aws, _ = json.loads(told)["quotes"]
    assert (jetson["evidence"], aws["evidence"]) == ("measured", "assumed")
    assert jetson["busy_s"] == pytest.approx(1000, rel=0.12)


def test_prices_may_be_ones_own(run: Run, tmp_path: Path) -> None:
    """From a file like the built-in one."""
    own = tmp_path / "own.toml"
    own.write_text(
        prices.BUILT_IN.read_text().replace("usd = 0.21", "usd = 2.1").replace("2026-09", "2027-01")
    )
    done = run("cost", "estimate", "--gb", "4", "--hours", "2", "--prices", str(own), "--json")
    found = json.loads(done.stdout)
    assert found["prices"]["as_of"] == "2027-01"
    assert found["quotes"][2]["usd"] == pytest.approx((25 + 3) / 60 * 2.1, rel=0.001)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name either a SOURCE, or --gb and --hours"),
        (("a.mp4", "--gb", "4"), "name either a SOURCE, or --gb and --hours"),
        (("--gb", "4"), "--gb and --hours go together"),
        (("--hours", "2"), "--gb and --hours go together"),
        (("--gb", "4", "--hours", "0"), "--hours"),
        (("--gb", "4", "--hours", "2", "--prices", "/nowhere.toml"), "cannot be read"),
    ],
)
def test_bad_wishes_are_told(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """In one sentence, with status 2."""
    done = run("cost", "estimate", *arguments)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())


@pytest.mark.process
def test_a_source_is_planned_first(run: Run, tmp_path: Path) -> None:
    """Its size and work are its own."""
    film = tmp_path / "film.mp4"
    argv = [
        *(
            "ffmpeg",
            "-v",
            "error",
            "-nostdin",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=25:duration=2",
        ),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(film)),
    ]
    subprocess.run(argv, check=True, timeout=60)
    power, on_demand, _ = json.loads(run("cost", "estimate", str(film), "--json").stdout)["quotes"]
    assert power["egress_usd"] == pytest.approx(
        film.stat().st_size / 1e9 * prices.built_in().egress_gb.usd, abs=1e-6
    )
    assert 0 < on_demand["busy_s"] < 5


def test_a_source_that_is_not_there(run: Run) -> None:
    """Is what it is for every command."""
    assert run("cost", "estimate", "/nowhere/match.mp4").exit_code == 3
