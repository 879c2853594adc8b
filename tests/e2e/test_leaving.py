"""A worker that is told to leave hands its unit back, is gone within ten seconds, and the next one goes on."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import State, UnitKey
from rugbytx.local.fleet import LocalWorker, worker_argv
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from rugbytx.worker.shutdown.drain import EXIT_CUT_SHORT
from tests.e2e.conftest import wait_for
from tests.faults.proxy import Fault, FaultProxy, Rule
from tests.metadata import MetadataService
from tests.processes import descendants, ends, watched

pytestmark = pytest.mark.process
log = logging.getLogger(__name__)

#: More than anything here takes on a busy machine.
BOUND_S = 120.0
#: What is promised; ``docker stop`` kills then.
PROMISE_S = 10.0
#: An encoder that is still at work when it is told to end.
SLOW = "veryslow"


def sigterm(worker: LocalWorker) -> None:
    """As ``docker stop``, ECS and ``KillMode=mixed`` do: to the main process."""
    os.kill(worker.pid, signal.SIGTERM)


def sigterm_twice(worker: LocalWorker) -> None:
    """As a person who is impatient."""
    sigterm(worker)
    sigterm(worker)


def sigquit(worker: LocalWorker) -> None:
    """As Celery's own cold shutdown is asked for."""
    os.kill(worker.pid, signal.SIGQUIT)


def sigterm_to_all(worker: LocalWorker) -> None:
    """As ``KillMode=control-group`` does, in the least favourable order: the encoder first, then its parents."""
    for pid in [*reversed(descendants(worker.pid)), worker.pid]:
        os.kill(pid, signal.SIGTERM)


@pytest.fixture
def submit(system: LocalSystem, tmp_path: Path) -> Iterator[Callable[[float], tuple[Connection, Job]]]:
    """Submit noise, whose like is in no other job, that keeps an encoder busy; in chunks of 6 s.

    A job that has shown what it was for, or has not, is none of the next test's workers' business.
    """
    accepted: list[tuple[Connection, Job]] = []

    def accept(duration_s: float) -> tuple[Connection, Job]:
        path = tmp_path / "noise.mp4"
        argv = [
            *("ffmpeg", "-v", "error", "-nostdin"),
            *("-f", "lavfi", "-i", f"testsrc2=size=426x240:rate=25:duration={duration_s}"),
            *("-vf", f"noise=alls=20:allf=t:all_seed={time.monotonic_ns() % 1_000_000}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)),
        ]
        subprocess.run(argv, check=True, timeout=60)
        connection = systems.connect(system.settings)
        request = intake.Request(source=str(path), chunk_s=5.0)
        accepted.append((connection, intake.accept(request, connection).job))
        return accepted[-1]

    yield accept
    for worker in list(system.workers):
        system.stop_worker(worker)
    for connection, job in accepted:
        connection.store.jobs.end(job.id, 1, Status.CANCELLED, reason="the test is over")


def wait_for_encoder(worker: LocalWorker) -> None:
    """Return when the worker is in the middle of a chunk; the trial of its encoder is none."""
    until = time.monotonic() + BOUND_S
    while not descendants(worker.pid, "ffmpeg", "libx264", "/unit/"):
        assert time.monotonic() < until, worker.log_tail()
        assert not worker.has_ended(), worker.log_tail()
        time.sleep(0.02)


def leave(worker: LocalWorker, tell: Callable[[LocalWorker], None]) -> float:
    """Tell a worker to leave; return the seconds until it was gone, with all its processes."""
    with ExitStack() as stack:
        family = watched_family(stack, worker)
        began = time.monotonic()
        tell(worker)
        took_s = time.monotonic() - began + gone_s(worker, family)
        log.info("%s: gone within %.2f s", tell.__name__, took_s)
        return took_s


def watched_family(stack: ExitStack, worker: LocalWorker) -> list[int]:
    """Return what stands for a worker's processes, its own among them, until the stack closes."""
    family = [stack.enter_context(watched(worker.pid))]
    for pid in descendants(worker.pid):
        with suppress(ProcessLookupError):  # a probe, say, that ended while we looked
            family.append(stack.enter_context(watched(pid)))
    return family


def gone_s(worker: LocalWorker, family: list[int]) -> float:
    """Return the seconds until all of them are gone."""
    began = time.monotonic()
    assert all(ends(process, within_s=PROMISE_S) for process in family), worker.log_tail()
    return time.monotonic() - began


def finish(system: LocalSystem, connection: Connection, job: Job) -> None:
    """Have a fresh worker end the job."""
    worker = system.start_worker()
    ended = wait_for(connection, job, lambda seen, _units: not seen.is_open)
    system.stop_worker(worker)
    assert ended.status is Status.SUCCEEDED, ended.reason


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param((sigterm, sigterm_to_all), id="asked"),
        pytest.param((sigterm_twice, sigquit), id="urged", marks=pytest.mark.long),
    ],
)
def test_every_way_of_leaving_hands_the_unit_back(
    system: LocalSystem,
    submit: Callable[[float], tuple[Connection, Job]],
    ways: tuple[Callable[[LocalWorker], None], ...],
) -> None:
    """Gone in time, nothing charged, the message visible at once, and only the unit in work is redone."""
    connection, job = submit(12.0)
    given_back: list[UnitKey] = []
    for tell in ways:
        # Nothing but the message that was handed back can bring the job to the next worker: the sweep is far.
        worker = system.start_worker(
            RUGBYTX_X264_PRESET=SLOW, RUGBYTX_SWEEP_S="3600", RUGBYTX_VISIBILITY_S="600"
        )
        wait_for_encoder(worker)
        [(key, before)] = [
            (key, unit)
            for key, unit in connection.store.units.read(job.id, 1).items()
            if unit.state is State.LEASED
        ]
        assert leave(worker, tell) < PROMISE_S
        assert worker.exit_code == 0, worker.log_tail()
        after = connection.store.units.read(job.id, 1)[key]
        assert (after.state, after.fence) == (State.WAITING, before.fence), worker.log_tail()
        assert (after.verdicts, after.deaths) == (0, 0)
        assert after.is_claimable(connection.store.now())
        wait_for(connection, job, lambda _job, _units: connection.queue.depth().visible >= 1)
        system.stop_worker(worker)
        given_back.append(key)

    finish(system, connection, job)
    units = connection.store.units.read(job.id, 1)
    assert {key: unit.fence - 1 for key, unit in units.items() if unit.fence > 1} == {
        key: given_back.count(key) for key in given_back
    }
    assert all((unit.verdicts, unit.deaths) == (0, 0) for unit in units.values())


