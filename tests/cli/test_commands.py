"""What each command does, on a system of fakes."""

import json
from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.result import Result, TracksResult
from rugbytx.core.lease.unit import PLAN, Kind, Measured, UnitKey, UnitProgress
from tests.connection import ADDRESS, NOW, OUTPUTS, Fakes, Run, make_job
from tests.plans import small_plan

#: What a program may rely on.
KEYS = [
    *("job_id", "generation", "status", "reason", "source", "source_bytes", "profile"),
    *("submitted_at", "started_at", "ended_at", "deadline_at", "bumped_at"),
    *("units", "units_done", "frames", "frames_done", "fps", "eta_s"),
    *("master_url", "mp4_url", "poster_url", "storyboard_url", "renditions", "duration_s"),
    *("output_bytes", "quality"),
]
MASTER = "http://127.0.0.1:5000/rugbytx-output/out/x/g1/master-f1.m3u8"


def lines(stdout: str) -> list[dict[str, Any]]:
    """Return the JSON Lines that a command printed, and nothing but."""
    return [json.loads(line) for line in stdout.splitlines()]


@pytest.fixture
def running(fakes: Fakes) -> Job:
    """Put a job into the store whose second chunk is being encoded."""
    job = fakes.store.jobs.create(make_job())
    fakes.store.jobs.start(job.id, 1)
    fakes.store.jobs.record_plan(job.id, 1, units=6, frames=750, work_px=1e8)
    made: dict[UnitKey, Result] = {
        PLAN: small_plan(chunks=3),
        UnitKey(Kind.VIDEO, 0): TracksResult(fingerprint="f", files=()),
    }
    for key, result in made.items():
        lease = fakes.store.units.claim(job, key, None, owner="jetson-1", lease_s=60)
        assert lease
        fakes.store.units.commit(
            lease, result=result, measured=Measured(frames=250 * (key != PLAN), elapsed_s=5.0)
        )
        fakes.store.jobs.add_done(job.id, 1, [key])
    lease = fakes.store.units.claim(job, UnitKey(Kind.VIDEO, 1), None, owner="jetson-1", lease_s=60)
    assert lease
    fakes.store.units.renew(lease, lease_s=60, progress=UnitProgress(step="encode", frames=125, fps=75.0))
    return job


class TestSubmit:
    """`rugbytx submit`."""

    def test_it_prints_the_job_and_names_the_system_on_stderr(self, run: Run, fakes: Fakes) -> None:
        """The id is the first word, for the shell."""
        url = fakes.add_object("a.mp4")
        result = run("submit", url, "--deadline", "45m", "--chunk", "30s", "--profile", "clip")
        (job,) = fakes.store.jobs.list()
        assert (result.exit_code, result.stdout) == (0, f"{job.id}  create  {url}\n")
        assert result.stderr.startswith(f"{ADDRESS.place} (profile default, ")
        assert (job.deadline_at, job.chunk_s, job.profile.name) == (NOW + 2700, 30.0, "clip")

    def test_sources_come_from_a_file_and_from_stdin(self, run: Run, fakes: Fakes, tmp_path: Path) -> None:
        """Blank lines and comments are left out."""
        urls = [fakes.add_object(f"{n}.mp4", b"%d" % n) for n in range(4)]
        listed = tmp_path / "round-7.txt"
        listed.write_text(f"# round 7\n\n{urls[1]}\n  {urls[2]} \n")
        assert run("submit", urls[0], "--from", str(listed)).exit_code == 0
        assert run("submit", "--from", "-", stdin=f"{urls[3]}\n").exit_code == 0
        assert {job.source.url for job in fakes.store.jobs.list()} == set(urls)

    def test_json_is_one_object_a_job(self, run: Run, fakes: Fakes) -> None:
        """Its keys are those of `status --json`, behind what became of the request."""
        urls = [fakes.add_object(f"{n}.mp4", b"%d" % n) for n in range(2)]
        printed = lines(run("submit", *urls, "--json").stdout)
        assert [list(one) for one in printed] == [["action", *KEYS]] * 2
        assert [one["source"] for one in printed] == urls
        assert {one["action"] for one in printed} == {"create"}

    def test_one_bad_source_stops_no_other_and_decides_the_exit_code(self, run: Run, fakes: Fakes) -> None:
        """The good ones are accepted all the same."""
        result = run(
            "submit", fakes.add_object("a.mp4"), "s3://rugbytx-source/none", fakes.add_object("b", b"b")
        )
        assert (result.exit_code, len(result.stdout.splitlines())) == (3, 2)
        assert "rugbytx: there is no object s3://rugbytx-source/none" in result.stderr

    def test_twice_says_so(self, run: Run, fakes: Fakes) -> None:
        """The note goes to stderr, the job to stdout."""
        url = fakes.add_object("a.mp4")
        run("submit", url)
        fakes.store.clock.advance(1)
        result = run("submit", url)
        assert "  join  " in result.stdout
        assert "already, which is QUEUED" in result.stderr

    def test_a_silent_system_says_how_many_were_not_accepted(self, run: Run, fakes: Fakes) -> None:
        """The sentence comes once, not once for each source."""
        urls = [fakes.add_object(f"{n}.mp4", b"%d" % n) for n in range(3)]
        fakes.store.table.down = True
        result = run("submit", *urls)
        assert result.exit_code == 5
        assert result.stderr.endswith("rugbytx: 2 more were not accepted\n")

    def test_watching_what_has_ended_ends_at_once(self, run: Run, fakes: Fakes) -> None:
        """Exit status 1 tells a script that the job FAILED."""
        url = fakes.add_object("a.mp4")
        run("submit", url)
        (job,) = fakes.store.jobs.list()
        fakes.end(job, Status.FAILED, reason="the file is truncated")
        result = run("submit", url, "--watch")
        assert result.exit_code == 1
        assert f"{job.id}  FAILED  the file is truncated" in result.stdout


