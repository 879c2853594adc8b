"""What a thousand jobs cost in messages, store requests and dollars, at ten, a thousand, a hundred thousand a day.

Simulated, with the production code's decisions: ten jobs at ten a day, a hundred at the
other rates, each until the last one has ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rugbytx import prices
from rugbytx.sim import batch, simulation
from rugbytx.sim.input import policy
from rugbytx.sim.input.scenario import Arrivals, Scenario
from rugbytx.sim.report.outcome import outcome
from tests.bench.figure import Figure, Result
from tests.bench.turn import Scale

DAY_S = 86_400.0
#: Jobs a day, by how many of them are simulated.
RATES: Mapping[int, int] = {10: 10, 1_000: 100, 100_000: 100}
#: More than a hundred matches need at once, so that the fleet's bound is not what is measured.
MOST_HOSTS = "100"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """For a thousand jobs."""

    queue_requests: float
    store_requests: float
    usd: float


def measure(folder: Path, scale: Scale) -> Result:
    """Simulate matches at each rate, one as long after the other as the rate has it."""
    del folder
    bills = {rate: bill(rate, scale.of(jobs, 4)) for rate, jobs in RATES.items()}
    many, few = bills[100_000], bills[1_000]
    return Result(
        name="scale",
        ours="per 1,000 jobs at 100,000 a day, simulated",
        reference="at 1,000 a day",
        figures=(
            Figure(name="queue requests", ratios=(many.queue_requests / few.queue_requests,), goal=1.1),
            Figure(name="store requests", ratios=(many.store_requests / few.store_requests,), goal=1.1),
            Figure(name="dollars", ratios=(many.usd / few.usd,), goal=1.1),
        ),
        details={
            f"{rate:,} a day": {
                "queue_requests": round(one.queue_requests),
                "store_requests": round(one.store_requests),
                "usd": round(one.usd, 2),
            }
            for rate, one in bills.items()
        },
    )


def bill(rate: int, jobs: int) -> Bill:
    """Return what a thousand jobs come to at so many a day, from a simulation of ``jobs``."""
    day = Scenario(
        name=f"{rate} a day",
        title="matches at a steady rate",
        arrivals=(Arrivals(kind="match", count=jobs, every_s=DAY_S / rate),),
    )
    case = batch.case_of(day, policy.of("deadline"), prices.load(), {"max_hosts": MOST_HOSTS})
    done = simulation.run(case)
    found = outcome(done)
    if found.never_finished:
        raise RuntimeError(f"{found.never_finished} of {jobs} jobs were never finished at {rate} a day")
    thousands = jobs / 1000
    return Bill(
        queue_requests=done.queue.requests / thousands,
        store_requests=(done.book.store_reads + done.book.store_writes) / thousands,
        usd=found.usd / thousands,
    )
