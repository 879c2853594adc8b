"""`bump`, `pause`, `drain` and their opposites, `logs` and `webhooks`, on a system of fakes."""

import json
from typing import Any

import pytest

from rugbytx.core.fleet.halt import Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job import audit_trail
from rugbytx.core.job.job import Job, Status
from rugbytx.core.notify.notification import Errand, opened
from tests.connection import NOW, Fakes, Run, make_job

PRIVATE = {"RUGBYTX_NOTIFY_PRIVATE": "true"}
URL = "https://hooks.example/games?key=secret"


def lines(stdout: str) -> list[dict[str, Any]]:
    """Return the JSON Lines that a command printed, and nothing but."""
    return [json.loads(line) for line in stdout.splitlines()]


@pytest.fixture
def job(fakes: Fakes) -> Job:
    """Put an open job into the store."""
    return fakes.store.jobs.create(make_job(submitted_by="ann@desk"))


@pytest.fixture
def worker(fakes: Fakes) -> str:
    """Let a worker be there; return its name."""
    worker = Worker(name="aws-1@a", worker_class="aws", slots=1, busy=0, seen_at=NOW, until=NOW + 60)
    fakes.store.workers.announce(worker)
    return worker.name


class TestBump:
    """`rugbytx bump` and `unbump`."""

    def test_it_is_noted_once(self, run: Run, fakes: Fakes, job: Job) -> None:
        """The second time changes nothing, and is not in the trail."""
        assert run("bump", job.id).stdout == f"{job.id}  bumped\n"
        again = run("bump", job.id, "--json")
        assert lines(again.stdout) == [{"name": job.id, "action": "bumped", "changed": False}]
        stands = fakes.store.jobs.read(job.id)
        assert stands is not None
        assert stands.bumped_at == NOW
        assert [entry.what for entry in fakes.store.audit.read(job.id, limit=9)] == [audit_trail.BUMPED]
        assert run("unbump", job.id).exit_code == 0
        stands = fakes.store.jobs.read(job.id)
        assert stands is not None
        assert stands.bumped_at is None

    def test_one_that_cannot_be_does_not_stop_the_others(self, run: Run, fakes: Fakes, job: Job) -> None:
        """An ended job goes nowhere first; the exit status says so."""
        ended = fakes.store.jobs.create(make_job(id="f" * 20))
        fakes.end(ended, Status.FAILED)
        result = run("bump", ended.id, "0" * 20, job.id)
        assert (result.exit_code, result.stdout) == (2, f"{job.id}  bumped\n")
        assert f"job {ended.id} is FAILED: only an open one can go first" in result.stderr
        assert f"there is no job {'0' * 20}" in result.stderr


class TestPause:
    """`rugbytx pause` and `resume`."""

    def test_queue_and_class_are_apart(self, run: Run, fakes: Fakes) -> None:
        """Each is taken back by itself."""
        assert run("pause").stdout == "queue  paused\n"
        assert run("pause", "aws").stdout == "aws  paused\n"
        assert {(halt.scope, halt.name) for halt in fakes.store.halts.list()} == {
            (Scope.QUEUE, ""),
            (Scope.CLASS, "aws"),
        }
        assert run("resume").stdout == "queue  resumed\n"
        assert [halt.name for halt in fakes.store.halts.list()] == ["aws"]
        result = run("resume", "jetson")
        assert (result.exit_code, "nothing has changed" in result.stderr) == (0, True)

    def test_a_class_that_is_none(self, run: Run, fakes: Fakes) -> None:
        """Nothing is paused by it."""
        result = run("pause", "jetsom")
        assert result.exit_code == 2
        assert "there is no worker class jetsom: it is jetson or aws" in result.stderr
        assert list(fakes.store.halts.list()) == []


class TestDrain:
    """`rugbytx drain` and `undrain`."""

    def test_a_worker_stays_drained(self, run: Run, fakes: Fakes, worker: str) -> None:
        """Though it leaves: the halt waits for it to come back."""
        assert run("drain", worker).stdout == f"{worker}  drained\n"
        fakes.store.workers.withdraw(worker)
        assert "nothing has changed" in run("drain", worker).stderr
        (halt,) = fakes.store.halts.list()
        assert (halt.scope, halt.name, halt.at) == (Scope.WORKER, worker, NOW)
        assert "@" in halt.by
        assert run("undrain", worker).exit_code == 0
        assert list(fakes.store.halts.list()) == []

    def test_a_worker_that_is_not_there(self, run: Run, fakes: Fakes, worker: str) -> None:
        """The sentence names those that are."""
        result = run("drain", "aws-2@a")
        assert result.exit_code == 3
        assert f"there is no worker aws-2@a; there are {worker}" in result.stderr
        assert list(fakes.store.halts.list()) == []


