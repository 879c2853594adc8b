"""Is the simulated hybrid the one that was played?  A scene's record, played again by the simulator.

The simulator gets what nobody decides: the films and when they came, what was
done to the system, how long each unit and each start took.  Production's code then
decides in it, and each of its decisions is held against those that were made.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import mean

from rugbytx import prices
from rugbytx.core.lease.unit import UnitKey
from rugbytx.sim import batch
from rugbytx.sim.input import policy as policies
from rugbytx.sim.input.scenario import InjectedFault, Scenario, Trouble, Upload
from rugbytx.sim.input.trace import Stay, Trace
from rugbytx.sim.input.upload_kind import Size
from rugbytx.sim.simulation import Case, run
from tests.hybrid.film import CHUNK_S, HEIGHT, RATE, WIDTH
from tests.hybrid.record import ALL_TOLD_TO_STOP, JETSON_KILLED, Host, Record, Said, Work

#: Where the simulator has another word for a setting.  Its cold start is what the policy counts with; how long
#: each start took is in the trace.
_NAMES = {"max_workers": "max_hosts", "poll_wait_s": "poll_s"}
#: The scenes that are held to it each time.  In (d) four workers are after the last units of three jobs: which gets one
#: hangs on tenths of a second, and they know the store's time only to within one.
HELD = frozenset("abcef")
#: How far a decision may lie from its partner.
TICKS = 2
#: A pause between two units is longer only where the worker had nothing to do.
LONGEST_PAUSE_S = 2.0
#: A worker that begins later had waited for something to do.
LONGEST_ATTACH_S = 4.0
#: How far apart the store's time may be as two processes know it.
CLOCKS_S = 1.0


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
    """Yield each change of decision that the other side did not make within two ticks of it.

    One that was taken back within two ticks needs no partner: between two that do
    lies less than what may lie between partners.
    """
    within_s = TICKS * tick_s(record)
    end_s = record.said[-1].at_s
    played = list(changes(record.said))
    for where, own, others in (("played", played, said), ("simulated", said, played)):
        for one, until_s in zip(own, _ends(own), strict=True):
            is_seen = one.at_s <= end_s - within_s or where == "played"
            if is_seen and until_s - one.at_s > within_s and not _is_said(one, others, within_s):
                yield Lonely(where=where, said=one)


def changes(said: Sequence[Said]) -> Iterator[Said]:
    """Yield the first decision, and each that says something else than the one before it."""
    yield from said[:1]
    yield from (after for before, after in pairwise(said) if after.words != before.words)


def tick_s(record: Record) -> float:
    """Return how long a tick took, on average: the pause, and to read and to decide."""
    return mean(after.at_s - before.at_s for before, after in pairwise(record.said))


def _is_said(one: Said, others: Sequence[Said], within_s: float) -> bool:
    """Return whether the same was in force on the other side at some time so near."""
    return any(
        other.words == one.words and other.at_s <= one.at_s + within_s and end_s >= one.at_s - within_s
        for other, end_s in zip(others, _ends(others), strict=True)
    )


def _ends(said: Sequence[Said]) -> list[float]:
    """Return until when each decision was in force."""
    return [*(one.at_s for one in said[1:]), inf]


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


def _faults(record: Record) -> Iterator[InjectedFault]:
    jetsons = sorted(one.began_s for one in record.hosts if one.worker_class == "jetson")
    for event in record.events:
        if event.kind == ALL_TOLD_TO_STOP:
            yield InjectedFault(kind=Trouble.TOLD_TO_STOP, at_s=event.at_s)
        if event.kind == JETSON_KILLED:
            back_s = next((began_s for began_s in jetsons if began_s > event.at_s), inf)
            yield InjectedFault(kind=Trouble.POWER_CUT, at_s=event.at_s, for_s=back_s - event.at_s)


def _trace(record: Record, numbers: Mapping[str, int]) -> Trace:
    usual = _usual(record.works)
    return Trace(
        stays={
            (numbers[work.job_id], work.key, work.worker_class): Stay(
                work_s=work.ended_s - work.began_s,
                pause_s=usual[_kind(work)].pause_s if pause_s is None else pause_s,
            )
            for work, pause_s in _paused(record.works)
        },
        usual=usual,
        turns=tuple(
            sorted(
                [
                    *((work.began_s, numbers[work.job_id]) for work in _first(record.works)),
                    *((one.started_s, numbers[one.job_id]) for one in record.arrivals if one.started_s),
                ]
            )
        ),
        ticks=tuple(one.at_s for one in record.said),
        tick_took_s=max(0.0, tick_s(record) - record.settings["tick_s"]),
        cold_s=tuple(_starts(record)),
        attach_s=tuple(_attached(record, "aws")),
        victims=tuple(_victims(record)),
        jetson_attach_s=next((sum(one) for one in _attached(record, "jetson")), 0.0),
        jetson_speeds=next(
            (one.speeds for one in record.hosts if one.worker_class == "jetson" and one.began_s < 0), ()
        ),
    )


def _first(works: Sequence[Work]) -> Iterator[Work]:
    """Yield each unit that is the first of its job which its worker does in a row."""
    last: dict[str, str] = {}
    for work in works:
        if last.get(work.worker) != work.job_id:
            yield work
        last[work.worker] = work.job_id


def _usual(works: Sequence[Work]) -> dict[tuple[str, str], Stay]:
    """Return what units of a kind took on a class's workers, on average."""
    work_s: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    pauses_s: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for work, pause_s in _paused(works):
        work_s[_kind(work)].append(work.ended_s - work.began_s)
        if pause_s is not None:
            pauses_s[_kind(work)].append(pause_s)
    return {
        key: Stay(work_s=mean(found), pause_s=mean(pauses_s[key]) if key in pauses_s else 0.0)
        for key, found in work_s.items()
    }