def test_a_spot_notice_hands_the_unit_back(
    system: LocalSystem, submit: Callable[[float], tuple[Connection, Job]]
) -> None:
    """As a SIGTERM does, and without one: from the notice to the next claim nothing is charged."""
    connection, job = submit(6.0)
    with MetadataService() as service:
        worker = system.start_worker(
            wait=True,
            RUGBYTX_X264_PRESET=SLOW,
            RUGBYTX_WORKER_CLASS="aws",
            RUGBYTX_ENCODER="x264",
            **service.environ,
        )
        wait_for_encoder(worker)
        # Watched before the notice: what ends at once could not be watched any more.
        with ExitStack() as stack:
            family = watched_family(stack, worker)
            service.take_back()
            looks = service.looks
            until = time.monotonic() + BOUND_S
            while service.looks == looks:
                assert time.monotonic() < until, "the worker does not look"
                time.sleep(0.02)
            assert gone_s(worker, family) < PROMISE_S
    assert worker.exit_code == 0, worker.log_tail()
    assert "spot-notice" in worker.log.read_text()
    units = connection.store.units.read(job.id, 1).values()
    assert State.LEASED not in {unit.state for unit in units}
    assert all((unit.verdicts, unit.deaths) == (0, 0) for unit in units)
    system.stop_worker(worker)


