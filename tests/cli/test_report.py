"""The operator's week and the month's costs, on the command line."""

import csv
import json
from pathlib import Path

import pytest

from rugbytx.core.cost import usage
from rugbytx.core.cost.usage import DAY_S, End
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import Charge, Kind, Measured, UnitKey, UnitProgress
from tests.connection import Fakes, Run, make_job

CHUNK = UnitKey(Kind.VIDEO, 0)


@pytest.fixture
def week(fakes: Fakes) -> Job:
    """Let an AWS worker begin a chunk and fall silent, another one be told to leave, and the Jetson do it."""
    store = fakes.store
    for name, worker_class, usd_per_h in (
        ("aws-1", WorkerClass.AWS, 0.5),
        ("aws-2", WorkerClass.AWS, 0.5),
        ("jetson-1", WorkerClass.JETSON, 0.01),
    ):
        one = usage.begun(name, worker_class, now=store.now(), usd_per_h=usd_per_h)
        *_, one = usage.followed(one, now=store.now() + 3600, is_busy=True, is_able=True, lasts_s=60)
        store.workers.record_span(one.ended(End.LEFT) if name != "aws-1" else one)
    job = store.jobs.create(make_job())
    store.jobs.start(job.id, 1)
    first = store.units.claim(job, CHUNK, None, owner="aws-1", lease_s=60)
    assert first
    store.units.renew(first, lease_s=60, progress=UnitProgress(frames=40))
    store.clock.advance(61)
    second = store.units.claim(job, CHUNK, store.units.read(job.id, 1)[CHUNK], owner="aws-2", lease_s=60)
    assert second
    told = Measured(worker="aws-2", worker_class="aws", elapsed_s=360.0, frames=10)
    store.units.give_back(second, retry_at=0, reason="told to leave", charge=Charge.LEAVING, measured=told)
    third = store.units.claim(job, CHUNK, store.units.read(job.id, 1)[CHUNK], owner="jetson-1", lease_s=60)
    assert third
    done = Measured(worker="jetson-1", worker_class="jetson", elapsed_s=36.0, frames=100)
    store.units.commit(third, result=TracksResult(fingerprint="f", files=()), measured=done)
    fakes.end(job, Status.SUCCEEDED)
    store.clock.advance(3600)
    return job


def test_a_week_is_reported(week: Job, run: Run) -> None:
    """To a person, with the dearest jobs."""
    done = run("report")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "jobs 1, 0 late" in text
    assert "cut short 2 units; of AWS workers 1 left, 1 silent ended" in text
    assert "encoded twice 50 of 100 frames, 50.0 %" in text
    assert week.id in text


def test_a_program_gets_all_of_it(week: Job, run: Run) -> None:
    """As one object."""
    found = json.loads(run("report", "--since", "12h", "--json").stdout)
    assert (found["jobs"], found["premature_terminations"], found["frames_twice"]) == (1, 2, 50)
    classes = {one["worker_class"]: one for one in found["classes"]}
    assert (classes["aws"]["units_silent"], classes["aws"]["units_left"]) == (1, 1)
    assert (classes["jetson"]["jobs"], classes["jetson"]["frames"]) == (1, 100)
    (bill,) = found["bills"]
    assert (bill["job_id"], bill["aws_s"], bill["jetson_s"]) == (week.id, 360.0, 36.0)
    assert bill["usd"] == pytest.approx(0.05 + 0.0001)
    assert found["month_usd"].keys() == {"aws", "jetson"}


def test_nothing_to_report(run: Run) -> None:
    """An empty week is no error."""
    assert run("report").exit_code == 0
    assert json.loads(run("report", "--json").stdout)["bills"] == []


def test_what_is_older_is_left_out(week: Job, fakes: Fakes, run: Run) -> None:
    """A job that ended before is not looked at."""
    fakes.store.clock.advance(8 * DAY_S)
    assert json.loads(run("report", "--json").stdout)["jobs"] == 0
    (bill,) = json.loads(run("report", "--since", "30d", "--json").stdout)["bills"]
    assert bill["job_id"] == week.id


def test_a_limit_is_said(week: Job, run: Run) -> None:
    """So that nobody takes a part for the whole."""
    assert week.is_open
    assert "--limit looks at more" in run("report", "--limit", "1").stderr


def test_a_report_is_exported(week: Job, run: Run, tmp_path: Path) -> None:
    """Everything as JSON, or the jobs as CSV."""
    path = tmp_path / "week.json"
    assert run("report", "--export", str(path)).stdout == ""
    assert json.loads(path.read_text())["jobs"] == 1
    path = tmp_path / "week.csv"
    assert run("report", "--export", str(path)).exit_code == 0
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["job_id"], row["frames"], row["attempts_lost"]) == (week.id, "100", "2")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("report", "--since", "week"), "is no duration"),
        (("report", "--since", "0d"), "longer than nothing"),
        (("report", "--since", "401d"), "kept for 400 days"),
        (("report", "--export", "week.xls"), "ends neither in .json"),
        (("report", "--export", "/nowhere/at/all.json"), "cannot be written"),
        (("cost", "--month", "2026-13"), "is no month"),
    ],
)
def test_bad_wishes_are_told(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """In one sentence, with status 2."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_a_month_costs_what_its_days_do(week: Job, fakes: Fakes, run: Run) -> None:
    """By day and class; AWS workers cost all of their time."""
    assert week.id
    found = json.loads(run("cost", "--json").stdout)
    assert {day["worker_class"] for day in found["days"]} == {"aws", "jetson"}
    assert found["usd"] == pytest.approx(sum(day["usd"] for day in found["days"]))
    aws_usd = sum(day["usd"] for day in found["days"] if day["worker_class"] == "aws")
    # The silent one is believed for a minute more.
    assert aws_usd == pytest.approx(0.5 * (3600 + 3660) / 3600, abs=1e-6)
    done = run("cost")
    assert "$1.02" in done.stdout
    fakes.store.clock.advance(70 * DAY_S)
    done = run("cost")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no worker has recorded anything" in done.stderr
    assert json.loads(run("cost", "--month", found["month"], "--json").stdout) == found
