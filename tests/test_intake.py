"""Accepting a job: the record first, the pointer second, and two submits are one job."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rugbytx import concurrency
from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.errors import (
    JobRejected,
    SourceForbidden,
    SourceMissing,
    TransferError,
    UnknownProfile,
    Unreachable,
    UnsupportedMedia,
)
from rugbytx.intake import AT_ONCE, AcceptanceAction, Accepted, Refused, Request, accept, accept_all, decide
from rugbytx.ports import OnBytes, Stored
from rugbytx.source import Moved
from tests.connection import NOW, Fakes, make_job
from tests.fakes.clock import Clock
from tests.fakes.jobs import FakeJobs
from tests.fakes.storage import FakeStorage
from tests.fakes.store import FakeStore
from tests.fakes.table import FakeTable


@pytest.fixture
def fakes() -> Fakes:
    """Return a system of fakes with nothing in it."""
    return Fakes()


class TestDecide:
    """The decision alone, without a store."""

    @pytest.mark.parametrize(
        ("existing", "force", "action", "reason"),
        [
            (None, False, AcceptanceAction.CREATE, "not-seen-before"),
            (None, True, AcceptanceAction.CREATE, "not-seen-before"),
            (Status.QUEUED, False, AcceptanceAction.JOIN, "same-job-is-open"),
            (Status.RUNNING, False, AcceptanceAction.JOIN, "same-job-is-open"),
            (Status.RUNNING, True, AcceptanceAction.JOIN, "open-so-force-joins"),
            (Status.SUCCEEDED, False, AcceptanceAction.KEEP, "same-job-has-ended"),
            (Status.FAILED, False, AcceptanceAction.KEEP, "same-job-has-ended"),
            (Status.SUCCEEDED, True, AcceptanceAction.REOPEN, "forced"),
            (Status.CANCELLED, True, AcceptanceAction.REOPEN, "forced"),
        ],
    )
    def test_what_becomes_of_a_request(
        self, existing: Status | None, force: bool, action: AcceptanceAction, reason: str
    ) -> None:
        """Every status, with force and without."""
        stands = make_job(status=existing) if existing else None
        decision = decide(stands, make_job(), force=force)
        assert (decision.action, decision.reason) == (action, reason)

    @pytest.mark.parametrize(
        ("asked_at", "moves_to"), [(NOW + 60, NOW + 60), (NOW + 3600, None), (NOW + 7200, None)]
    )
    def test_the_tighter_deadline_wins(self, asked_at: float, moves_to: float | None) -> None:
        """A later or equal one changes nothing."""
        decision = decide(make_job(), make_job(deadline_at=asked_at), force=False)
        assert decision.deadline_at == moves_to

    def test_reopening_is_the_next_generation_of_a_new_record(self) -> None:
        """Nothing of the last try is left in it but how it ended, and whom to tell."""
        ended = make_job(
            status=Status.FAILED,
            generation=3,
            reason="truncated",
            done=frozenset({"PLAN"}),
            notify=frozenset({"https://a.example/"}),
        )
        wanted = make_job(submitted_at=NOW + 9, notify=frozenset({"https://b.example/"}))
        job = decide(ended, wanted, force=True).job
        told = frozenset({"https://a.example/", "https://b.example/"})
        assert job == make_job(submitted_at=NOW + 9, generation=4, endings=("", "", "FAILED"), notify=told)


class TestAccept:
    """The decision carried out on a system of fakes."""

    def test_a_video_becomes_a_record_and_a_pointer(self, fakes: Fakes) -> None:
        """The record says when to look again, should the pointer be lost."""
        accepted = accept(Request(source=fakes.add_object("a.mp4"), deadline_s=2700), fakes.connection)
        job = accepted.job
        assert (accepted.action, accepted.remarks) == (AcceptanceAction.CREATE, ())
        assert fakes.store.jobs.read(job.id) == job
        assert (job.status, job.deadline_at, job.wake_at) == (Status.QUEUED, NOW + 2700, NOW + 600)
        assert fakes.queue.sent == [Pointer(job_id=job.id, generation=1)]

    def test_the_deadline_of_the_settings_holds_where_none_was_asked_for(self, fakes: Fakes) -> None:
        """An hour after submit."""
        accepted = accept(Request(source=fakes.add_object("a.mp4")), fakes.connection)
        assert accepted.job.deadline_at == NOW + 3600

    def test_twice_is_one_job_and_one_pointer(self, fakes: Fakes) -> None:
        """The second submitter gets the first one's job, and its own tighter deadline."""
        url = fakes.add_object("a.mp4")
        first = accept(Request(source=url), fakes.connection)
        second = accept(Request(source=url, deadline_s=60, chunk_s=30), fakes.connection)
        assert (second.action, second.job.id) == (AcceptanceAction.JOIN, first.job.id)
        stands = fakes.store.jobs.read(first.job.id)
        assert stands is not None
        assert (stands.deadline_at, stands.chunk_s) == (NOW + 60, None)
        assert len(fakes.queue.sent) == 1
        assert second.remarks == (
            f"{url} is job {first.job.id} already, which is QUEUED",
            "its deadline is the tighter one asked for here",
            "its chunk length was fixed when it was first submitted",
        )

    def test_sixteen_at_once_are_one_job_and_one_pointer(self, fakes: Fakes) -> None:
        """Whoever comes second joins, however close behind."""
        request = Request(source=fakes.add_object("a.mp4"))
        fakes.store.table.clock = Ticking()
        with ThreadPoolExecutor(16) as pool:
            accepted = list(pool.map(lambda _: accept(request, fakes.connection), range(16)))
        assert len({one.job.id for one in accepted}) == 1
        assert [one.action for one in accepted].count(AcceptanceAction.CREATE) == 1
        assert len(fakes.queue.sent) == 1

    def test_who_is_overtaken_between_look_and_write_joins(self, fakes: Fakes) -> None:
        """The record that stands decides, not the one that was meant."""
        request = Request(source=fakes.add_object("a.mp4"))
        records = fakes.store.table
        table = FakeTable(clock=Clock(NOW + 1), jobs=records.jobs, openings=records.openings)
        store = FakeStore(table, jobs=Overtaken(table, lambda: accept(request, fakes.connection)))
        accepted = accept(request, replace(fakes.connection, store=store))
        assert (accepted.action, len(fakes.queue.sent)) == (AcceptanceAction.JOIN, 1)

    def test_an_ended_job_is_kept(self, fakes: Fakes) -> None:
        """The note says how it ended, and what to do."""
        request = Request(source=fakes.add_object("a.mp4"))
        job = accept(request, fakes.connection).job
        fakes.end(job, Status.FAILED, reason="the file is truncated")
        again = accept(request, fakes.connection)
        assert (again.action, again.job.status, len(fakes.queue.sent)) == (
            AcceptanceAction.KEEP,
            Status.FAILED,
            1,
        )
        assert "which FAILED (the file is truncated); --force does it again" in again.remarks[0]

    def test_force_opens_the_next_generation(self, fakes: Fakes) -> None:
        """It is a job of its own in all but its id."""
        request = Request(source=fakes.add_object("a.mp4"), force=True)
        job = accept(request, fakes.connection).job
        fakes.end(job, Status.SUCCEEDED)
        again = accept(request, fakes.connection)
        assert (again.action, again.job.generation, again.job.outputs) == (AcceptanceAction.REOPEN, 2, None)
        assert fakes.store.jobs.read(job.id) == again.job
        assert fakes.queue.sent[-1] == Pointer(job_id=job.id, generation=2)

    def test_a_failed_send_is_a_note(self, fakes: Fakes) -> None:
        """The record is the acceptance; the sweep sends the pointer."""
        fakes.queue.down = True
        accepted = accept(Request(source=fakes.add_object("a.mp4")), fakes.connection)
        assert fakes.store.jobs.read(accepted.job.id) == accepted.job
        assert accepted.job.wake_at == NOW + 600
        assert "starts within 10 minutes or so, because no message could be sent" in accepted.remarks[0]

    def test_a_lost_answer_changes_nothing(self, fakes: Fakes) -> None:
        """The SDK's retry must not take our own record for somebody else's."""
        fakes.store.table.losing_answers = True
        accepted = accept(Request(source=fakes.add_object("a.mp4")), fakes.connection)
        assert (accepted.action, len(fakes.queue.sent)) == (AcceptanceAction.CREATE, 1)

    @pytest.mark.parametrize(
        ("fields", "error", "sentence"),
        [
            ({"source": "s3://rugbytx-source/none.mp4"}, SourceMissing, "there is no object s3://"),
            ({"source": "s3://rugbytx-source/empty.mp4"}, UnsupportedMedia, "is empty"),
            ({"source": "s3://payroll/a.mp4"}, SourceForbidden, "payroll may not be read; .* rugbytx-source"),
            ({"source": "s3://rugbytx-source"}, JobRejected, "names no object"),
            ({"source": "s3://rugbytx-source/a/"}, JobRejected, "names no object"),
            ({"source": "s3:///a.mp4"}, JobRejected, "names no bucket"),
            ({"source": "s3://UPPER_case/a.mp4"}, JobRejected, "names no bucket"),
            ({"source": "s3://rugbytx-source/" + "k" * 1025}, JobRejected, "longer than 1024 bytes"),
            ({"source": "https://example.org/a.mp4"}, JobRejected, "not https://example.org/a.mp4"),
            ({"profile": "mach"}, UnknownProfile, "no profile 'mach'"),
            ({"chunk_s": 0.5}, JobRejected, "between 2 and 600 seconds"),
            ({"deadline_s": 1e9}, JobRejected, "at most 30 days"),
            ({"deadline_s": -1.0}, JobRejected, "at most 30 days"),
        ],
    )
    def test_a_bad_request_is_one_sentence_and_leaves_no_trace(
        self, fakes: Fakes, fields: dict[str, Any], error: type[Exception], sentence: str
    ) -> None:
        """No record, no pointer."""
        fakes.add_object("empty.mp4", b"")
        request = Request(**({"source": fakes.add_object("a.mp4")} | fields))
        with pytest.raises(error, match=sentence) as caught:
            accept(request, fakes.connection)
        assert "\n" not in str(caught.value)
        assert (fakes.store.jobs.list(), fakes.queue.sent) == ([], [])


