"""What a job would take and cost on one worker of each class, by a list of prices.

A rented host is paid from its order to the end of the work; a host of ours
costs its power while it works, and what the source costs on its way to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rugbytx.core.cost.forecast import Forecast
from rugbytx.core.cost.price_list import Item, Prices
from rugbytx.core.fleet.worker_class import HOSTS, Evidence, HostFigures, WorkerClass
from rugbytx.core.scaling.pace import MATCH_PX, SLOW_SHARE, Pace

#: The note's match lasts 2 h: a second of film in the renditions of ``match``, at 1080p and 30 frames.
MATCH_S = 7200
PX_PER_S_OF_FILM = MATCH_PX / MATCH_S


@dataclass(frozen=True, kw_only=True)
class Took:
    """How long one worker of a class would be at it."""

    host: HostFigures
    #: The median time, and the one that is exceeded one time in ten.
    busy_s: float
    slow_s: float
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Time and cost on one worker, paid in one way."""

    took: Took
    #: ``power``, ``on-demand`` or ``spot``.
    payment: str
    #: The price of an hour, with its source.
    price: Item
    #: The cost of the worker alone, starting included; and the cost where the work is slow.
    usd: float
    slow_usd: float
    #: What the source costs on its way to the worker, once the month's free gigabytes are used up.
    egress_usd: float

    @property
    def whole_usd(self) -> float:
        """Return the cost of worker and traffic."""
        return self.usd + self.egress_usd


def of_film(film_s: float, paces: Mapping[WorkerClass, Pace]) -> Iterator[Took]:
    """Yield how long so much film would take: work is pixels, and a file's size says little of them.

    >>> from rugbytx.core.scaling.pace import PRIORS
    >>> [round(took.busy_s / 60) for took in of_film(7200, PRIORS)]
    [35, 25]
    """
    for host in HOSTS:
        pace = paces[host.worker_class]
        work_px = film_s * PX_PER_S_OF_FILM
        yield Took(
            host=host,
            busy_s=pace.service_s(work_px),
            slow_s=pace.slow_service_s(work_px),
            evidence=pace.evidence,
        )


def of_plan(forecasts: Iterable[Forecast]) -> Iterator[Took]:
    """Yield how long a planned source would take."""
    for forecast in forecasts:
        yield Took(
            host=forecast.host,
            busy_s=forecast.busy_s,
            slow_s=forecast.busy_s / SLOW_SHARE,
            evidence=forecast.speed.evidence,
        )


def quotes(times: Iterable[Took], prices: Prices, *, size_bytes: float) -> Iterator[Quote]:
    """Yield a quote for each way to pay each class."""
    for took in times:
        is_rented = took.host.worker_class is WorkerClass.AWS
        paid_s = [
            max(prices.least_billed_s, took.host.start_s + busy_s) if is_rented else busy_s
            for busy_s in (took.busy_s, took.slow_s)
        ]
        # S3 to EC2 within a region is free.
        egress_usd = 0.0 if is_rented else size_bytes / 1e9 * prices.egress_gb.usd
        for payment, price in prices.payments(took.host.worker_class).items():
            usd, slow_usd = (each_s / 3600 * price.usd for each_s in paid_s)
            yield Quote(
                took=took, payment=payment, price=price, usd=usd, slow_usd=slow_usd, egress_usd=egress_usd
            )
