"""`cancel`, `retry` and `dlq`, on a system of fakes."""

import json
from typing import Any

import pytest

from rugbytx.aws.sqs.message import task_message
from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.core.lease.result import Result, TracksResult
from rugbytx.core.lease.unit import AUDIO, PLAN, Kind, Measured, UnitKey
from rugbytx.errors import Unreachable
from tests.connection import Fakes, Run, make_job
from tests.plans import small_plan
from tests.track_files import track_file

CHUNKS = UnitKey(Kind.VIDEO, 0), UnitKey(Kind.VIDEO, 1)


def lines(stdout: str) -> list[dict[str, Any]]:
    """Return the JSON Lines that a command printed, and nothing but."""
    return [json.loads(line) for line in stdout.splitlines()]


@pytest.fixture
def running(fakes: Fakes) -> Job:
    """Put a job of two chunks into the store whose plan, audio and first chunk are done."""
    job = fakes.store.jobs.create(make_job())
    fakes.store.jobs.start(job.id, 1)
    fakes.store.jobs.record_plan(job.id, 1, units=5, frames=120, work_px=1e8)
    results: dict[UnitKey, Result] = {PLAN: small_plan(chunks=2)}
    for key in (AUDIO, CHUNKS[0]):
        file = track_file([6000], [500], key=f"out/{job.id}/g1/{key}")
        results[key] = TracksResult(fingerprint="f", files=(file,))
        fakes.add_object(file.key, bytes(file.size_bytes), "rugbytx-output")
    for key, result in results.items():
        lease = fakes.store.units.claim(job, key, None, owner="jetson-1", lease_s=60)
        assert lease
        fakes.store.units.commit(lease, result=result, measured=Measured())
        fakes.store.jobs.add_done(job.id, 1, [key])
    return job


class TestCancel:
    """`rugbytx cancel`."""

    def test_an_open_job_ends_at_once(self, run: Run, fakes: Fakes, running: Job) -> None:
        """Queued or running."""
        queued = fakes.store.jobs.create(make_job(id="f" * 20))
        result = run("cancel", running.id, queued.id)
        assert result.exit_code == 0
        assert result.stdout == f"{running.id}  cancel  CANCELLED\n{queued.id}  cancel  CANCELLED\n"
        assert {job.reason for job in fakes.store.jobs.list()} == {"cancelled by request"}

    def test_twice_is_no_error(self, run: Run, running: Job) -> None:
        """What was wanted is so."""
        run("cancel", running.id)
        result = run("cancel", running.id, "--json")
        (printed,) = lines(result.stdout)
        assert (result.exit_code, printed["action"], printed["status"]) == (0, "keep", "CANCELLED")
        assert "was cancelled before" in result.stderr

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
    def test_what_ended_otherwise_cannot_be_cancelled(
        self, run: Run, fakes: Fakes, running: Job, status: Status
    ) -> None:
        """Exit status 1 and a sentence; the job stays as it is."""
        fakes.end(running, status)
        ended = fakes.store.jobs.read(running.id)
        result = run("cancel", running.id, "--json")
        assert (result.exit_code, lines(result.stdout)[0]["action"]) == (1, "too-late")
        assert f"job {running.id} cannot be cancelled: it {status} before" in result.stderr
        assert fakes.store.jobs.read(running.id) == ended

    def test_one_that_is_not_there_does_not_stop_the_others(
        self, run: Run, fakes: Fakes, running: Job
    ) -> None:
        """It decides the exit status."""
        result = run("cancel", "0" * 20, running.id)
        assert result.exit_code == 3
        assert f"there is no job {'0' * 20}" in result.stderr
        (job,) = fakes.store.jobs.list()
        assert job.status is Status.CANCELLED