class TestAcceptAll:
    """Many requests, of which one may be bad."""

    def test_one_bad_source_does_not_stop_the_others(self, fakes: Fakes) -> None:
        """Each has its result, in order."""
        urls = [fakes.add_object("a.mp4"), "s3://rugbytx-source/none.mp4", fakes.add_object("b.mp4", b"b")]
        results = list(accept_all([Request(source=url) for url in urls], fakes.connection))
        assert [type(result) for result in results] == [Accepted, Refused, Accepted]
        assert len(fakes.queue.sent) == 2

    def test_pointers_travel_ten_at_a_time(self, fakes: Fakes) -> None:
        """A result comes only after its pointer was sent."""
        requests = [Request(source=fakes.add_object(f"{n}.mp4", b"%d" % n)) for n in range(25)]
        sent = [len(fakes.queue.sent) for _ in accept_all(requests, fakes.connection)]
        assert sent == [10] * 10 + [20] * 10 + [25] * 5

    def test_a_silent_store_ends_it(self, fakes: Fakes) -> None:
        """A thousand sources need not each wait for the same silence."""
        requests = [Request(source=fakes.add_object(f"{n}.mp4", b"%d" % n)) for n in range(100)]
        fakes.store.table.down = True
        results = list(accept_all(requests, fakes.connection))
        assert 1 <= len(results) <= AT_ONCE * concurrency.DEPTH
        assert all(isinstance(result, Refused) for result in results)
        assert all(isinstance(result.error, Unreachable) for result in results if isinstance(result, Refused))

    def test_a_local_file_waits_for_no_other_upload(self, fakes: Fakes, tmp_path: Path) -> None:
        """Its pointer is sent as soon as it is there."""
        paths = [tmp_path / f"{n}.mp4" for n in range(3)]
        for path in paths:
            path.write_bytes(path.name.encode())
        requests = [Request(source=str(path)) for path in paths]
        assert [len(fakes.queue.sent) for _ in accept_all(requests, fakes.connection)] == [1, 2, 3]


