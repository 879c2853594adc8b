"""Is the simulated hybrid the one that was played?  A scene's record, played again by the simulator.

The simulator gets what nobody decides: the films and when they came, what was
done to the system, how long each unit and each start took.  Production's code then
decides in it, and each of its decisions is held against those that were made.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from rugbytx import prices
from rugbytx.core.unit import Kind, UnitKey
from rugbytx.sim import batch
from rugbytx.sim import policy as policies
from rugbytx.sim.scenario import Fault, Scenario, Trouble, Upload
from rugbytx.sim.size import Size
from rugbytx.sim.trace import Stay, Trace
from rugbytx.sim.world import Case, run
from tests.hybrid.film import CHUNK_S, HEIGHT, RATE, WIDTH
from tests.hybrid.record import ALL_TOLD_TO_STOP, JETSON_KILLED, Record, Said, Work

#: Where the simulator has another word for a setting.  Its cold start is what the policy counts with; how long
#: each start took is in the trace.
_NAMES = {"max_workers": "max_hosts", "poll_wait_s": "poll_s"}
#: How far a decision may lie from its partner.
TICKS = 2
#: A pause between two units is longer only where the worker had nothing to do.
LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Lonely:
    """A decision without a partner: one that only one of the two made."""

    where: str
    said: Said


def simulated(record: Record) -> tuple[Said, ...]:
    """Return what is decided in the simulator, each decision that differs from the one before it."""
    found = run(case_of(record))
    return tuple(
        Said(at_s=one.at, desired=one.desired, wanted=one.wanted, reason=one.reason)
        for one in found.book.said
    )


def lonely(record: Record, said: Sequence[Said]) -> Iterator[Lonely]:
    """Yield each change of decision that the other side did not make within two ticks of it."""
    within_s = TICKS * tick_s(record)
    played = list(changes(record.said))
    said = [one for one in said if one.at_s <= record.said[-1].at_s]
    for one in played:
        if not _is_said(one, said, within_s):
            yield Lonely(where="played", said=one)
    for one in said:
        if not _is_said(one, played, within_s):
            yield Lonely(where="simulated", said=one)


def changes(said: Sequence[Said]) -> Iterator[Said]:
    """Yield the first decision, and each that says something else than the one before it."""
    yield from said[:1]
    yield from (after for before, after in pairwise(said) if after.words != before.words)


def tick_s(record: Record) -> float:
    """Return how long a tick took, on average: the pause, and to read and to decide."""
    return mean(after.at_s - before.at_s for before, after in pairwise(record.said))


def _is_said(one: Said, others: Sequence[Said], within_s: float) -> bool:
    """Return whether the same was in force on the other side at some time so near."""
    ends = [*(other.at_s for other in others[1:]), float("inf")]
    return any(
        other.words == one.words and other.at_s <= one.at_s + within_s and end >= one.at_s - within_s
        for other, end in zip(others, ends, strict=True)
    )


def case_of(record: Record) -> Case:
    """Return the scene as a simulated day, at its own pace."""
    numbers = {one.job_id: number for number, one in enumerate(record.arrivals)}
    lengths = {one.length_s: one for one in record.arrivals}
    scenario = Scenario(
        name=record.scene,
        title=f"Scene {record.scene}, played",
        chunk_s=CHUNK_S,
        sizes=tuple(
            Size(
                name=f"{length_s} s",
                profile="hybrid",
                size_bytes=one.size_bytes,
                video_s=length_s,
                plan_s=0.0,
                publish_s=0.0,
                width=WIDTH,
                height=HEIGHT,
                fps=RATE,
                heights=(HEIGHT,),
            )
            for length_s, one in lengths.items()
        ),
        uploads=tuple(
            Upload(at_s=one.at_s, size=f"{one.length_s} s", deadline_s=one.deadline_s)
            for one in record.arrivals
        ),
        faults=tuple(_faults(record)),
    )
    own = {_NAMES.get(name, name): f"{value:.15g}" for name, value in record.settings.items()}
    own |= {
        "tick_s": str(tick_s(record)),
        "jetson_px_per_s": own["assumed_jetson_px_per_s"],
        "aws_px_per_s": own["assumed_aws_px_per_s"],
        "boot_s": "0",
        "duplicate_p": "0",
    }
    made = batch.case_of(scenario, policies.of("deadline"), prices.load(), own)
    return Case(
        scenario=scenario,
        policy=made.policy,
        figures=made.figures,
        prices=made.prices,
        seed=made.seed,
        trace=_trace(record, numbers),
    )


def _faults(record: Record) -> Iterator[Fault]:
    jetsons = sorted(one.began_s for one in record.hosts if one.worker_class == "jetson")
    for event in record.events:
        if event.kind == ALL_TOLD_TO_STOP:
            yield Fault(kind=Trouble.TOLD_TO_STOP, at_s=event.at_s)
        if event.kind == JETSON_KILLED:
            back_s = next((began_s for began_s in jetsons if began_s > event.at_s), float("inf"))
            yield Fault(kind=Trouble.POWER_CUT, at_s=event.at_s, for_s=back_s - event.at_s)


def _trace(record: Record, numbers: Mapping[str, int]) -> Trace:
    stays: dict[tuple[int, str, str], Stay] = {}
    alike: defaultdict[tuple[str, str], list[Stay]] = defaultdict(list)
    for work, pause_s in _paused(record.works):
        stay = Stay(work_s=work.ended_s - work.began_s, pause_s=pause_s)
        stays[numbers[work.job_id], work.key, work.worker_class] = stay
        alike[str(UnitKey.parse(work.key).kind), work.worker_class].append(stay)
    return Trace(
        stays=stays,
        usual={
            key: Stay(work_s=mean(one.work_s for one in found), pause_s=mean(one.pause_s for one in found))
            for key, found in alike.items()
        },
        ticks=tuple(one.at_s for one in record.said),
        cold_s=tuple(_starts(record)),
        jetson_speeds=next(
            (one.speeds for one in record.hosts if one.worker_class == "jetson" and one.began_s < 0), ()
        ),
    )


def _paused(works: Sequence[Work]) -> Iterator[tuple[Work, float]]:
    """Yield each unit with the pause until the same worker's next one."""
    by_worker: defaultdict[str, list[Work]] = defaultdict(list)
    for work in works:
        by_worker[work.worker].append(work)
    for own in by_worker.values():
        for work, after in zip(own, [*own[1:], own[-1]], strict=True):
            if UnitKey.parse(work.key).kind is Kind.CHECK:
                continue  # the simulator knows no such unit: it is part of the pause after the publishing
            is_check = UnitKey.parse(after.key).kind is Kind.CHECK
            pause_s = (after.ended_s if is_check else after.began_s) - work.ended_s
            yield work, max(0.0, pause_s) if is_check or pause_s <= LONGEST_PAUSE_S else 0.0


def _starts(record: Record) -> Iterator[float]:
    """Yield how long each AWS worker took from the order for more to its first word."""
    orders = [
        one.at_s
        for before, one in pairwise([Said(at_s=0, desired=0, wanted=0, reason=""), *record.said])
        if one.desired > before.desired
    ]
    for host in sorted(record.hosts, key=lambda one: one.began_s):
        if host.worker_class == "aws":
            yield host.began_s - max(at_s for at_s in orders if at_s <= host.began_s)