class TestLook:
    """`rugbytx status`, `url`, `list`."""

    def test_status_of_a_running_job(self, run: Run, running: Job) -> None:
        """How far it is, when it may be done, and who works on it."""
        stdout = run("status", running.id).stdout
        for text in (
            running.id,
            "RUNNING",
            "50 %",
            "2 of 6 units done",
            "75 fps",
            "8s",
            "jetson-1",
            "VIDEO#00001",
        ):
            assert text in stdout
        assert "VIDEO#00000" not in stdout

    def test_status_in_json(self, run: Run, running: Job) -> None:
        """Stable keys; null for what is not known."""
        (printed,) = lines(run("status", running.id, "--json").stdout)
        assert list(printed) == KEYS
        assert (printed["status"], printed["frames"], printed["frames_done"]) == ("RUNNING", 750, 375)
        assert (printed["fps"], printed["eta_s"], printed["units"], printed["units_done"]) == (
            75.0,
            7.5,
            6,
            2,
        )
        assert (printed["submitted_at"], printed["ended_at"]) == ("2027-01-15T08:00:00.000Z", None)
        assert printed["master_url"] is None

    def test_a_finished_job_has_a_url(self, run: Run, fakes: Fakes, running: Job) -> None:
        """`url` prints it and nothing else."""
        fakes.end(running, Status.SUCCEEDED)
        status = run("status", running.id).stdout
        assert f"master      {MASTER}\n" in status
        assert "720p, 360p" in status
        assert run("url", running.id).stdout == f"{MASTER}\n"
        (printed,) = lines(run("status", running.id, "--json").stdout)
        assert (printed["master_url"], printed["renditions"]) == (MASTER, ["720p", "360p"])
        assert (printed["frames_done"], printed["eta_s"]) == (750, None)

    def test_a_cdn_goes_before_the_bucket(self, run: Run, fakes: Fakes, running: Job) -> None:
        """RUGBYTX_OUTPUT_BASE_URL is where readers are sent."""
        fakes.end(running, Status.SUCCEEDED)
        result = run("url", running.id, environ={"RUGBYTX_OUTPUT_BASE_URL": "https://cdn.example.org/video/"})
        assert result.stdout == "https://cdn.example.org/video/out/x/g1/master-f1.m3u8\n"

    def test_list_shows_jobs_of_a_status(self, run: Run, fakes: Fakes, running: Job) -> None:
        """The word may be written small."""
        queued = fakes.store.jobs.create(make_job(id="f" * 20, submitted_at=NOW + 1))
        everything = run("list").stdout
        assert everything.index(queued.id) < everything.index(running.id)
        assert [one["job_id"] for one in lines(run("list", "--status", "running", "--json").stdout)] == [
            running.id
        ]
        assert [one["job_id"] for one in lines(run("list", "--limit", "1", "--json").stdout)] == [queued.id]

    def test_a_list_knows_nothing_of_units(self, run: Run, running: Job) -> None:
        """It would have to read each job's, so it says null and not zero."""
        (printed,) = lines(run("list", "--json").stdout)
        assert printed["job_id"] == running.id
        assert list(printed) == KEYS
        assert (printed["frames_done"], printed["fps"], printed["eta_s"]) == (None, None, None)

    def test_an_empty_list_prints_nothing(self, run: Run) -> None:
        """A remark goes to stderr."""
        result = run("list")
        assert (result.exit_code, result.stdout) == (0, "")

    def test_a_key_cannot_steer_the_terminal(self, run: Run, fakes: Fakes) -> None:
        """Whoever may upload may choose any key."""
        url = fakes.add_object("\x1b[2J[bold]a.mp4")
        for command in (
            ("submit", url),
            ("list",),
            ("status", "{}"),
            ("submit", "s3://rugbytx-source/\x1b[2J"),
        ):
            jobs = fakes.store.jobs.list()
            result = run(*(word.format(jobs[0].id) if jobs else word for word in command))
            assert "\x1b" not in result.output
        assert "[bold]a.mp4" in run("list").stdout


