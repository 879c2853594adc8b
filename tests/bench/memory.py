"""What a worker's processes take after many chunks, beside a plain Celery worker after as many tasks."""

from collections.abc import Callable
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State
from rugbytx.local.fleet import LocalWorker
from rugbytx.ports import Queue
from tests.bench import footage, plain, world
from tests.bench.figure import Figure, Result
from tests.bench.turn import Scale
from tests.processes import descendants

CHUNK_S = 2
MIB = 1024 * 1024


def measure(folder: Path, scale: Scale) -> Result:
    """Do chunks of two small seconds, and plain tasks that do nothing, and look at both workers."""
    chunks, warm = scale.of(200, 4), scale.of(50, 2)
    source = footage.film(folder, chunks * CHUNK_S, size="192x108")
    with world.system(folder, {"RUGBYTX_X264_PRESET": "ultrafast"}) as local:
        connection = systems.connect(local.settings)
        worker = local.start_worker()
        request = intake.Request(source=str(source), profile="stamp", chunk_s=CHUNK_S)
        job = intake.accept(request, connection).job

        def done() -> int:
            units = connection.store.units.read(job.id, job.generation)
            return sum(key.kind is Kind.VIDEO and unit.state is State.DONE for key, unit in units.items())

        world.waited(lambda: done() >= warm, what="the first chunks are done", look_s=0.5)
        early = sizes(worker)
        world.waited(lambda: done() >= chunks, what="all chunks are done", look_s=0.5)
        late = sizes(worker)
        if (ended := world.ended(connection, job.id)).status is not Status.SUCCEEDED:
            raise RuntimeError(f"the job {ended.status}: {ended.reason}")
        local.stop_worker(worker)
        reference = _reference(folder, chunks)
    main, child = late[0] / MIB, late[1] / MIB
    return Result(
        name="memory",
        ours=f"a worker's main process and child after {chunks} chunks",
        reference="a plain Celery worker after as many tasks",
        figures=(
            Figure(name="both processes", ratios=(sum(late) / sum(reference),), goal=1.3),
            Figure(name="grown since chunk 50", ratios=(sum(late) / sum(early),), goal=1.02),
        ),
        details={
            "ours_mib": world.rounded([main, child], 1),
            "reference_mib": world.rounded([size / MIB for size in reference], 1),
            "chunk_50_mib": world.rounded([size / MIB for size in early], 1),
        },
    )


def sizes(worker: LocalWorker) -> tuple[int, int]:
    """Return what the main process and its pool child take."""
    (child,) = [pid for pid in descendants(worker.pid, "celery") if pid != worker.pid]
    return world.pss_bytes(worker.pid), world.pss_bytes(child)


def _reference(folder: Path, tasks: int) -> tuple[int, int]:
    """Return the same of a plain worker."""
    url = world.plain_queue("bench-plain")
    worker = world.plain_worker(folder, "plain", ("-Q", "transcode"), {"BENCH_QUEUE": url})
    try:
        worker.wait_ready(world.PATIENCE_S)
        task = plain.app_for(url).tasks[plain.TASK]
        for number in range(tasks):
            task.delay(source=f"s3://bucket/{number}.mp4")
        world.waited(_is_empty(SqsQueue(client("sqs"), "bench-plain")), what="all tasks are done", look_s=0.5)
        return sizes(worker)
    finally:
        worker.stop()


def _is_empty(queue: Queue) -> Callable[[], bool]:
    def look() -> bool:
        depth = queue.depth()
        return depth.visible == depth.in_flight == 0

    return look