def test_a_recommendation_to_rebalance_lets_the_chunk_be_finished(
    system: LocalSystem, submit: Callable[[float], tuple[Connection, Job]]
) -> None:
    """The unit in work is committed, nothing more is claimed, and the worker is gone without any signal."""
    connection, job = submit(6.0)
    with MetadataService() as service:
        worker = system.start_worker(
            wait=True,
            RUGBYTX_READ_RATE="2",  # however fast this machine is, a chunk of six seconds takes three
            RUGBYTX_WORKER_CLASS="aws",
            RUGBYTX_ENCODER="x264",
            **service.environ,
        )
        wait_for_encoder(worker)
        [encoder] = descendants(worker.pid, "ffmpeg", "libx264", "/unit/")
        os.kill(encoder, signal.SIGSTOP)  # the chunk lasts until the recommendation is heard
        service.advise()
        until = time.monotonic() + BOUND_S
        while "rebalance-recommended" not in worker.log.read_text():
            assert time.monotonic() < until, worker.log_tail()
            time.sleep(0.02)
        with watched(worker.pid) as main:
            os.kill(encoder, signal.SIGCONT)
            assert ends(main, within_s=BOUND_S), worker.log_tail()
    assert worker.exit_code == 0, worker.log_tail()
    system.stop_worker(worker)
    units = connection.store.units.read(job.id, 1)
    assert {unit.state for unit in units.values()} == {State.DONE}
    assert len(units) == 2, "the plan and one chunk"
    wait_for(connection, job, lambda _job, _units: connection.queue.depth().visible >= 1)


def test_an_idle_worker_leaves_at_once(system: LocalSystem) -> None:
    """A long poll under way does not hold it."""
    worker = system.start_worker(RUGBYTX_POLL_WAIT_S="20")
    assert leave(worker, sigterm) < PROMISE_S
    assert worker.exit_code == 0
    system.stop_worker(worker)


def test_a_planned_stop_may_finish_its_chunk(
    system: LocalSystem, submit: Callable[[float], tuple[Connection, Job]]
) -> None:
    """The unit in work is committed, no other is claimed, and the worker is gone."""
    connection, job = submit(12.0)
    worker = system.start_worker(RUGBYTX_LEAVE="chunk", RUGBYTX_X264_PRESET="medium")
    wait_for_encoder(worker)
    with watched(worker.pid) as main:
        sigterm(worker)
        assert ends(main, within_s=BOUND_S)
    assert worker.exit_code == 0, worker.log_tail()
    system.stop_worker(worker)
    units = connection.store.units.read(job.id, 1)
    assert {unit.state for unit in units.values()} == {State.DONE}
    assert len(units) == 2, "the plan and one chunk"
    wait_for(connection, job, lambda _job, _units: connection.queue.depth().visible >= 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace needs root")
def test_the_main_process_may_be_pid_1(
    submit: Callable[[float], tuple[Connection, Job]], tmp_path: Path
) -> None:
    """In a container without an init, where no default handler ends a process, a worker works and leaves too."""
    connection, job = submit(6.0)
    container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    worker = LocalWorker(
        "one",
        [*container, *worker_argv("one", log_level="INFO")],
        environ={**os.environ, "RUGBYTX_CELERY_CONFIG": "local", "RUGBYTX_X264_PRESET": SLOW},
        log=tmp_path / "one.log",
    )
    try:
        worker.wait_ready()
        wait_for_encoder(worker)
        main = descendants(worker.pid)[0]
        with watched(worker.pid) as whole:
            os.kill(main, signal.SIGTERM)
            assert ends(whole, within_s=PROMISE_S), worker.log_tail()
        assert worker.exit_code == 0, worker.log_tail()
    finally:
        worker.stop()
    units = connection.store.units.read(job.id, 1).values()
    assert State.LEASED not in {unit.state for unit in units}


@pytest.mark.long
def test_a_store_that_does_not_answer_holds_nobody(
    system: LocalSystem, submit: Callable[[float], tuple[Connection, Job]]
) -> None:
    """A worker that cannot hand its unit back is gone all the same, and the lease runs out."""
    connection, job = submit(6.0)
    with FaultProxy(system.endpoint_url) as proxy:
        worker = system.start_worker(RUGBYTX_X264_PRESET=SLOW, AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint_url)
        wait_for_encoder(worker)
        proxy.set_rules(Rule(fault=Fault.HANG, service="dynamodb"))
        assert leave(worker, sigterm) < PROMISE_S
    assert worker.exit_code == EXIT_CUT_SHORT, worker.log_tail()
    system.stop_worker(worker)
    [lost] = [
        unit for unit in connection.store.units.read(job.id, 1).values() if unit.state is not State.DONE
    ]
    assert (lost.state, lost.verdicts, lost.deaths) == (State.LEASED, 0, 0)
