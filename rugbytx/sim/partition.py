"""A long stream of uploads in parts of a month, which are simulated side by side and added up.

At midnight hardly anything is under way, so that what a month is about does not
depend on the month before it: nobody uploads before eight in the morning.  What
a part does not know is how fast chunks were in the part before it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil

from rugbytx.sim.input.scenario import DAY_S
from rugbytx.sim.report.outcome import Outcome, quantile
from rugbytx.sim.simulation import Case

#: A month's uploads, egress that is free and requests that are free are counted together.
PART_DAYS = 30
#: The seeds of one run's parts lie so far apart that another run's do not meet them.
SEED_STEP = 1_000_003

#: The figures that add up over the parts.
_SUMS = (
    *("uploads", "never_finished", "missed", "duplicates", "wasted_s", "jetson_h", "aws_h", "hosts"),
    *("usd_busy", "usd_cold", "usd_idle", "usd_egress", "usd_requests"),
    *("refused_protections", "dead_letters", "decisions", "events", "cpu_s"),
)


def split(case: Case) -> list[Case]:
    """Return the case in parts; whole, where anything but a long stream is uploaded or goes wrong."""
    scenario = case.scenario
    stream = scenario.stream
    if not stream or stream.days <= PART_DAYS or scenario.arrivals or scenario.uploads or scenario.faults:
        return [case]
    return [
        replace(
            case,
            seed=case.seed + SEED_STEP * index,
            scenario=scenario.model_copy(
                update={
                    "stream": stream.model_copy(
                        update={"days": min(PART_DAYS, stream.days - index * PART_DAYS)}
                    )
                }
            ),
        )
        for index in range(ceil(stream.days / PART_DAYS))
    ]


def join(parts: Sequence[Outcome]) -> Outcome:
    """Return what the parts of one case came to."""
    first, last = parts[0], parts[-1]
    if first is last:
        return first
    turnarounds = sorted(each for part in parts for each in part.turnarounds_s)
    before_s = (len(parts) - 1) * PART_DAYS * DAY_S
    unfinished = any(part.never_finished for part in parts)
    kills = Counter[str]()
    for part in parts:
        kills.update(part.kills)
    return replace(
        first,
        **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
        is_drained=all(part.is_drained for part in parts),
        makespan_s=None
        if unfinished or last.makespan_s is None
        else before_s + last.first_s + last.makespan_s - first.first_s,
        turnarounds_s=tuple(turnarounds),
        p50_s=quantile(turnarounds, 0.5),
        p95_s=quantile(turnarounds, 0.95),
        kills=dict(sorted(kills.items())),
        most_units_lost_at_once=max(part.most_units_lost_at_once for part in parts),
        simulated_s=before_s + last.simulated_s,
    )


def joined(outcomes: Iterator[Outcome], counts: Sequence[int]) -> Iterator[Outcome]:
    """Yield what each case came to; ``counts`` are the parts of each."""
    for count in counts:
        yield join([next(outcomes) for _ in range(count)])
