"""Following jobs: a table that moves on a terminal, lines elsewhere."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from rugbytx.cli.shared.progress import LINE_S, PATIENCE_S, follow, snapshots, uploads
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import Kind, UnitKey, UnitProgress
from rugbytx.core.scaling import decision_record
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.core.scaling.facts import ScalingFacts
from rugbytx.errors import NotFound, Unreachable
from rugbytx.settings import Settings
from rugbytx.source import Moved
from tests.connection import Fakes, make_job


@pytest.fixture
def fakes() -> Fakes:
    """Return a system of fakes with nothing in it."""
    return Fakes()


@pytest.fixture
def job(fakes: Fakes) -> Job:
    """Put a queued job into the store."""
    return fakes.store.jobs.create(make_job())


def script(fakes: Fakes, *steps: Callable[[], object]) -> Callable[[float], None]:
    """Return a pause during which the next thing happens, and as much time passes."""
    left = iter(steps)

    def pause(seconds: float) -> None:
        fakes.store.clock.advance(seconds)
        next(left, lambda: pytest.fail("watched on after the end"))()

    return pause


def work(fakes: Fakes, job: Job) -> list[Callable[[], object]]:
    """Return the steps of a job with one chunk."""
    store, key = fakes.store, UnitKey(Kind.VIDEO, 0)

    def encode() -> None:
        lease = store.units.claim(job, key, None, owner="jetson-1", lease_s=60)
        assert lease
        store.units.renew(lease, lease_s=60, progress=UnitProgress(step="encode", frames=375, fps=50.0))

    return [
        lambda: store.jobs.start(job.id, 1),
        lambda: store.jobs.record_plan(job.id, 1, units=3, frames=750, work_px=1e8),
        encode,
        lambda: store.clock.advance(LINE_S),
        lambda: store.jobs.add_done(job.id, 1, [key]),
        lambda: fakes.end(job, Status.SUCCEEDED),
    ]


def test_without_a_terminal_it_is_a_line_for_each_change(fakes: Fakes, job: Job) -> None:
    """And every ten seconds one for the frames."""
    out = io.StringIO()
    ended = follow(fakes.store, [job.id], console=Console(file=out), pause=script(fakes, *work(fakes, job)))
    assert ended[job.id].status is Status.SUCCEEDED
    assert out.getvalue().splitlines() == [
        f"{job.id}  QUEUED",
        f"{job.id}  RUNNING",
        f"{job.id}  RUNNING  0/3 units  50 %  50 fps  ETA 8s",
        f"{job.id}  RUNNING  1/3 units  50 %  50 fps  ETA 8s",
        f"{job.id}  SUCCEEDED  1/3 units  100 %",
    ]


def test_on_a_terminal_it_is_a_table(fakes: Fakes, job: Job) -> None:
    """With a bar, and what is being worked on."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140)
    follow(fakes.store, [job.id, job.id], console=console, pause=script(fakes, *work(fakes, job)))
    for text in ("━━━", " 50 %", "VIDEO#00000 encode", "SUCCEEDED"):
        assert text in out.getvalue()


def test_workers_and_the_decision_are_below(fakes: Fakes, job: Job) -> None:
    """Without a terminal only what changes: who is halted, and what is decided."""
    now = fakes.store.now()
    worker = Worker(name="jetson-1@a", worker_class="jetson", slots=1, busy=1, seen_at=now, until=now + 600)
    fakes.store.workers.announce(worker)
    fakes.store.halts.add(Halt(scope=Scope.CLASS, name="aws", at=now, by="ann@desk"))
    facts = ScalingFacts(now=now, paces=Settings().priors)
    decided = decision_record.to_json(decision_record.record(facts, Settings().policy, before=None))
    fakes.store.scaling.record(WorkerTarget(at=now, wanted=0), decision=decided)
    drawn, written = io.StringIO(), io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=140)
    steps = work(fakes, job)
    follow(fakes.store, [job.id], console=console, pause=script(fakes, *steps))
    follow(fakes.store, [job.id], console=Console(file=written), pause=script(fakes))
    for text in (
        "jetson-1@a  jetson",
        "halted: class aws, by ann@desk",
        "AWS workers: 0 desired, 0 busy: no-work",
    ):
        assert text in drawn.getvalue()
        assert written.getvalue().count(text) == (0 if text.startswith("jetson") else 1)


def test_a_silent_store_is_waited_for_ever_more_slowly(fakes: Fakes, job: Job) -> None:
    """A watcher outlives a short cut."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        fakes.store.table.down = len(pauses) in range(1, 8)
        if len(pauses) == 9:
            fakes.end(job, Status.SUCCEEDED)

    assert [len(seen) for seen in snapshots(fakes.store, [job.id], pause=pause)] == [1, 1, 1]
    assert pauses == pytest.approx([0.7, 1.4, 2.8, 5.6, 8, 8, 8, 8, 0.7])


def test_a_store_that_stays_silent_ends_the_watch(fakes: Fakes, job: Job) -> None:
    """After a minute and a half."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        fakes.store.table.down = True

    with pytest.raises(Unreachable):
        list(snapshots(fakes.store, [job.id], pause=pause))
    assert PATIENCE_S - 8 < sum(pauses) < PATIENCE_S + 8


def test_a_store_that_never_answered_is_not_waited_for(fakes: Fakes, job: Job) -> None:
    """Whoever calls a wrong address learns it at once."""
    fakes.store.table.down = True
    with pytest.raises(Unreachable):
        list(snapshots(fakes.store, [job.id], pause=lambda _: pytest.fail("waited")))


def test_a_job_that_is_removed_meanwhile_ends_the_watch(fakes: Fakes, job: Job) -> None:
    """There is nothing left to wait for."""
    with pytest.raises(NotFound):
        list(snapshots(fakes.store, [job.id], pause=lambda _: fakes.remove(job)))


def test_an_ended_job_is_read_once(fakes: Fakes, job: Job) -> None:
    """Removing it later does not disturb those who watch others."""
    other = fakes.store.jobs.create(make_job(id="f" * 20))
    fakes.end(job, Status.SUCCEEDED)
    steps = (lambda: fakes.remove(job), lambda: fakes.end(other, Status.FAILED))
    *_, last = snapshots(fakes.store, [job.id, other.id], pause=script(fakes, *steps))
    assert [one.job.status for one in last] == [Status.SUCCEEDED, Status.FAILED]


def test_an_upload_has_a_bar_where_somebody_looks(tmp_path: object) -> None:
    """In a pipe there is none."""
    from pathlib import Path

    out = io.StringIO()
    path = Path(str(tmp_path)) / "final.mp4"
    with uploads(Console(file=out, force_terminal=True, width=100)) as on_upload:
        assert on_upload
        on_upload(Moved(step="hash", path=path, done_bytes=5, size_bytes=10))
        on_upload(Moved(step="upload", path=path, done_bytes=10, size_bytes=10))
    assert "reading final.mp4" in out.getvalue()
    assert "uploading final.mp4" in out.getvalue()
    with uploads(Console(file=io.StringIO())) as on_upload:
        assert on_upload is None
