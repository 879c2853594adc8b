"""The autoscaler's shell: read the facts, ask ``core.scaling``, move the service; and the sweep.

Nothing is decided here.  What the loop adds is when it looks: at each upload, and
then every ``tick_s`` while there is work or an AWS worker.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from simpy import Event

from rugbytx.core import admission, estimate, scaling, sweep
from rugbytx.core.estimate import PRIORS, Pace
from rugbytx.core.job import Job
from rugbytx.core.presence import Worker
from rugbytx.core.scaling_facts import Decision, Facts, FleetFact, JobFact, Policy
from rugbytx.sim.book import Said
from rugbytx.sim.policy import Scaler
from rugbytx.sim.site import Site
from rugbytx.sim.table import Row, Table


class Present(Protocol):
    """A worker as it tells of itself."""

    name: str
    worker_class: str
    speeds: Sequence[float]

    @property
    def maker(self) -> str:
        """Return the fingerprint of its encoder."""

    @property
    def presence(self) -> Worker:
        """Return its record."""


class Fleet(Protocol):
    """The ECS service."""

    desired: int
    ordered_at: float

    def order(self, desired: int) -> None:
        """Set the desired count."""


@dataclass(eq=False)
class Controller:
    """The autoscaler and the view that gates read."""

    site: Site
    table: Table
    policy: Policy
    fleet: Fleet | None = None
    workers: dict[str, Present] = field(default_factory=dict)
    told: admission.Told | None = None
    last: Decision | None = None
    _wake: Event | None = None
    _seen_until: dict[str, float] = field(default_factory=dict)

    def join(self, worker: Present) -> None:
        """Note that a worker says that it lives."""
        self.workers[worker.name] = worker

    def part(self, worker: Present) -> None:
        """Note that a worker says nothing more.  It is believed to live until its last word is too old."""
        self.workers.pop(worker.name, None)
        self._seen_until[worker.maker] = self.site.env.now + _SILENT_S

    def lives_until(self, maker: str) -> float:
        """Return until when somebody with this encoder is believed to live."""
        now = self.site.env.now
        if any(worker.maker == maker for worker in self.workers.values()):
            return now + _SILENT_S
        return self._seen_until.get(maker, 0.0)

    def admits(self, worker: Present) -> bool:
        """Return whether an AWS worker may receive."""
        return admission.decide(self._gate_facts(worker), self.policy).is_open

    def may_stay(self, worker: Present) -> bool:
        """Return whether a lane may claim another unit."""
        return worker.worker_class != "aws" or admission.may_stay(self._gate_facts(worker), self.policy)

    def facts_but(self, own: Row) -> list[JobFact]:
        """Return the other open jobs."""
        return [row.fact() for row in self.table if row is not own]

    def uploaded(self) -> None:
        """Look at once: a job was accepted."""
        if self._wake is not None and not self._wake.triggered:
            self._wake.succeed()

    def run(self) -> Generator[Any, Any, None]:
        """Decide, move, sweep; then wait for a tick or an upload."""
        env, policy = self.site.env, self.site.policy
        swept_at = 0.0
        while True:
            if self.fleet is not None and policy.scaler is Scaler.OURS:
                self._tick(self.fleet)
            if env.now - swept_at >= policy.sweep_s:
                swept_at = env.now
                self._sweep()
            self._wake = env.event()
            is_idle = not self.table.rows and not any(
                one.worker_class == "aws" for one in self.workers.values()
            )
            if is_idle and not (self.fleet and self.fleet.desired):
                yield self._wake
            else:
                yield self._wake | env.timeout(policy.tick_s)

    def _tick(self, fleet: Fleet) -> None:
        facts = self.facts(fleet)
        decision = scaling.decide(facts, self.policy)
        self.site.book.decisions += 1
        self.told = admission.Told(at=facts.now, wanted=decision.wanted)
        if decision.desired != fleet.desired:
            fleet.order(decision.desired)
        for one in decision.assists:
            row = self.table.rows[int(one.job_id)]
            for _ in range(one.count):
                row.assists.append(facts.now)
                self.site.queue.send(row.ticket.number)
            row.changed()
        self._write_down(facts.now, decision)

    def _write_down(self, now: float, decision: Decision) -> None:
        last = self.last
        if last is None or (last.desired, last.reason) != (decision.desired, decision.reason):
            if self.site.book.is_kept:
                self.site.book.said.append(Said(now, decision.desired, decision.wanted, decision.reason))
        self.last = decision

    def facts(self, fleet: Fleet) -> Facts:
        """Return what production's autoscaler would read."""
        now = self.site.env.now
        for row in self.table:
            if row.assists and row.assists[0] <= now - self.policy.assist_s:
                row.assists = [at for at in row.assists if at > now - self.policy.assist_s]
                row.changed()
        return Facts(
            now=now,
            jobs=tuple(row.fact() for row in self.table),
            workers=self._present(),
            paces=self._paces(),
            fleet=FleetFact(desired=fleet.desired, ordered_at=fleet.ordered_at),
            visible=self.site.queue.visible,
        )

    def _gate_facts(self, worker: Present) -> admission.Facts:
        return admission.Facts(
            now=self.site.env.now,
            name=worker.name,
            worker_class=worker.worker_class,
            told=self.told,
            workers=self._present(),
            visible=self.site.queue.visible,
        )

    def _present(self) -> tuple[Worker, ...]:
        return tuple(worker.presence for worker in self.workers.values())

    def _paces(self) -> dict[str, Pace]:
        return {
            name: estimate.learned(
                list(
                    chain.from_iterable(
                        worker.speeds for worker in self.workers.values() if worker.worker_class == name
                    )
                ),
                prior,
            )
            for name, prior in PRIORS.items()
        }

    def _sweep(self) -> None:
        """Send pointers for jobs that nobody keeps awake."""
        now, queue = self.site.env.now, self.site.queue
        waiting = sum(row.ticket.started_at is None for row in self.table)
        for row in self.table:
            if row.lanes or now < row.wake_at:
                continue
            job = Job.model_construct(status=row.status, wake_at=row.wake_at, resends=row.resends)
            decision = sweep.decide(job, now=now, visible=queue.visible, waiting=waiting)
            if decision.wake_at:
                row.wake_at, row.resends = decision.wake_at, decision.resends
            if decision.send:
                queue.send(row.ticket.number)


#: A worker that has not been heard for a minute is silent; see ``core.presence``.
_SILENT_S = 60.0