class TestLocalFile:
    """A local file is put into the first source bucket, under its content."""

    @pytest.fixture
    def video(self, tmp_path: Path) -> Path:
        """Write a file of three megabytes."""
        path = tmp_path / "Final 2026 (Ü).mp4"
        path.write_bytes(b"0123456789ab" * 250_000)
        return path

    def test_it_is_uploaded_and_shown_on_the_way(self, fakes: Fakes, video: Path) -> None:
        """The bar moves while the file is read, and again while it travels."""
        moves: list[Moved] = []
        source = accept(Request(source=str(video)), fakes.connection, on_upload=moves.append).job.source
        assert source.key.startswith("uploads/")
        assert source.key.endswith("/Final-2026-U-.mp4")
        assert fakes.storage.objects[source.bucket, source.key] == video.read_bytes()
        for step in ("hash", "upload"):
            assert [move.done_bytes for move in moves if move.step == step][-1] == 3_000_000

    def test_the_same_content_is_uploaded_once(self, fakes: Fakes, video: Path) -> None:
        """A copy elsewhere under the same name is the same job."""
        first = accept(Request(source=str(video)), fakes.connection)
        copy = video.parent / "copy" / video.name
        copy.parent.mkdir()
        copy.write_bytes(video.read_bytes())
        fakes.store.clock.advance(1)
        second = accept(Request(source=str(copy)), fakes.connection)
        assert (second.action, second.job.id) == (AcceptanceAction.JOIN, first.job.id)
        assert len(fakes.storage.puts) == 1

    def test_what_was_cut_short_is_uploaded_again(self, fakes: Fakes, video: Path) -> None:
        """An object of another size is not the file."""
        key = accept(Request(source=str(video)), fakes.connection).job.source.key
        fakes.storage.put(b"short", "rugbytx-source", key, content_type="")
        accept(Request(source=str(video)), fakes.connection)
        assert len(fakes.storage.objects["rugbytx-source", key]) == 3_000_000

    def test_a_file_that_changes_meanwhile_is_refused_and_taken_back(self, fakes: Fakes, video: Path) -> None:
        """Its key would promise a content that is not there."""
        growing = Growing()
        with pytest.raises(TransferError, match="changed while it was uploaded"):
            accept(Request(source=str(video)), replace(fakes.connection, storage=growing))
        assert growing.objects == {}

    @pytest.mark.parametrize(
        ("name", "error", "sentence"),
        [
            ("none.mp4", SourceMissing, "there is no file"),
            ("", UnsupportedMedia, "is a folder, not a video file"),
            ("empty.mp4", UnsupportedMedia, "is empty"),
            ("pipe", UnsupportedMedia, "is not a regular file"),
            ("a\0b", SourceMissing, "cannot be read"),
            ("n" * 300, SourceMissing, "cannot be read: file name too long"),
        ],
    )
    def test_what_is_no_video_file_is_a_sentence(
        self, fakes: Fakes, tmp_path: Path, name: str, error: type[Exception], sentence: str
    ) -> None:
        """Nothing is uploaded."""
        (tmp_path / "empty.mp4").touch()
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(error, match=sentence):
            accept(Request(source=f"{tmp_path}/{name}"), fakes.connection)
        assert fakes.storage.puts == []

    def test_the_profile_is_looked_at_before_gigabytes_are_moved(self, fakes: Fakes, video: Path) -> None:
        """So is whether the store answers."""
        with pytest.raises(UnknownProfile):
            accept(Request(source=str(video), profile="mach"), fakes.connection)
        fakes.store.table.down = True
        with pytest.raises(Unreachable):
            accept(Request(source=str(video)), fakes.connection)
        assert fakes.storage.puts == []


