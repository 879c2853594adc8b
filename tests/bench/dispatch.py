"""From a submit to the start of its task, on a worker that has nothing to do, beside a plain Celery task."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.aws.sqs.queue import SqsQueue
from rugbytx.core.job.job import Pointer
from rugbytx.ports import Queue
from rugbytx.system import Connection
from tests.bench import plain, world
from tests.bench.figure import Figure, Result, quantile
from tests.bench.turn import Scale

#: A worker that has acknowledged looks again within a poll's interval, and then waits for a message.
SETTLE_S = (0.15, 0.30)
#: Ratios are told of runs of so many pairs, so that they have a spread.
BLOCKS = 5
#: So many of each warm up.
WARM = 2


@dataclass(kw_only=True)
class Track:
    """One worker's marks, and how long after a call each of its tasks began."""

    marks: Path
    #: Whether nothing is held or waiting.
    is_idle: Callable[[], bool]
    #: Begins a task; returns the instant from which it counts.
    begin: Callable[[int], float]
    waits_s: list[float] = field(default_factory=list)

    def once(self, number: int) -> None:
        """Begin a task on the idle worker and note how long it took to start."""
        world.waited(self.is_idle, what="the worker is idle")
        time.sleep(random.uniform(*SETTLE_S))  # noqa: S311  no secret
        before = len(self._starts())
        began = self.begin(number)
        world.waited(lambda: len(self._starts()) > before, what="the task starts", look_s=0.005)
        self.waits_s.append(self._starts()[before] - began)

    def _starts(self) -> list[float]:
        return [float(line) for line in self.marks.read_text().split()]


#: A plain worker without what asks other workers through the broker, as ours are started.
QUIET = ("--without-gossip", "--without-mingle")
MARK = ("-I", "tests.bench.mark")


def measure(folder: Path, scale: Scale) -> Result:
    """Begin tasks on both workers in turn, never two at once."""
    rounds = scale.of(80, 2)
    with world.system(folder, {}) as local, ExitStack() as stack:
        connection = systems.connect(local.settings)
        tracks = _tracks(folder, connection, stack)
        for number in range(WARM + rounds):
            for track in tracks.values():
                track.once(number)
    waits = {name: track.waits_s[WARM:] for name, track in tracks.items()}
    return Result(
        name="dispatch",
        ours="from the call to the start of its task, idle worker",
        reference="a plain Celery task, settings of the queue alike",
        figures=(
            *_figures("message", waits["message"], waits["plain"]),
            *_figures("submit", waits["submit"], waits["plain"]),
        ),
        details={
            f"{name}: p50, p99 in ms": [round(quantile(values, share) * 1000, 1) for share in (0.5, 0.99)]
            for name, values in waits.items()
        },
    )


def _figures(name: str, ours: list[float], reference: list[float]) -> tuple[Figure, Figure]:
    """Return the ratio of the medians, once for each block of pairs, and that of the slowest hundredths."""
    size = max(1, len(ours) // BLOCKS)
    blocks = [slice(first, first + size) for first in range(0, len(ours) - size + 1, size)]
    halves = tuple(quantile(ours[block], 0.5) / quantile(reference[block], 0.5) for block in blocks)
    late = quantile(ours, 0.99) / quantile(reference, 0.99)
    return (
        Figure(name=f"p50 from the {name}", ratios=halves, goal=1.1),
        Figure(name=f"p99 from the {name}", ratios=(late,), goal=1.2),
    )


def _tracks(folder: Path, connection: Connection, stack: ExitStack) -> dict[str, Track]:
    """Start both workers and return what is begun on them."""
    mine, theirs = folder / "mine.marks", folder / "theirs.marks"
    url = world.plain_queue("bench-plain")
    workers = (
        world.our_worker(folder, "mine", MARK, {"BENCH_MARKS": str(mine)}),
        world.plain_worker(
            folder,
            "theirs",
            ("-Q", "transcode", *MARK, *QUIET),
            {"BENCH_MARKS": str(theirs), "BENCH_QUEUE": url},
        ),
    )
    for marks, worker in zip((mine, theirs), workers, strict=True):
        marks.touch()
        stack.callback(worker.stop)
        worker.wait_ready(world.PATIENCE_S)
    other = SqsQueue(client("sqs"), "bench-plain")
    begin = Begin(connection, plain.app_for(url).tasks[plain.TASK])
    return {
        "submit": Track(marks=mine, is_idle=lambda: _is_empty(connection.queue), begin=begin.submit),
        "plain": Track(marks=theirs, is_idle=lambda: _is_empty(other), begin=begin.delay),
        "message": Track(marks=mine, is_idle=lambda: _is_empty(connection.queue), begin=begin.message),
    }


@dataclass(frozen=True)
class Begin:
    """The three ways to begin a task; each returns the instant just before its call."""

    connection: Connection
    task: Any

    def submit(self, number: int) -> float:
        """Submit an object that is no film: its job ends soon, so that the worker is idle again."""
        bucket, key = self.connection.settings.source_buckets[0], f"dispatch/{number}.mp4"
        self.connection.storage.put(b"no film", bucket, key, content_type="video/mp4")
        began = time.monotonic()
        intake.accept(intake.Request(source=f"s3://{bucket}/{key}", profile="stamp"), self.connection)
        return began

    def message(self, number: int) -> float:
        """Send a pointer alone, to a job that is not there."""
        began = time.monotonic()
        self.connection.queue.send([Pointer(job_id=f"nobody-{number}", generation=1)])
        return began

    def delay(self, number: int) -> float:
        """Call the plain task."""
        began = time.monotonic()
        self.task.delay(source=f"s3://bucket/{number}.mp4")
        return began


def _is_empty(queue: Queue) -> bool:
    depth = queue.depth()
    return depth.visible == depth.in_flight == 0
