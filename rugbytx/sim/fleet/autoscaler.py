"""The autoscaler's shell: read the facts, ask ``core.scaling``, move the service; and the sweep.

Nothing is decided here.  What the loop adds is when it looks: every ``tick_s``.
Ticks at which there is neither work nor an AWS worker are left out: they decide
nothing.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from simpy import Event

from rugbytx.core.fleet.presence import PERIODS, Worker, lives_until
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling import admission, decision_record, pace, workload
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.core.scaling.facts import JobFact, ScalingFacts, ScalingPolicy
from rugbytx.core.scaling.pace import Assumed, Pace
from rugbytx.core.schedule import job_priority, resend
from rugbytx.sim.context import Site
from rugbytx.sim.fleet.job_table import JobTable, Row
from rugbytx.sim.input.policy import Scaler
from rugbytx.sim.recorder import Said

#: The shortest pause.
LEAST_S = 1e-6


class Present(Protocol):
    """A worker as it tells of itself."""

    name: str
    worker_class: WorkerClass

    @property
    def is_busy(self) -> bool:
        """Return whether a lane is under way."""

    @property
    def maker(self) -> str:
        """Return the fingerprint of its encoder."""

    @property
    def serving(self) -> str:
        """Return the other job that its last unit was of, or an empty string."""

    def heard(self, now: float) -> Worker | None:
        """Return what it last said of itself."""


class ScaledService(Protocol):
    """The ECS service."""

    desired: int

    def order(self, desired: int) -> None:
        """Set the desired count."""


@dataclass(eq=False)
class Controller:
    """The autoscaler and the view that gates read."""

    site: Site
    table: JobTable
    policy: ScalingPolicy
    fleet: ScaledService | None = None
    workers: dict[str, Present] = field(default_factory=dict)
    target: admission.WorkerTarget | None = None
    before: Recorded | None = None
    _wake: Event | None = None
    _assumed: Assumed = field(init=False)
    _priors: Mapping[WorkerClass, Pace] = field(init=False)
    #: What silent workers said last, until it is too old to be believed.
    _ghosts: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._assumed = self.site.settings.assumed
        self._priors = self.site.settings.priors

    def join(self, worker: Present) -> None:
        """Record that a worker says that it lives."""
        self.workers[worker.name] = worker

    def part(self, worker: Present, *, is_silent: bool) -> None:
        """Record that a worker is gone; one that could not say so is believed to live for a minute."""
        self.workers.pop(worker.name, None)
        last = worker.heard(self.site.env.now)
        if is_silent and last:
            until = self.site.env.now + (PERIODS - 1) * self.site.settings.presence_s
            self._ghosts.append(last.model_copy(update={"until": until}))

    def lives_until(self, maker: str) -> float:
        """Return until when somebody with this encoder is believed to live."""
        return lives_until(self.present(), maker) if maker else 0.0

    def admits(self, worker: Present) -> bool:
        """Return whether an AWS worker may receive."""
        return admission.decide(self._gate_facts(worker), self.policy).is_open

    def may_stay(self, worker: Present) -> bool:
        """Return whether a lane may claim another unit."""
        return worker.worker_class is not WorkerClass.AWS or admission.may_stay(
            self._gate_facts(worker), self.policy
        )

    def is_held(self, job_id: str, *, but: str) -> bool:
        """Return whether another worker says that it has a message of the job."""
        return any(job_id in worker.jobs for worker in self.present() if worker.name != but)

    def choice(self, own: Row, others: Sequence[Row], worker: Present) -> job_priority.JobChoice:
        """Return which job a lane serves next."""
        workers = self.present()
        paces = workload.paces(workers, self._priors)
        own_fact, *facts = self._job_facts([own, *others], workers, {})
        living = {worker.worker_class, *(other.worker_class for other in workers)}
        return job_priority.decide(
            own_fact,
            facts,
            now=self.site.env.now,
            px_per_s=max(pace.px_per_s for name, pace in paces.items() if name in living),
            policy=self.policy,
            serving=worker.serving,
        )

    def wake(self) -> None:
        """Run the next tick: a job was accepted."""
        if self._wake is not None and not self._wake.triggered:
            self._wake.succeed()

    def run(self) -> Generator[Any, Any, None]:
        """Decide, move, sweep; then wait for the next tick."""
        env, policy = self.site.env, self.site.policy
        swept_at = 0.0
        if (first_at := self.site.trace.tick(-1.0)) is not None:
            # A recorded first look may lie before the first upload.
            yield env.timeout(max(0.0, first_at))
        while True:
            if self.fleet is not None and policy.scaler is Scaler.OURS:
                yield from self._tick(self.fleet)
            if env.now - swept_at >= policy.settings.sweep_s:
                swept_at = env.now
                self._sweep()
            is_idle = not self.table.rows and not any(
                worker.worker_class is WorkerClass.AWS for worker in self.workers.values()
            )
            if is_idle and not (self.fleet and self.fleet.desired):
                self._wake = env.event()
                yield self._wake
            yield env.timeout(self._pause_s())

    def _pause_s(self) -> float:
        """Return how long to wait for the next tick."""
        now, tick_s = self.site.env.now, self.site.settings.tick_s
        if (next_at := self.site.trace.tick(now)) is not None:
            return next_at - now
        left_s = tick_s - now % tick_s
        # What is left of a tick that does not fit into binary may be too little to move the clock.
        return left_s if left_s > LEAST_S else tick_s

    def _tick(self, fleet: ScaledService) -> Generator[Any, Any, None]:
        """Decide once, and act, as ``autoscaler.Autoscaler.tick`` does."""
        recorded = decision_record.record(self.facts(fleet), self.policy, before=self.before)
        before, self.before = self.before, recorded
        decision, now = recorded.decision, recorded.facts.now
        if self.site.trace.tick_took_s:
            yield self.site.env.timeout(self.site.trace.tick_took_s)
        self.target = admission.WorkerTarget(at=now, wanted=decision.wanted)
        if decision.desired != fleet.desired:
            fleet.order(decision.desired)
        for assist in decision.assists:
            for _ in range(assist.count):
                self.site.queue.send(int(assist.job_id))
        book = self.site.book
        book.decisions += 1
        last = before.decision if before else None
        words = (decision.desired, decision.wanted, decision.reason)
        is_new = last is None or (last.desired, last.wanted, last.reason) != words
        if is_new and book.is_kept:
            book.said.append(Said(now, decision.desired, decision.wanted, decision.reason))

    def facts(self, fleet: ScaledService) -> ScalingFacts:
        """Return what production's autoscaler would read."""
        now, workers = self.site.env.now, self.present()
        return ScalingFacts(
            now=now,
            jobs=self._job_facts(list(self.table), workers, decision_record.assists(self.before, now=now)),
            workers=workers,
            paces=workload.paces(workers, self._priors),
            fleet=decision_record.fleet_fact(self.before, desired=fleet.desired, now=now),
            visible=self.site.queue.visible,
        )

    def present(self) -> tuple[Worker, ...]:
        """Return what all who are believed to live last said."""
        now = self.site.env.now
        if self._ghosts:
            self._ghosts = [ghost for ghost in self._ghosts if ghost.until > now]
        presences = (worker.heard(now) for worker in self.workers.values())
        return (*(presence for presence in presences if presence), *self._ghosts)

    def _job_facts(
        self, rows: Sequence[Row], workers: Sequence[Worker], assists: Mapping[str, int]
    ) -> tuple[JobFact, ...]:
        """Return what ``backlog.facts`` returns for these rows, each fact kept until something of its job changes."""
        lanes = Counter(job_id for worker in workers for job_id in worker.jobs)
        known = [
            (size.px, round(size.size_bytes)) for row in rows if row.is_planned for size in (row.ticket.size,)
        ]
        px_per_byte = pace.px_per_byte(known, prior=self._assumed.px_per_byte)
        assumed = replace(self._assumed, px_per_byte=px_per_byte)
        return tuple(
            row.fact(lanes=lanes.get(row.id, 0), assists=assists.get(row.id, 0), assumed=assumed)
            for row in rows
        )

    def _gate_facts(self, worker: Present) -> admission.AdmissionFacts:
        return admission.AdmissionFacts(
            now=self.site.env.now,
            name=worker.name,
            worker_class=worker.worker_class,
            target=self.target,
            workers=self.present(),
            is_busy=worker.is_busy,
            visible=self.site.queue.visible,
        )

    def _sweep(self) -> None:
        """Send pointers for jobs that nobody keeps awake."""
        now, queue = self.site.env.now, self.site.queue
        waiting = sum(row.ticket.started_at is None for row in self.table)
        for row in self.table:
            if row.lanes or now < row.wake_at:
                continue
            job = row.record.model_copy(update={"wake_at": row.wake_at, "resends": row.resends})
            decision = resend.decide(job, now=now, visible=queue.visible, waiting=waiting)
            if decision.wake_at:
                row.wake_at, row.resends = decision.wake_at, decision.resends
            if decision.send:
                queue.send(row.ticket.number)
