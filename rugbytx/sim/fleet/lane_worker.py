"""Our worker: its gate, its protection, and lanes that do unit after unit under leases.

What it decides is production's: ``admission`` whether it may receive and stay, ``urgency`` which
job its next unit is of, ``next`` which unit.  What stands here is time, luck and the store.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from simpy import Event, Interrupt

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.lease import retry
from rugbytx.core.lease.unit import Kind, State, Unit, UnitKey
from rugbytx.core.schedule import job_priority, next_unit
from rugbytx.core.schedule.next_unit import LaneAction
from rugbytx.errors import Draining
from rugbytx.sim.aws.sqs import MOST_IN_FLIGHT_S, ReceivedMessage
from rugbytx.sim.context import Site, spread
from rugbytx.sim.fleet.autoscaler import Controller
from rugbytx.sim.fleet.jetson import POWER
from rugbytx.sim.fleet.job_table import JobTable, Row, unit_record
from rugbytx.sim.fleet.presence import Voice
from rugbytx.sim.input.trace import Stay

#: Open jobs that a lane looks at; see ``worker.choice``.
MOST_JOBS = 50


@dataclass(eq=False)
class LaneWorker:
    """A worker of either class."""

    site: Site
    table: JobTable
    controller: Controller
    name: str
    worker_class: WorkerClass
    luck: random.Random
    #: ECS's task protection; None where there is none to have.
    protect: Callable[[float], bool] | None = None
    unprotect: Callable[[], None] = lambda: None
    used: Callable[[float], None] = lambda _: None
    #: The time from its first report to its first receive.
    attach_s: float = 0.0
    #: How long it takes from here to its next claim, once it knows that it stays and for which job.
    pause_s: float = 0.0
    voice: Voice = field(init=False)
    _poll: Event | None = None
    _poll_since: float = 0.0
    _delivery: ReceivedMessage | None = None
    _own: Row | None = None
    #: The unit in work: its row, key and beginning.
    _work: tuple[Row, UnitKey, float] | None = None
    _protected_at: float = 0.0
    _memory: job_priority.Memory = field(default_factory=job_priority.Memory)
    _fetched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.voice = Voice(self.name, self.worker_class, self.maker, self.site.settings.presence_s)

    @property
    def maker(self) -> str:
        """Return the fingerprint of its encoder: one for each class here."""
        return self.worker_class

    @property
    def is_busy(self) -> bool:
        """Return whether a lane is under way."""
        return self._own is not None

    def heard(self, now: float) -> Worker | None:
        """Return what it last said of itself."""
        return self.voice.heard(now)

    def live(self) -> Generator[Any, Any, None]:
        """Work until somebody interrupts with a cause."""
        self.voice.start(self.site.env.now)
        self.controller.join(self)
        try:
            while True:
                delivery = yield from self._receive()
                if delivery:
                    yield from self._lane(delivery)
        except Interrupt as stop:
            self._leave(str(stop.cause))
            self.controller.part(self, is_silent=stop.cause == POWER)

    def _receive(self) -> Generator[Any, Any, ReceivedMessage | None]:
        """Wait for a message, as long as the gate is open; ask the gate again after each poll."""
        env, settings = self.site.env, self.site.settings
        if self.worker_class is WorkerClass.AWS:
            if not self.controller.admits(self):
                self.unprotect()
                yield env.timeout(settings.view_s)
                return None
            if self.protect and not self.protect(settings.protection_s):
                yield env.timeout(settings.view_s)
                return None
            self._protected_at = env.now
        if self.attach_s:
            yield env.timeout(self.attach_s)
            self.attach_s = 0.0
        self._poll, self._poll_since = self.site.queue.receive(), env.now
        if self.worker_class is WorkerClass.AWS:
            yield self._poll | env.timeout(self.site.policy.poll_s)
        else:
            yield self._poll
        poll, self._poll = self._poll, None
        if not poll.triggered:
            self.site.queue.stop(poll, since=self._poll_since)
            return None
        return cast("ReceivedMessage", poll.value)

    def _lane(self, delivery: ReceivedMessage) -> Generator[Any, Any, None]:
        """Do units until there is nothing to claim, then acknowledge."""
        site = self.site
        row = self.table.rows.get(delivery.message.body)
        if row is None:  # it has ended: a pointer too many
            site.queue.delete(delivery)
            return
        self._delivery, self._own = delivery, row
        # Its heartbeat extends the message for as long as the lane lives, and is counted as requests.
        site.queue.change_visibility(delivery, MOST_IN_FLIGHT_S)
        begun_at = site.env.now
        row.begin(begun_at)
        row.lanes += 1
        row.resends = 0
        self.voice.be(begun_at, job=row.id)
        while row.ticket.done_at is None:
            if not self.controller.may_stay(self):
                if self.controller.is_held(row.id, but=self.name):
                    row.wake_at = min(row.wake_at, site.env.now + site.settings.heartbeat_s)
                else:
                    site.queue.send(row.ticket.number)  # a fresh message, for the Jetson
                break
            serving = self._choose(row)
            if self.pause_s:
                yield site.env.timeout(self.pause_s)
                self.pause_s = 0.0
            is_done = yield from self._step(serving)
            if is_done and serving is row:
                break
            self._memory.remember(serving.id, own_id=row.id, has_more=not is_done)
        site.queue.requests += (site.env.now - begun_at) / site.settings.heartbeat_s
        site.queue.delete(delivery)
        self._exit()

    def _exit(self) -> None:
        if self._own:
            self._own.lanes -= 1
            self.voice.be(self.site.env.now)
        self._own = self._delivery = None
        self.pause_s = 0.0
        self._memory = job_priority.Memory()

    def _choose(self, own: Row) -> Row:
        """Return the job that the next unit is of, as ``worker.choice`` asks."""
        rows, now = self.table.rows, self.site.env.now
        if len(rows) == 1:
            return own
        others = [
            row
            for row in islice(rows.values(), MOST_JOBS)
            if row is not own
            and row.id not in self._memory.passed
            and (row.splices or row.pin in {"", self.maker} or self.controller.lives_until(row.pin) <= now)
        ]
        if not others:
            return own
        choice = self.controller.choice(own, others, self)
        chosen = rows[int(choice.job_id)]
        chosen.begin(now)
        return chosen

    @property
    def serving(self) -> str:
        """Return the other job that its last unit was of, or an empty string."""
        return self._memory.serving

    def _step(self, row: Row) -> Generator[Any, Any, bool]:
        """Do one unit of a job; return True where there is nothing for this lane to claim in it."""
        now = self.site.env.now
        self.site.book.store_reads += 1
        decision = next_unit.decide(
            row.known_plan,
            row.units,
            now=now,
            maker=self.maker,
            pin=row.pin_of(self.controller.lives_until(row.pin)),
        )
        if decision.action is LaneAction.PIN:
            row.repinned += bool(row.pin)
            row.pin = self.maker
            return False
        if decision.action is LaneAction.FINISH:
            self._finish(row)
            return True
        if decision.action is not LaneAction.CLAIM:
            row.wake_at = max(row.wake_at, min(decision.wake_at, now + self.site.settings.lease_s))
            return True
        yield from self._do(row, decision.key, decision.seen)
        return False

    def _do(self, row: Row, key: UnitKey, before: Unit | None) -> Generator[Any, Any, None]:
        site, ticket = self.site, row.ticket
        now = site.env.now
        self._refresh()
        stay = site.trace.stay(ticket.number, str(key), self.worker_class) or self._stay(row, key)
        service_s = stay.work_s
        lease_until = now + service_s + site.settings.lease_s
        leased = unit_record(key, before, state=State.LEASED, maker=self.maker, lease_until=lease_until)
        if before and before.state is State.LEASED:
            leased = leased.model_copy(update={"deaths": before.deaths + 1})
        row.put(leased, key)
        row.wake_at = lease_until
        self._work = (row, key, now)
        yield site.env.timeout(service_s)
        self._work = None
        row.put(unit_record(key, leased, state=State.DONE, maker=self.maker), key)
        site.book.store_writes += 3 + service_s / site.settings.heartbeat_s  # claim, commit, the job's set
        site.book.record_work(self.name, ticket.number, now)
        self.used(service_s)
        if key.kind is Kind.VIDEO:
            self.voice.add_speed(site.env.now, row.unit_px(key) / service_s)
        self.pause_s = stay.pause_s
        if key.kind is Kind.PUBLISH:
            self._finish(row)
            if self.pause_s:
                yield site.env.timeout(self.pause_s)
                self.pause_s = 0.0

    def _refresh(self) -> None:
        """Renew the protection at half of its time; an answer of no changes nothing for work under way."""
        now, for_s = self.site.env.now, self.site.settings.protection_s
        if self.protect and now - self._protected_at > for_s / 2 and self.protect(for_s):
            self._protected_at = now

    def _stay(self, row: Row, key: UnitKey) -> Stay:
        """Return how long a unit takes here, its source's way to the Jetson included."""
        site, size, figures = self.site, row.ticket.size, self.site.figures
        fetch_s = 0.0
        if self.worker_class is WorkerClass.JETSON and row.ticket.number not in self._fetched:
            self._fetched = {row.ticket.number} | {n for n in self._fetched if n in self.table.rows}
            site.book.egress_bytes += size.size_bytes
            if figures.jetson_network_bps:
                fetch_s = size.size_bytes * 8 / figures.jetson_network_bps
        plain_s = {
            Kind.PLAN: size.plan_s,
            Kind.AUDIO: size.audio_s,
            Kind.MP4: size.publish_s / 2,
            Kind.PUBLISH: size.publish_s / (2 if row.plan.mp4 else 1),
            Kind.VIDEO: row.unit_px(key) / site.px_per_s(self.worker_class) * row.ticket.share,
        }[key.kind]
        return Stay(work_s=fetch_s + figures.unit_overhead_s + plain_s * spread(figures.chunk_cv, self.luck))

    def _finish(self, row: Row) -> None:
        if self.site.book.record_end(row.ticket, self.name):
            self.table.close(row)

    def _leave(self, cause: str) -> None:
        """Hand everything back, or, where the power went, say nothing and let the leases run out."""
        site, now = self.site, self.site.env.now
        if self._poll is not None:
            site.queue.stop(self._poll, since=self._poll_since)
            self._poll = None
        is_silent = cause == POWER
        back_s = site.settings.lease_s - self.luck.uniform(0, site.settings.heartbeat_s) if is_silent else 0.0
        if self._work:
            row, key, began_at = self._work
            self._work = None
            self._hand_back(row, key, back_s, is_silent=is_silent)
            site.book.record_work(self.name, row.ticket.number, began_at, is_wasted=True)
            self.used(now - began_at)
            site.book.record_kill(row.ticket, cause, lost_s=now - began_at, units=1)
        if self._delivery:
            site.queue.change_visibility(self._delivery, back_s)
        self._exit()

    def _hand_back(self, row: Row, key: UnitKey, back_s: float, *, is_silent: bool) -> None:
        now, unit = self.site.env.now, row.units[key]
        if is_silent:
            update: dict[str, Any] = {"lease_until": now + back_s}
        else:
            outcome = retry.decide(Draining("asked to leave"), verdicts=0, refusals=0, jitter=0.0)
            update = {"state": State.WAITING, "retry_at": now + outcome.pause_s, "lease_until": 0.0}
        row.put(unit.model_copy(update=update), key)
        row.wake_at = now + back_s + (next_unit.AFTER_LEASE_S if is_silent else 0.0)