class TestPackage:
    """What `import rugbytx` gives to an upload service."""

    @pytest.mark.parametrize(
        "imports",
        [
            "import rugbytx.intake; from rugbytx import submit",
            "from rugbytx import submit; import rugbytx.intake",
        ],
    )
    def test_submit_is_one_object_in_both_import_orders_and_light(self, imports: str) -> None:
        """Neither Celery nor the worker nor the command line comes with it."""
        code = f"""{imports}
import sys, rugbytx, rugbytx.cli
assert submit is rugbytx.submit and callable(submit), submit
heavy = {{"celery", "kombu", "typer", "rich", "moto", "boto3", "rugbytx.worker"}} & set(sys.modules)
assert not heavy, heavy
"""
        subprocess.run([sys.executable, "-c", code], check=True, timeout=30)

    def test_submitting_loads_no_worker(self, tmp_path: Path) -> None:
        """A whole submit, as far as an AWS that does not answer."""
        (tmp_path / "a.mp4").write_bytes(b"video")
        code = """
import sys, rugbytx, rugbytx.errors
try:
    rugbytx.submit(sys.argv[1], profile="clip")
except rugbytx.errors.Unreachable as error:
    print(error)
heavy = {"celery", "kombu", "typer", "rich", "moto", "rugbytx.worker"} & set(sys.modules)
assert not heavy, heavy
"""
        environ = {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "HOME": str(tmp_path),
        }
        argv = [sys.executable, "-c", code, str(tmp_path / "a.mp4")]
        run = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        assert "127.0.0.1:1 does not answer" in run.stdout

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        """`celery -A rugbytx` tries several names and relies on it."""
        import rugbytx

        assert not hasattr(rugbytx, "celery")


class Growing(FakeStorage):
    """A storage during whose upload somebody still writes to the file."""

    def upload(self, path: Path, bucket: str, key: str, *, content_type: str, on_bytes: OnBytes) -> Stored:
        """Put the file, which then grows."""
        stored = super().upload(path, bucket, key, content_type=content_type, on_bytes=on_bytes)
        with path.open("ab") as file:
            file.write(b"more")
        return stored


class Ticking(Clock):
    """A clock that is a second later each time it is read."""

    def __call__(self) -> float:
        """Return the time, and let a second pass."""
        self.advance(1)
        return super().__call__()


class Overtaken(FakeJobs):
    """Jobs of which a rival writes one just before each write of ours."""

    def __init__(self, table: FakeTable, rival: Callable[[], object]) -> None:
        super().__init__(table)
        self._rival = rival

    def create(self, job: Job) -> Job:
        """Write the job, after the rival did."""
        self._rival()
        return super().create(job)
