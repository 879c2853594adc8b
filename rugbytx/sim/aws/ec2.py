"""EC2's hosts: cold starts, bills by the second, Spot's interruptions and its shortage."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simpy import Environment, Event

from rugbytx.core.cost.price_list import Prices
from rugbytx.sim.input.assumptions import Figures
from rugbytx.sim.input.trace import UNKNOWN, Trace
from rugbytx.sim.recorder import Book

SPOT = "spot"


@dataclass(eq=False, slots=True)
class Instance:
    """One host, from its launch to its end."""

    number: int
    is_spot: bool
    launched_at: float
    cold_s: float
    #: Whether it is up.
    is_ready: bool = False
    is_gone: bool = False
    #: A Spot notice has come: nothing is placed on it any more.
    is_noticed: bool = False
    #: Whether a task is placed on it, and whether it may be ended by a scale-in.
    is_taken: bool = False
    busy_s: float = 0.0
    #: Called when a notice comes, or when it dies without one.
    on_loss: Callable[[str], None] | None = None


@dataclass(eq=False)
class Cloud:
    """All hosts there are."""

    env: Environment
    figures: Figures
    prices: Prices
    book: Book
    luck: random.Random
    trace: Trace = UNKNOWN
    hosts: list[Instance] = field(default_factory=list)
    #: When Spot has instances again.
    storm_until: float = -1.0
    _count: int = 0

    def launch(self, on_ready: Callable[[Instance], None]) -> Instance:
        """Start a host; ``on_ready`` is called with it once it is up, if it lives to see that."""
        wants_spot = self.figures.purchase == SPOT
        is_refused = self.env.now < self.storm_until or self.luck.random() < self.figures.spot_refused_p
        drawn_s, known_s = self.figures.cold_s(self.luck.random()), self.trace.cold(self._count)
        cold_s = drawn_s if known_s is None else known_s
        host = Instance(self._count, wants_spot and not is_refused, self.env.now, cold_s)
        self._count += 1
        self.hosts.append(host)

        def ready(_: Event) -> None:
            if not host.is_gone:
                host.is_ready = True
                on_ready(host)

        self._after(cold_s, ready)
        if host.is_spot and self.figures.spot_hazard_per_h > 0:
            taken_s = self.luck.expovariate(self.figures.spot_hazard_per_h / 3600)
            self._after(taken_s, lambda _: self.notice(host))
        return host

    def notice(self, host: Instance) -> None:
        """Tell a Spot host that it has two minutes (docs AWS: Spot interruption notices)."""
        if host.is_gone or host.is_noticed:
            return
        host.is_noticed = True
        if host.on_loss:
            host.on_loss(SPOT)
        self._after(self.figures.spot_notice_s, lambda _: self.end(host))

    def storm(self, for_s: float) -> None:
        """Take every Spot host, and give none for a while."""
        self.storm_until = self.env.now + for_s
        for host in list(self.hosts):
            if host.is_spot:
                self.notice(host)

    def lose(self) -> None:
        """Let one host die without a word: the oldest that has a task."""
        for host in self.hosts:
            if host.is_ready and host.on_loss:
                host.on_loss("power")
                self.end(host)
                return

    def end(self, host: Instance) -> None:
        """End a host and write its bill: by the second, a minute at least (docs AWS)."""
        if host.is_gone:
            return
        host.is_gone = True
        self.hosts.remove(host)
        alive_s = max(self.prices.least_billed_s, self.env.now - host.launched_at)
        self.book.paid(
            cold_s=min(host.cold_s, self.env.now - host.launched_at),
            busy_s=host.busy_s,
            alive_s=alive_s,
            usd_per_h=self.prices.host_h(SPOT if host.is_spot else "on-demand"),
            is_spot=host.is_spot,
        )

    def _after(self, delay_s: float, call: Callable[[Event], None]) -> None:
        self.env.timeout(delay_s).callbacks.append(call)
