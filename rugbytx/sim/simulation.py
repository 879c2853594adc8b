"""One run: a scenario under a policy, from the first upload until all is over."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

from simpy import Environment

from rugbytx.core.cost.price_list import Prices
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.facts import ScalingPolicy
from rugbytx.core.schedule.resend import FIRST_RESEND_S
from rugbytx.sim.aws.autoscaling import Activity, Cooldowns, StepScaling, TargetTracking
from rugbytx.sim.aws.cloudwatch import PERIOD_S, Metrics
from rugbytx.sim.aws.ec2 import Cloud
from rugbytx.sim.aws.ecs import EcsService, EcsTask
from rugbytx.sim.aws.placement import CapacityProvider, OwnHost
from rugbytx.sim.aws.sqs import SimulatedQueue
from rugbytx.sim.context import Site, luck_of, spread
from rugbytx.sim.fleet.autoscaler import Controller
from rugbytx.sim.fleet.jetson import Jetson
from rugbytx.sim.fleet.job_table import JobTable
from rugbytx.sim.fleet.lane_worker import LaneWorker
from rugbytx.sim.fleet.whole_worker import WholeWorker
from rugbytx.sim.input.assumptions import Figures
from rugbytx.sim.input.policy import FleetPolicy, HostProvisioning, Scaler
from rugbytx.sim.input.scenario import Scenario, Trouble, Upload
from rugbytx.sim.input.trace import UNKNOWN, Trace
from rugbytx.sim.recorder import Book, Ticket

JETSON_NAME = "jetson"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one run is of."""

    scenario: Scenario
    policy: FleetPolicy
    figures: Figures
    prices: Prices
    seed: int
    #: Whether timelines are wanted.
    is_kept: bool = True
    #: The measurements, where the day is one that was.
    trace: Trace = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run left behind."""

    case: Case
    book: Book
    queue: SimulatedQueue
    #: When all was over, or when nobody watched any longer.
    ended_at: float
    is_drained: bool
    cpu_s: float


def run(case: Case) -> Run:
    """Return what becomes of a scenario; the same case gives the same day."""
    return _World(case).run()


class _World:
    """All parts of one run."""

    def __init__(self, case: Case) -> None:
        self.case, self.env = case, Environment()
        env, figures, policy = self.env, case.figures, case.policy
        self.book = Book(now=lambda: env.now, is_kept=case.is_kept)
        self.uploads = case.scenario.draw(case.seed)
        queue = SimulatedQueue(
            env=env,
            figures=figures,
            luck=luck_of(case.seed, "queue"),
            visibility_s=policy.visibility_s,
            trace=case.trace,
            most_receives=figures.our_receives if policy.is_chunked else figures.note_receives,
        )
        self.site = Site(
            env=env,
            figures=figures,
            policy=policy,
            book=self.book,
            queue=queue,
            seed=case.seed,
            trace=case.trace,
        )
        self.table = JobTable(chunk_s=case.scenario.chunk_s)
        self.cloud = Cloud(env, figures, case.prices, self.book, luck_of(case.seed, "cloud"), case.trace)
        self.service = EcsService(env, self.book, luck_of(case.seed, "ecs"), self._task, trace=case.trace)
        self.controller = Controller(self.site, self.table, scaling_policy(case), self.service)
        self.jetson = Jetson(env, figures.boot_s, lambda: self._worker(JETSON_NAME, None).live())
        self.minutely: list[Callable[[float], None]] = []
        self.over = env.event()
        self.ends_at = (self.uploads[-1].at_s if self.uploads else 0.0) + case.scenario.watch_s
        if case.is_kept:
            queue.changed = self.service.changed = self._sample

    def run(self) -> Run:
        """Set everything going, and wait until it is over."""
        began_s = process_time()
        self._place()
        self._scale()
        for fault in self.case.scenario.faults:
            self._fault(fault.kind, fault.at_s, fault.for_s)
        if self.case.policy.has_jetson:
            self.jetson.start()
        self.env.process(self._arrive())
        self.env.process(self._minutes())
        if self.case.policy.is_chunked:
            self.env.process(self.controller.run())
        self.env.run(until=self.over)
        for host in list(self.cloud.hosts):
            self.cloud.end(host)
        return Run(
            case=self.case,
            book=self.book,
            queue=self.site.queue,
            ended_at=self.env.now,
            is_drained=self._is_drained(),
            cpu_s=process_time() - began_s,
        )

    def _place(self) -> None:
        if self.case.policy.capacity is HostProvisioning.OWN_HOST:
            self.service.placement = OwnHost(self.env, self.case.figures, self.cloud, self.service)
        else:
            provider = CapacityProvider(self.env, self.case.figures, self.cloud, self.service)
            self.service.placement = provider
            self.minutely.append(provider.evaluate)

    def _scale(self) -> None:
        policy, figures = self.case.policy, self.case.figures
        if policy.scaler not in {Scaler.TRACKING, Scaler.STEPS}:
            return
        metrics = Metrics(self.site.queue, figures, self.site.luck("metrics"))
        cooldowns = Cooldowns(out_s=policy.scale_out_cooldown_s, in_s=policy.scale_in_cooldown_s)
        activity = Activity(self.service, cooldowns, figures.max_hosts)
        scaler: TargetTracking | StepScaling
        if policy.scaler is Scaler.TRACKING:
            scaler = TargetTracking(metrics, activity, policy.target, policy.counts_in_flight)
        else:
            scaler = StepScaling(metrics, activity)
        self.minutely.append(lambda now: metrics.publish(now, running=self.service.running))
        self.minutely.append(scaler.evaluate)

    def _fault(self, kind: Trouble, at_s: float, for_s: float) -> None:
        does: dict[Trouble, Callable[[], None]] = {
            Trouble.JETSON_OFF: lambda: self.jetson.cut(for_s),
            Trouble.POWER_CUT: lambda: self.jetson.cut(for_s),
            Trouble.DEPLOY: self.service.deploy,
            Trouble.SPOT_STORM: lambda: self.cloud.storm(for_s),
            Trouble.HOST_LOST: self.cloud.lose,
            Trouble.TOLD_TO_STOP: lambda: self.service.order(0),
        }
        if at_s <= 0:
            does[kind]()
        else:
            self.env.timeout(at_s).callbacks.append(lambda _: does[kind]())

    def _arrive(self) -> Generator[Any, Any, None]:
        luck = self.site.luck("service")
        for number, upload in enumerate(self.uploads):
            if upload.at_s > self.env.now:
                yield self.env.timeout(upload.at_s - self.env.now)
            self._accept(number, upload, spread(self.case.figures.service_cv, luck))

    def _accept(self, number: int, upload: Upload, share: float) -> None:
        """Take an upload: the record first, the pointer second, as ``intake`` does."""
        ticket = Ticket(
            number=number,
            size=self.case.scenario.size(upload.size),
            at=upload.at_s,
            deadline_at=upload.at_s + upload.deadline_s,
            share=share,
        )
        self.book.accept(ticket)
        if self.case.policy.is_chunked:
            row = self.table.submit(ticket)
            row.wake_at = self.env.now + FIRST_RESEND_S
        self.site.queue.send(number)
        self.controller.wake()

    def _minutes(self) -> Generator[Any, Any, None]:
        """Do what happens once a minute, and see whether all is over."""
        while True:
            yield self.env.timeout(PERIOD_S)
            for each in self.minutely:
                each(self.env.now)
            is_all_there = len(self.book.tickets) == len(self.uploads)
            is_idle = not self.cloud.hosts and not self.service.desired
            if (is_all_there and self._is_drained() and is_idle) or self.env.now >= self.ends_at:
                self.over.succeed()
                return

    def _is_drained(self) -> bool:
        return not self.book.open_tickets and self.site.queue.is_empty

    def _task(self, task: EcsTask) -> Generator[Any, Any, None]:
        """Return the life of an ECS task: our worker's or the note's."""
        host = task.host
        if host and not host.busy_s and self.env.now <= host.launched_at + host.cold_s + 1:
            self.book.record_cold_start(task.name, host.launched_at)
        yield from self._worker(task.name, task).live()

    def _worker(self, name: str, task: EcsTask | None) -> LaneWorker | WholeWorker:
        policy, luck = self.case.policy, self.site.luck(name)
        worker_class = WorkerClass.AWS if task else WorkerClass.JETSON
        worker: LaneWorker | WholeWorker
        if policy.is_chunked:
            worker = LaneWorker(self.site, self.table, self.controller, name, worker_class, luck)
            if task:
                worker.attach_s, worker.pause_s = self.case.trace.attach(task.number)
            if not task and not self.env.now:
                worker.voice.speeds.extend(self.case.trace.jetson_speeds)
                worker.attach_s = self.case.trace.jetson_attach_s
        else:
            worker = WholeWorker(self.site, name, worker_class, luck)
        if task and task.host:
            host = task.host

            def used(for_s: float) -> None:
                host.busy_s += for_s

            worker.used = used
            if policy.protects:
                worker.protect = lambda for_s: self.service.protect(task, for_s)
                worker.unprotect = lambda: self.service.unprotect(task)
        return worker

    def _sample(self) -> None:
        queue, service = self.site.queue, self.service
        self.book.sample(queue.visible, queue.in_flight, service.desired, service.running)


def scaling_policy(case: Case) -> ScalingPolicy:
    """Return what production's settings would be: the operator knows the fleet's limit, price and mean start."""
    policy, figures = case.policy, case.figures
    return replace(
        policy.settings.policy,
        max_workers=figures.max_hosts,
        cold_start_s=figures.cold_mean_s,
        margin_share=policy.margin_share,
        keep_share=policy.keep_share,
        aws_usd_per_h=case.prices.host_h(figures.purchase),
    )