class TestRetry:
    """`rugbytx retry`."""

    def test_an_ended_job_opens_its_next_generation(self, run: Run, fakes: Fakes, running: Job) -> None:
        """What is finished is taken over, and a pointer is sent."""
        fakes.end(running, Status.FAILED, reason="bad luck")
        result = run("retry", running.id)
        assert (result.exit_code, result.stdout) == (0, f"{running.id}  retry  generation 2\n")
        assert "3 of its 5 units are taken over" in result.stderr
        job = fakes.store.jobs.read(running.id)
        assert job is not None
        assert (job.status, job.adopted) == (Status.QUEUED, ("PLAN", "AUDIO", "VIDEO#00000"))
        assert fakes.queue.sent == [Pointer(job_id=job.id, generation=2)]

    @pytest.mark.parametrize(
        ("unit", "taken"),
        [
            ("VIDEO#0", "PLAN AUDIO"),
            ("video#00000", "PLAN AUDIO"),
            ("AUDIO", "PLAN VIDEO#00000"),
            ("PUBLISH", "PLAN AUDIO VIDEO#00000"),
            ("PLAN", ""),
        ],
    )
    def test_one_unit_is_done_again(
        self, run: Run, fakes: Fakes, running: Job, unit: str, taken: str
    ) -> None:
        """Whatever the job ended as."""
        fakes.end(running, Status.SUCCEEDED)
        result = run("retry", running.id, "--unit", unit, "--json")
        (printed,) = lines(result.stdout)
        assert (printed["action"], printed["generation"], printed["status"]) == ("retry", 2, "QUEUED")
        job = fakes.store.jobs.read(running.id)
        assert job is not None
        assert " ".join(job.adopted) == taken
        assert job.published is not None

    @pytest.mark.parametrize("unit", ["VIDEO", "VIDEO#", "VIDEO#x", "VIDEO#-1", "PLAN#0", "CHECK", ""])
    def test_what_is_no_unit_is_a_usage_error(self, run: Run, running: Job, unit: str) -> None:
        """The sentence names those that there are."""
        result = run("retry", running.id, "--unit", unit)
        assert result.exit_code == 2
        assert "is no unit; write PLAN, AUDIO, VIDEO#3, MP4 or PUBLISH" in result.stderr

    @pytest.mark.parametrize("unit", ["VIDEO#2", "MP4"])
    def test_a_unit_that_the_job_has_not_is_refused(
        self, run: Run, fakes: Fakes, running: Job, unit: str
    ) -> None:
        """It opens nothing."""
        fakes.end(running, Status.FAILED)
        result = run("retry", running.id, "--unit", unit)
        assert result.exit_code == 2
        assert "it has 2 chunks, from VIDEO#0" in result.stderr
        assert not fakes.queue.sent

    def test_an_open_job_is_being_tried_already(self, run: Run, fakes: Fakes, running: Job) -> None:
        """That is no error, but a unit of it cannot be redone yet."""
        result = run("retry", running.id)
        assert (result.exit_code, result.stdout) == (0, f"{running.id}  keep  generation 1\n")
        result = run("retry", running.id, "--unit", "AUDIO")
        assert result.exit_code == 2
        assert "a unit can be redone once it has ended" in result.stderr
        assert not fakes.queue.sent

    def test_a_job_that_is_being_removed_stays_ended(self, run: Run, fakes: Fakes, running: Job) -> None:
        """Its outputs are going."""
        fakes.end(running, Status.FAILED)
        fakes.store.jobs.begin_removal(running.id, 1)
        result = run("retry", running.id)
        assert (result.exit_code, fakes.queue.sent) == (2, [])
        assert "is being removed" in result.stderr

    def test_a_pointer_that_cannot_be_sent_is_a_remark(self, run: Run, fakes: Fakes, running: Job) -> None:
        """The record is what counts, and the sweep sends the pointer."""
        fakes.end(running, Status.CANCELLED)
        fakes.queue.down = True
        result = run("retry", running.id)
        assert result.exit_code == 0
        assert "it starts within 10 minutes or so, for no message was sent" in result.stderr


