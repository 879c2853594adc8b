"""The whole system on one machine: an embedded AWS, its resources, and workers.

Everything it keeps is in memory and in one temporary folder, and all of it is
gone at the end.
"""

import os
import secrets
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from rugbytx import settings, system, temporary
from rugbytx.aws.ecs import task_agent
from rugbytx.aws.ecs.service import EcsFleet
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.notify.signature import new_secret
from rugbytx.errors import HostUnfit, SettingsError
from rugbytx.local import cluster, resources
from rugbytx.local.agent import Agents
from rugbytx.local.embedded import EmbeddedAws
from rugbytx.local.fleet import LocalWorker, worker_argv, worker_environ
from rugbytx.local.service import LocalService

#: Short, so that a person who kills a worker sees the takeover.
_TIMES = {
    "RUGBYTX_LEASE_S": "12",
    "RUGBYTX_HEARTBEAT_S": "1",
    "RUGBYTX_VISIBILITY_S": "12",
    "RUGBYTX_SWEEP_S": "3",
    "RUGBYTX_PRESENCE_S": "1",
    "RUGBYTX_NOTIFY_S": "1",
    "RUGBYTX_POLL_WAIT_S": "2",
    "RUGBYTX_VIEW_S": "1",
    "RUGBYTX_TICK_S": "2",
    "RUGBYTX_IDLE_GRACE_S": "20",
}
_MAX_RESTARTS = 5
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalSystem:
    """A system that runs while its context is open.

    ``announced`` lets commands in other terminals find it.  While it runs this
    process and its children speak to it too: ``variables`` are then the only
    ``AWS_*`` and ``RUGBYTX_*`` ones in ``os.environ``.  The caller's own
    ``RUGBYTX_*`` settings hold here as well, its ``AWS_*`` settings do not, so
    that nothing in here can reach a real account.
    """

    def __init__(  # noqa: PLR0913  all that `rugbytx up` can be asked for
        self,
        *,
        jetson: int = 1,
        aws: int = 0,
        aws_max: int = 0,
        cold_start_s: float = 0.0,
        pace: Mapping[WorkerClass, float] | None = None,
        port: int = 0,
        announced: bool = False,
        log_level: str = "INFO",
    ) -> None:
        """``aws_max`` bounds the ECS service, 0 for none; ``pace`` is a class's ``RUGBYTX_READ_RATE``."""
        self.workers: list[LocalWorker] = []
        #: What plays ECS's scheduler, where there is an ECS service.
        self.service: LocalService | None = None
        self.endpoint_url = ""
        self._initial: Mapping[WorkerClass, int] = {WorkerClass.JETSON: jetson, WorkerClass.AWS: aws}
        self._aws_max, self._cold_start_s = aws_max, cold_start_s
        self._pace = pace or {}
        self._port = port
        self._announced = announced
        self._log_level = log_level
        self._started: Counter[WorkerClass] = Counter()
        self._restarts = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if unknown := settings.unknown():
            raise SettingsError("; ".join(unknown))
        with ExitStack() as stack:
            temporary.use(settings.read().scratch)
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rugbytx-")))
            self.endpoint_url = stack.enter_context(EmbeddedAws(port=self._port)).endpoint_url
            self.variables = self._choose_variables()
            stack.enter_context(_environment(self.variables))
            self.settings = settings.read()
            resources.create(self.settings)
            if self._aws_max:
                self.service = self._serve(stack)
            if self._announced:
                system.announce(endpoint_url=self.endpoint_url, settings=self.variables)
                stack.callback(system.withdraw)
            stack.callback(self._stop_workers)
            for worker_class, count in self._initial.items():
                for _ in range(count):
                    self.start_worker(worker_class, wait=False)
            for worker in self.workers:
                worker.wait_ready()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def start_worker(
        self, worker_class: WorkerClass = WorkerClass.JETSON, /, *, wait: bool = True, **changed: str
    ) -> LocalWorker:
        """Start one more worker of a class, with settings of its own such as ``RUGBYTX_X264_PRESET="slow"``.

        Only from the main thread, see ``LocalWorker``.  Raises HostUnfit if it does not become ready.
        """
        worker = self._launch(worker_class, changed)
        self.workers.append(worker)
        if wait:
            worker.wait_ready()
        return worker

    def tend(self) -> list[str]:
        """Replace who died and do what ECS would; return a sentence for each thing done.

        Only from the main thread, and about once a second.  Raises HostUnfit
        where that has no prospects.
        """
        return [*self.replace_dead(), *(self.service.reconcile() if self.service else ())]

    def replace_dead(self) -> list[str]:
        """Start a worker for each one that died; return a sentence for each.

        Raises HostUnfit once this has happened too often to be an accident.
        """
        sentences = []
        for dead in [worker for worker in self.workers if worker.has_ended()]:
            self.workers.remove(dead)
            dead.stop()
            if self._restarts == _MAX_RESTARTS:
                raise HostUnfit(
                    f"Workers died {_MAX_RESTARTS + 1} times. The log of {dead.name} ends:\n{dead.log_tail()}"
                )
            self._restarts += 1
            other = self.start_worker(dead.worker_class)
            sentences.append(f"Worker {dead.name} died; {other.name} takes its place.")
        return sentences

    def stop_worker(self, worker: LocalWorker) -> None:
        """End one worker and forget it."""
        self.workers.remove(worker)
        worker.stop()

    def _launch(self, worker_class: WorkerClass, changed: Mapping[str, str]) -> LocalWorker:
        self._started[worker_class] += 1
        name = f"{worker_class}-{self._started[worker_class]}"
        pace = self._pace.get(worker_class, 0.0)
        return LocalWorker(
            name,
            worker_argv(name, log_level=self._log_level),
            environ={
                **worker_environ(os.environ, worker_class),
                **({"RUGBYTX_READ_RATE": f"{pace:g}"} if pace else {}),
                **changed,
            },
            log=self.folder / f"{name}.log",
            worker_class=worker_class,
        )

    def _serve(self, stack: ExitStack) -> LocalService:
        """Return an ECS service of no tasks, as ``aws.fleet`` and an autoscaler find one on AWS."""
        chosen, region = self.settings, self.variables["AWS_REGION"]
        cluster.create(chosen)
        stack.enter_context(cluster.honest())
        fleet = EcsFleet(cluster=chosen.cluster, service=chosen.service)
        service = LocalService(
            agents=stack.enter_context(Agents()),
            desired=lambda: fleet.state().desired,
            on_counts=lambda running, pending: cluster.record_counts(
                chosen, region=region, running=running, pending=pending
            ),
            start=lambda uri: self._launch(WorkerClass.AWS, {task_agent.VARIABLE: uri}),
            cold_start_s=self._cold_start_s,
            most=self._aws_max,
        )
        stack.callback(service.stop)
        return service

    def _choose_variables(self) -> dict[str, str]:
        scratch = self.folder / "scratch"
        scratch.mkdir()
        own = {name: value for name, value in os.environ.items() if name.startswith(settings.PREFIX)}
        return {
            **_TIMES,
            "RUGBYTX_MAX_WORKERS": f"{self._aws_max}",
            "RUGBYTX_COLD_START_S": f"{self._cold_start_s:g}",
            "RUGBYTX_SCRATCH": str(scratch),
            # Whoever listens to a local system is on this machine too.
            "RUGBYTX_NOTIFY_PRIVATE": "true",
            "RUGBYTX_NOTIFY_SECRET": new_secret(secrets.token_bytes(32)),
            **own,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _stop_workers(self) -> None:
        for worker in [*self.workers, *(self.service.workers if self.service else ())]:
            worker.ask_to_stop()
        while self.workers:
            self.workers.pop().stop()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: with KeyboardInterrupt.

    Only the first signal counts.  Further ones are ignored until the block has
    been left, so that impatience cannot break off a clean-up that is bounded anyway.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Put ``variables`` into ``os.environ`` in place of every other choice of a system, for a while."""
    before = dict(os.environ)
    for name in system.chosen(before):
        del os.environ[name]
    os.environ.update({**variables, **system.past_proxies(before)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