def _kind(work: Work) -> tuple[str, str]:
    return str(UnitKey.parse(work.key).kind), work.worker_class


def _paused(works: Sequence[Work]) -> Iterator[tuple[Work, float | None]]:
    """Yield each unit with the pause until the same worker's next one; None where there was none for it soon."""
    by_worker: defaultdict[str, list[Work]] = defaultdict(list)
    for work in works:
        by_worker[work.worker].append(work)
    for own in by_worker.values():
        for work, after in zip(own, [*own[1:], None], strict=True):
            pause_s = max(0.0, after.began_s - work.ended_s) if after else inf
            yield work, pause_s if pause_s <= LONGEST_PAUSE_S else None


def _attached(record: Record, worker_class: str) -> Iterator[tuple[float, float]]:
    """Yield how long each worker took from its first word to its first message, and from there to its first unit.

    Both are 0 where it had nothing to do soon.  The Jetson may be at work for the
    scene before, when this one begins.
    """
    started_s = {one.job_id: one.started_s for one in record.arrivals}
    for host in _of_class(record, worker_class):
        since_s = max(host.began_s, record.arrivals[0].at_s)
        first_s = min((one.began_s for one in record.works if one.worker == host.name), default=inf)
        if first_s - since_s >= (LONGEST_ATTACH_S if worker_class == "aws" else inf):
            yield 0.0, 0.0
            continue
        # Of a job that was under way by then it had a further message, and nobody noted when.
        told_s = started_s.get(host.first_job) or inf
        is_first = since_s - CLOCKS_S < told_s <= first_s
        received_s = min(max(told_s, since_s), first_s) if is_first else first_s
        yield max(0.0, received_s - since_s), first_s - received_s


def _victims(record: Record) -> Iterator[int]:
    """Yield the place of each AWS worker that ended among those that were left, the longest idle first."""
    ended_s = {one.worker: one.ended_s for one in record.works}
    left = sorted(_of_class(record, "aws"), key=lambda one: ended_s.get(one.name, one.began_s))
    for host in sorted(left, key=lambda one: one.last_s):
        yield left.index(host)
        left.remove(host)


def _starts(record: Record) -> Iterator[float]:
    """Yield how long each AWS worker took from its order to its first word."""
    waiting: list[float] = []
    hosts = list(_of_class(record, "aws"))
    ordered_at, desired = 0.0, 0
    for one in record.said:
        while hosts and hosts[0].began_s <= one.at_s:
            # One that takes the place of a worker that has left was not ordered by a decision.
            ordered_at = waiting.pop(0) if waiting else ordered_at
            yield hosts.pop(0).began_s - ordered_at
        if one.desired > desired:
            waiting += [one.at_s] * (one.desired - desired)
        else:
            waiting = waiting[: max(0, len(waiting) - (desired - one.desired))]
        desired = one.desired


def _of_class(record: Record, worker_class: str) -> list[Host]:
    """Return a class's workers by the numbers in their names, which is how the simulator names them as well."""
    return sorted((one for one in record.hosts if one.worker_class == worker_class), key=_number)


def _number(host: Host) -> int:
    return int(host.name.partition("@")[0].rpartition("-")[2])