class TestDlq:
    """`rugbytx dlq`."""

    @pytest.fixture
    def buried(self, fakes: Fakes) -> Pointer:
        """Bury a pointer and what is none."""
        pointer = Pointer(job_id="7ad4", generation=2)
        fakes.queue.bury(task_message(pointer))
        fakes.queue.clock.advance(1)
        fakes.queue.bury("\x1b[2J" + "x" * 500)
        return pointer

    @pytest.mark.usefixtures("buried")
    def test_list_shows_what_can_be_known(self, run: Run) -> None:
        """The job where there is one, and no more of a body than fits, without what steers a terminal."""
        result = run("dlq", "list")
        assert result.exit_code == 0
        assert "generation 2 of job 7ad4" in result.stdout
        assert "\x1b" not in result.stdout
        assert result.stdout.count("x") < 200

    @pytest.mark.usefixtures("buried")
    def test_listing_hides_nothing(self, run: Run) -> None:
        """A second look sees the same, with stable keys."""
        run("dlq", "list")
        ours, other = lines(run("dlq", "list", "--json").stdout)
        assert list(ours) == [
            *(
                "message_id",
                "sent_at",
                "receives",
                "job_id",
                "generation",
                "submits",
                "refusal",
                "body",
                "body_chars",
            ),
        ]
        assert (ours["job_id"], ours["generation"], ours["receives"]) == ("7ad4", 2, 2)
        assert (other["job_id"], len(other["body"]), other["body_chars"]) == (None, 120, 504)

    def test_redrive_sends_all_of_them_again(self, run: Run, fakes: Fakes, buried: Pointer) -> None:
        """The dead-letter queue is empty then."""
        result = run("dlq", "redrive", "--json")
        assert result.exit_code == 0
        assert [one["action"] for one in lines(result.stdout)] == ["redriven", "redriven"]
        assert run("dlq", "list", "--json").stdout == ""
        received = fakes.queue.receive()
        assert received is not None
        assert received.pointer == buried

    @pytest.mark.usefixtures("buried")
    def test_drop_asks_first(self, run: Run) -> None:
        """Whoever says no keeps them, and --yes says yes."""
        assert run("dlq", "drop", stdin="n\n").exit_code == 1
        assert len(lines(run("dlq", "list", "--json").stdout)) == 2
        assert run("dlq", "drop", "--yes").exit_code == 0
        assert run("dlq", "list", "--json").stdout == ""

    @pytest.mark.usefixtures("buried")
    def test_messages_can_be_chosen(self, run: Run) -> None:
        """The others stay, and are seen at once."""
        ours, other = lines(run("dlq", "list", "--json").stdout)
        assert run("dlq", "drop", other["message_id"], "--yes").exit_code == 0
        assert [one["message_id"] for one in lines(run("dlq", "list", "--json").stdout)] == [
            ours["message_id"]
        ]
        result = run("dlq", "redrive", other["message_id"])
        assert result.exit_code == 3
        assert f"shows no message {other['message_id']}" in result.stderr

    def test_an_empty_one_is_no_error(self, run: Run) -> None:
        """There is a remark on stderr."""
        for command in (["list"], ["redrive"], ["drop", "--yes"]):
            result = run("dlq", *command)
            assert (result.exit_code, result.stdout) == (0, "")
            assert "no messages" in result.stderr

    def test_a_silent_queue_is_said(self, run: Run, fakes: Fakes) -> None:
        """Exit status 5, as everywhere."""
        fakes.queue.down = True
        assert run("dlq", "list").exit_code == 5

    @pytest.mark.usefixtures("buried")
    def test_a_letter_that_cannot_be_sent_is_not_deleted(
        self, run: Run, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sent first, deleted second: what is cut off between the two is there twice."""
        monkeypatch.setattr(fakes.queue, "send_again", _broken)
        assert run("dlq", "redrive").exit_code == 5
        fakes.queue.clock.advance(31)
        assert len(lines(run("dlq", "list", "--json").stdout)) == 2


def _broken(_letter: object) -> None:
    raise Unreachable("SQS does not answer")
