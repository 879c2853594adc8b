"""The note's worker: one whole message at a time, its heartbeat and its protection where a policy has them."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from simpy import Event, Interrupt

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.sim.aws.sqs import ReceivedMessage
from rugbytx.sim.context import Site
from rugbytx.sim.recorder import Ticket

#: ``UpdateTaskProtection`` protects for two hours where nobody says how long (docs AWS).
PROTECTION_S = 7200.0


@dataclass(eq=False)
class WholeWorker:
    """A worker that receives, transcodes, deletes; killed, it leaves its message to the visibility timeout."""

    site: Site
    name: str
    worker_class: WorkerClass
    luck: random.Random
    #: ECS's task protection; None where there is none to have.
    protect: Callable[[float], bool] | None = None
    unprotect: Callable[[], None] = lambda: None
    #: Adds to the seconds for which the host was of use.
    used: Callable[[float], None] = lambda _: None
    _poll: Event | None = None
    _poll_since: float = 0.0
    _ticket: Ticket | None = None
    _delivery: ReceivedMessage | None = None
    _started_at: float = 0.0
    _beats: int = field(default=0)

    def live(self) -> Generator[Any, Any, None]:
        """Work until somebody interrupts with a cause."""
        try:
            while True:
                self._poll, self._poll_since = self.site.queue.receive(), self.site.env.now
                delivery: ReceivedMessage = yield self._poll
                self._poll = None
                yield from self._do(delivery)
        except Interrupt as stop:
            self._end(str(stop.cause))

    def _do(self, delivery: ReceivedMessage) -> Generator[Any, Any, None]:
        site, ticket = self.site, self.site.ticket(delivery.message.body)
        if self.protect:
            self.protect(PROTECTION_S)  # the note's code has no answer to a refusal
        ticket.duplicates += ticket.running > 0 or ticket.done_at is not None
        ticket.running += 1
        ticket.started_at = site.env.now if ticket.started_at is None else ticket.started_at
        self._ticket, self._delivery, self._started_at = ticket, delivery, site.env.now
        self._beats += 1
        if site.policy.beat_s:
            self._beat_later(self._beats, delivery)
        if self.worker_class is WorkerClass.JETSON:
            site.book.egress_bytes += ticket.size.size_bytes
        yield site.env.timeout(self._service_s(ticket))
        self._stop_work(is_wasted=not site.book.record_end(ticket, self.name))
        site.queue.delete(delivery)
        if self.protect:
            self.unprotect()

    def _service_s(self, ticket: Ticket) -> float:
        size, network_bps = ticket.size, self.site.figures.jetson_network_bps
        fetch_s = (
            size.size_bytes * 8 / network_bps
            if network_bps and self.worker_class is WorkerClass.JETSON
            else 0.0
        )
        return fetch_s + size.whole_s(self.site.px_per_s(self.worker_class)) * ticket.share

    def _stop_work(self, *, is_wasted: bool) -> float:
        """Write down the attempt that ends here, and return how long it took."""
        ticket, spent_s = self._ticket, self.site.env.now - self._started_at
        if ticket is None:
            return 0.0
        self._ticket = None
        self._beats += 1
        ticket.running -= 1
        self.used(spent_s)
        self.site.book.record_work(self.name, ticket.number, self._started_at, is_wasted=is_wasted)
        if is_wasted:
            ticket.wasted_s += spent_s
        return spent_s

    def _end(self, cause: str) -> None:
        if self._poll is not None:
            self.site.queue.stop(self._poll, since=self._poll_since)
            self._poll = None
        ticket = self._ticket
        if ticket is not None:
            self._stop_work(is_wasted=True)
            self.site.book.record_kill(ticket, cause, lost_s=0.0, units=1)

    def _beat_later(self, beats: int, delivery: ReceivedMessage) -> None:
        """Extend the message while this attempt lasts; the note's heartbeat sets its 20 minutes anew."""

        def beat(_: Event) -> None:
            if self._beats != beats:
                return
            if self.luck.random() >= self.site.figures.beat_missed_p:
                self.site.queue.change_visibility(delivery, self.site.policy.visibility_s)
            self._beat_later(beats, delivery)

        self.site.env.timeout(self.site.policy.beat_s).callbacks.append(beat)