class TestLogs:
    """`rugbytx logs`."""

    def test_a_job_s_with_what_was_asked_meanwhile(self, run: Run, fakes: Fakes, job: Job) -> None:
        """In order, with who and when; what was asked after its end is not its."""
        fakes.store.clock.advance(10)
        run("pause", "aws")
        fakes.store.clock.advance(10)
        run("cancel", job.id)
        fakes.store.clock.advance(10)
        run("resume", "aws")
        told = lines(run("logs", job.id, "--json").stdout)
        assert [(one["what"], one["reason"]) for one in told] == [
            ("submitted", "s3://rugbytx-source/final.mp4"),
            ("paused", "aws"),
            ("ended", "CANCELLED"),
        ]
        assert (told[0]["by"], told[0]["at"]) == ("ann@desk", "2027-01-15T08:00:00.000Z")
        assert all("@" in one["by"] for one in told)
        assert "ended          CANCELLED  by " in run("logs", job.id).stdout
        assert [one["what"] for one in lines(run("logs", "--json").stdout)] == ["paused", "resumed"]

    def test_what_happened_before_a_retry_stays(self, run: Run, fakes: Fakes, job: Job) -> None:
        """The record forgets it, the trail does not."""
        for command in ("cancel", "retry"):
            fakes.store.clock.advance(10)
            run(command, job.id)
        told = [one["what"] for one in lines(run("logs", job.id, "--json").stdout)]
        assert told == ["submitted", "ended", "retried"]

    def test_a_job_that_is_not_there(self, run: Run) -> None:
        """Exit status 3."""
        assert run("logs", "0" * 20).exit_code == 3


class TestNotify:
    """`rugbytx submit --notify` and `webhooks`."""

    def test_submitting_twice_unites_whom_to_tell(self, run: Run, fakes: Fakes) -> None:
        """With those of the settings; the second submitter is told so."""
        source = fakes.add_object("final.mp4")
        environ = {"RUGBYTX_NOTIFY_URLS": "https://a.example/"}
        first = run("submit", source, "--profile", "clip", environ=environ)
        second = run("submit", source, "--profile", "clip", "--notify", URL)
        assert (first.exit_code, second.exit_code) == (0, 0)
        (job,) = fakes.store.jobs.list()
        assert job.notify == {"https://a.example/", URL}
        assert "is told as well" in second.stderr
        assert [entry.what for entry in fakes.store.audit.read(job.id, limit=9)] == [audit_trail.JOINED]

    @pytest.mark.parametrize("url", ["http://hooks.example/?key=secret", "hooks.example", "ftp://a.example/"])
    def test_what_is_no_target_is_refused(self, run: Run, fakes: Fakes, url: str) -> None:
        """Before anything is recorded, and without what may be secret in it."""
        result = run("submit", fakes.add_object("final.mp4"), "--profile", "clip", "--notify", url)
        assert (result.exit_code, "cannot be told" in result.stderr) == (2, True)
        assert "secret" not in result.stderr
        assert list(fakes.store.jobs.list()) == []

    def test_who_asks_after_the_end_is_told_so(self, run: Run, fakes: Fakes) -> None:
        """Nobody would be told."""
        source = fakes.add_object("final.mp4")
        run("submit", source, "--profile", "clip")
        (job,) = fakes.store.jobs.list()
        fakes.end(job, Status.FAILED)
        result = run("submit", source, "--profile", "clip", "--notify", URL)
        assert (result.exit_code, "nobody is told of it again" in result.stderr) == (0, True)

    def test_a_list_shows_no_secret(self, run: Run, fakes: Fakes, job: Job) -> None:
        """And a replay makes it due again."""
        fakes.end(job, Status.FAILED)
        (note,) = fakes.store.outbox.list_notifications(job.id)
        assert fakes.store.outbox.replace_notification(opened(note, body="{}", targets=[URL], now=NOW))
        (shown,) = lines(run("webhooks", "list", "--json").stdout)
        assert (shown["id"], shown["state"], shown["tries"]) == (f"{job.id}-g1-failed", "waiting", 0)
        assert shown["target"] == "https://hooks.example/games?…"
        assert "secret" not in run("webhooks", "list", job.id).stdout
        result = run("webhooks", "replay", job.id)
        assert (result.exit_code, "nothing was given up" in result.stderr) == (0, True)
        assert run("webhooks", "replay", "--every").exit_code == 2
        assert Errand(job_id=job.id, due_at=int(NOW)) in fakes.store.outbox.list_errands(9, due=True)
