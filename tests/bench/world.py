"""The world that a benchmark runs in: a local system without workers, with the settings that it wants."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import celeryconfig.aws
import celeryconfig.jetson
from rugbytx.aws.client import client
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Job
from rugbytx.local.fleet import LocalWorker, worker_argv, worker_environ
from rugbytx.local.system import LocalSystem
from rugbytx.settings import Settings
from rugbytx.system import Connection
from tests.bench import footage

ROOT = Path(__file__).parents[2]
#: Nothing here takes as long on a machine that is merely busy.
PATIENCE_S = 600.0
LOOK_S = 0.02

#: The times that a worker has where nobody sets any; a local system has shorter ones of its own.
AS_SHIPPED = {
    f"RUGBYTX_{name.upper()}": f"{value:g}"
    for name, value in Settings().model_dump().items()
    if name.endswith("_s") and value is not None
}
#: How long a receive of each class waits for a message.
POLL_WAIT_S: Mapping[WorkerClass, int] = {
    WorkerClass.JETSON: cast("int", celeryconfig.jetson.broker_transport_options["wait_time_seconds"]),
    WorkerClass.AWS: cast("int", celeryconfig.aws.broker_transport_options["wait_time_seconds"]),
}


@contextmanager
def system(folder: Path, settings: Mapping[str, str], *, aws_max: int = 0) -> Iterator[LocalSystem]:
    """Run a local system without workers; this process and its children speak to it.

    ``aws_max`` bounds its ECS service; there is none where it is 0.
    """
    footage.write_profiles(folder)
    before = dict(os.environ)
    os.environ.update({"RUGBYTX_PROFILES": str(folder), "RUGBYTX_CHECK_S": "0", **settings})
    try:
        with LocalSystem(jetson=0, aws_max=aws_max) as local:
            yield local
    finally:
        os.environ.clear()
        os.environ.update(before)


def as_shipped(worker_class: WorkerClass) -> dict[str, str]:
    """Return the variables of a worker that runs as it would on its host, and not as in a local system."""
    return {
        **AS_SHIPPED,
        "RUGBYTX_POLL_WAIT_S": str(POLL_WAIT_S[worker_class]),
        "RUGBYTX_CELERY_CONFIG": worker_class,
        "RUGBYTX_ENCODER": "x264",  # a host without a GPU, whose owner means it
    }


def pinned(folder: Path, core: int) -> str:
    """Return an ffmpeg that keeps to one core, as the only thread of it."""
    path = folder / f"ffmpeg-{core}"
    path.write_text(f'#!/bin/sh\nexec taskset -c {core} ffmpeg "$@"\n')
    path.chmod(0o755)
    return str(path)


def waited(holds: Callable[[], bool], *, what: str, look_s: float = LOOK_S) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {PATIENCE_S:g} s")
        time.sleep(look_s)


def ended(connection: Connection, job_id: str) -> Job:
    """Return the job once it has ended."""
    found: list[Job] = []

    def has_ended() -> bool:
        job = connection.store.jobs.read(job_id)
        if job is not None and not job.is_open:
            found.append(job)
        return bool(found)

    waited(has_ended, what=f"job {job_id} ends", look_s=0.05)
    return found[0]


def plain_queue(name: str) -> str:
    """Make a queue for the reference's worker and return its address."""
    return client("sqs").create_queue(QueueName=name)["QueueUrl"]


def our_worker(
    folder: Path,
    name: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    worker_class: WorkerClass = WorkerClass.JETSON,
) -> LocalWorker:
    """Start one of our workers with further arguments of Celery's, and variables of its own."""
    argv = [*worker_argv(name, log_level="INFO"), *arguments]
    variables = {**worker_environ(os.environ, worker_class), "PYTHONPATH": str(ROOT), **environ}
    return LocalWorker(name, argv, environ=variables, log=folder / f"{name}.log", worker_class=worker_class)


def plain_worker(
    folder: Path, name: str, arguments: Sequence[str], environ: Mapping[str, str]
) -> LocalWorker:
    """Start a worker of the reference's application: plain Celery on SQS."""
    argv = [
        *(sys.executable, "-m", "celery", "-A", "tests.bench.plain", "worker", "-n", f"{name}@%h"),
        *("--concurrency", "1", "--loglevel", "INFO", *arguments),
    ]
    return LocalWorker(
        name, argv, environ={**os.environ, "PYTHONPATH": str(ROOT), **environ}, log=folder / f"{name}.log"
    )


def run(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a command to its end, in a process of its own as users do; return what it said."""
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed: {done.stderr[-2000:]}")
    return done.stdout


def pss_bytes(pid: int) -> int:
    """Return what a process takes, a page that is shared counted in parts (proc(5), Pss)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))) * 1024


def rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    """Return values as details tell them."""
    return [round(value, digits) if math.isfinite(value) else value for value in values]