class TestWatch:
    """`rugbytx watch`."""

    def test_nothing_open_ends_at_once(self, run: Run) -> None:
        """There is nothing to wait for."""
        assert run("watch").exit_code == 0

    @pytest.mark.parametrize(
        ("status", "exit_code"), [(Status.SUCCEEDED, 0), (Status.FAILED, 1), (Status.CANCELLED, 1)]
    )
    def test_the_exit_code_tells_how_it_ended(
        self, run: Run, fakes: Fakes, running: Job, status: Status, exit_code: int
    ) -> None:
        """One that did not succeed is enough."""
        other = fakes.store.jobs.create(make_job(id="f" * 20))
        fakes.end(other, Status.SUCCEEDED)
        fakes.end(running, status)
        result = run("watch", running.id, other.id)
        assert result.exit_code == exit_code
        assert f"{running.id}  {status}" in result.stdout
        assert f"{other.id}  {MASTER}" in result.stdout

    def test_json_is_a_line_for_each_change(self, run: Run, fakes: Fakes, running: Job) -> None:
        """The last line of a job has an ended status."""
        fakes.end(running, Status.SUCCEEDED)
        result = run("watch", running.id, "--json")
        assert [one["status"] for one in lines(result.stdout)] == ["SUCCEEDED"]
        assert result.exit_code == 0


class TestRm:
    """`rugbytx rm`."""

    def test_an_ended_job_goes_with_its_outputs(self, run: Run, fakes: Fakes) -> None:
        """All generations go; the source and other jobs' outputs stay."""
        job = fakes.store.jobs.create(make_job())
        fakes.end(job, Status.SUCCEEDED)
        for key in (f"out/{job.id}/g1/a", f"out/{job.id}/g2/a", "out/other/g1/a"):
            fakes.add_object(key, bucket="rugbytx-output")
        source = ("rugbytx-source", "final.mp4")
        fakes.add_object(source[1])
        result = run("rm", job.id)
        assert result.stdout == f"{job.id}  removed, with 2 objects, 10 B\n"
        assert set(fakes.storage.objects) == {source, ("rugbytx-output", "out/other/g1/a")}
        assert fakes.store.jobs.read(job.id) is None

    def test_an_open_job_is_refused_and_the_others_are_removed(
        self, run: Run, fakes: Fakes, running: Job
    ) -> None:
        """Its worker would write on into what is gone."""
        ended = fakes.store.jobs.create(make_job(id="f" * 20))
        fakes.end(ended, Status.CANCELLED)
        result = run("rm", running.id, "e" * 20, ended.id)
        assert result.exit_code == 2
        assert "is RUNNING; it can be removed once it has ended" in result.stderr
        assert f"there is no job {'e' * 20}" in result.stderr
        assert [job.id for job in fakes.store.jobs.list()] == [running.id]


class TestEarly:
    """`rugbytx url --early`."""

    MASTER = "http://127.0.0.1:5000/rugbytx-output/out/{}/g1/early/master.m3u8"

    def test_the_finished_beginning_has_an_address(self, run: Run, fakes: Fakes, running: Job) -> None:
        """As soon as a lane has shown it, and before that a reason."""
        result = run("url", running.id, "--early")
        assert result.exit_code == 3
        assert "its first chunk and its sound are not finished" in result.stderr
        fakes.add_object(f"out/{running.id}/g1/early/master.m3u8", bucket="rugbytx-output")
        address = self.MASTER.format(running.id)
        assert run("url", running.id, "--early").stdout == f"{address}\n"
        printed = lines(run("url", running.id, "--early", "--json").stdout)
        assert printed == [{"job_id": running.id, "master_url": address, "is_early": True}]
        assert run("url", running.id).exit_code == 3

    def test_a_finished_job_is_shown_whole(self, run: Run, fakes: Fakes, running: Job) -> None:
        """The early lists are for those who watch them already."""
        fakes.add_object(f"out/{running.id}/g1/early/master.m3u8", bucket="rugbytx-output")
        fakes.end(running, Status.SUCCEEDED)
        assert run("url", running.id, "--early").stdout == f"{MASTER}\n"

    def test_a_failed_job_is_not_shown(self, run: Run, fakes: Fakes, running: Job) -> None:
        """Its beginning goes with the clean-up."""
        fakes.add_object(f"out/{running.id}/g1/early/master.m3u8", bucket="rugbytx-output")
        fakes.end(running, Status.FAILED)
        assert "it is FAILED" in run("url", running.id, "--early").stderr


def test_the_outputs_of_a_clip_have_an_mp4(run: Run, fakes: Fakes) -> None:
    """Its URL stands beside the master's."""
    job = fakes.store.jobs.create(make_job())
    outputs = OUTPUTS.model_copy(update={"mp4_key": "out/x/g1/720p-f1.mp4"})
    fakes.store.jobs.end(job.id, 1, Status.SUCCEEDED, outputs=outputs)
    url = "http://127.0.0.1:5000/rugbytx-output/out/x/g1/720p-f1.mp4"
    assert f"mp4         {url}\n" in run("status", job.id).stdout
    assert lines(run("status", job.id, "--json").stdout)[0]["mp4_url"] == url
