"""Paused classes and drained workers: the gate closes, the unit in work is finished, and nothing more is begun."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.fleet.halt import CLASS_PAUSED, QUEUE_PAUSED, WORKER_DRAINED, Halt, Scope
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.audit_trail import ENDED, TAKEN_OVER, UNIT_DONE
from rugbytx.core.job.job import Status
from rugbytx.worker.gate.gate import OPEN, STORE_UNREACHABLE, View
from rugbytx.worker.shutdown.drain import Notice
from tests.fakes.store import FakeStore
from tests.worker.world import Call, Crash, World


@pytest.mark.parametrize(
    ("halt", "reason"),
    [
        (Halt(scope=Scope.QUEUE, at=0.0), QUEUE_PAUSED),
        (Halt(scope=Scope.CLASS, name="aws", at=0.0), CLASS_PAUSED),
        (Halt(scope=Scope.WORKER, name="celery@a", at=0.0), WORKER_DRAINED),
        (Halt(scope=Scope.CLASS, name="jetson", at=0.0), OPEN),
        (Halt(scope=Scope.WORKER, name="celery@b", at=0.0), OPEN),
    ],
)
def test_the_gate_of_whom_it_is_about_closes(halt: Halt, reason: str, tmp_path: Path) -> None:
    """And opens once the halt is lifted; while the store is away the last word holds."""
    store, notice = FakeStore(), Notice()
    view = View(
        store=store,
        scratch=tmp_path,
        scratch_floor_bytes=0,
        view_s=5.0,
        is_draining=lambda: False,
        worker_class=WorkerClass.AWS,
        on_halt=lambda is_halted: notice.halt(is_halted=is_halted),
    )
    view._name = "celery@a"
    store.halts.add(halt)
    view.refresh()
    assert (view.reason, notice.is_halted) == (reason, reason != OPEN)
    store.table.down = True
    view.refresh()
    assert (view.reason, notice.is_halted) == (STORE_UNREACHABLE, reason != OPEN)
    store.table.down = False
    store.halts.lift(halt.scope, halt.name)
    view.refresh()
    assert (view.reason, notice.is_halted) == (OPEN, False)


def test_a_halted_lane_finishes_its_unit_and_hands_back(tmp_path: Path) -> None:
    """No chunk is encoded twice by it, and nothing is charged."""

    def on_call(call: Call) -> Any:
        if call.name == "media.encode_chunk" and world.workers == 1:
            world.notice.halt(is_halted=True)
        return call.do()

    world = World(tmp_path, on_call=on_call)
    job = world.submit()
    world.deliver()
    assert (world.media.done["chunk 0"], world.media.done["chunk 1"]) == (1, 0)
    assert world.queue.depth().visible == 1
    units = world.store.units.read(job.id, 1)
    assert {unit.verdicts + unit.refusals + unit.deaths for unit in units.values()} == {0}
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert (world.media.done["chunk 0"], world.media.done["chunk 1"]) == (1, 1)


def test_a_lane_keeps_a_trail(tmp_path: Path) -> None:
    """An entry for each unit, who took what from whom, and the end."""

    def on_call(call: Call) -> Any:
        if call.name == "media.encode_chunk" and world.workers == 1:
            raise Crash(call.name)
        return call.do()

    world = World(tmp_path, on_call=on_call)
    job = world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    told = world.store.audit.read(job.id, limit=100)
    done = [entry.unit for entry in told if entry.what == UNIT_DONE]
    assert sorted(done) == sorted({*world.job().done, *(unit for unit in done if unit == "CHECK")})
    (taken,) = [entry for entry in told if entry.what == TAKEN_OVER]
    assert taken.reason == "worker-1 fell silent"
    assert (taken.by != "worker-1", taken.fence) == (True, 2)
    (ended,) = [entry for entry in told if entry.what == ENDED]
    assert ended.reason == "SUCCEEDED"


def test_on_aws_log_lines_carry_figures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And nowhere else: only CloudWatch takes them from there."""
    for worker_class, expected in (
        (WorkerClass.AWS, {"unit-done": "unit_s", "job-ended": "turnaround_s"}),
        (WorkerClass.JETSON, {}),
    ):
        caplog.clear()
        world = World(tmp_path / worker_class)
        world.settings = world.settings.model_copy(update={"worker_class": worker_class})
        world.submit()
        with caplog.at_level("INFO"):
            world.run_until_ended()
        told = {
            record.getMessage(): record._aws["CloudWatchMetrics"][0]["Metrics"][0]["Name"]
            for record in caplog.records
            if hasattr(record, "_aws")
        }
        assert told == expected
