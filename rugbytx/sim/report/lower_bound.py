"""The best that any policy could do: lower bounds on time and cost, against which policies are measured.

Two models of the same work.  *Fluid*: work can be cut at will and done by
everybody at once, as chunks nearly can.  *Atomic*: a job stays on one host, as
whole messages do.  Both know the future, need no time to notice anything, and
pay an AWS host from its launch to its last second of work.  Times are in
seconds; ``docs/facts/autoscaling.md`` has the figures that the tests hold these to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush


@dataclass(frozen=True, kw_only=True)
class JobLoad:
    """One job: when it is there, when it should be done, and how long each host would need for it."""

    at: float
    deadline_at: float
    edge_s: float
    cloud_s: float


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """What there is to work with."""

    edge: int = 1
    cloud: int
    #: The time from the order of a host until it works, paid like work.
    start_s: float
    #: How long nobody notices; no part of the bill.
    detect_s: float = 0.0
    usd_per_h: float

    def usd(self, *, work_s: float, hosts: int) -> float:
        """Return what ``hosts`` that work ``work_s`` in all cost."""
        return (work_s + hosts * self.start_s) * self.usd_per_h / 3600


@dataclass(frozen=True, kw_only=True)
class FrontierPoint:
    """One point of the frontier: done by then, for so much, on so many AWS hosts."""

    makespan_s: float
    usd: float
    hosts: int


def fluid_makespan_s(loads: Sequence[JobLoad], hosts: Hosts) -> float:
    """Return the shortest time from the first arrival to the end of all, were work a fluid.

    For each suffix of arrivals: what came since its first one cannot be done
    before it came, so it takes at least its work over the rate of all hosts that
    are up by then.

    >>> three = [JobLoad(at=0, deadline_at=3600, edge_s=2100, cloud_s=1500)] * 3
    >>> hosts = Hosts(cloud=3, start_s=180.0, usd_per_h=0.5)
    >>> round(fluid_makespan_s(three, hosts) / 60, 1)
    22.6
    """
    if not loads:
        return 0.0
    coming = sorted(loads, key=lambda load: load.at)
    first, ends_at, edge_s, cloud_s = coming[0].at, 0.0, 0.0, 0.0
    for load in reversed(coming):
        # Of several that came together, the last to be added has all of them in its sums, and the latest end.
        edge_s, cloud_s = edge_s + load.edge_s, cloud_s + load.cloud_s
        ends_at = max(ends_at, _done_at(edge_s, cloud_s, load.at, first, hosts))
    return ends_at - first


def _done_at(edge_s: float, cloud_s: float, at: float, first: float, hosts: Hosts) -> float:
    """Return when work that is so long on either kind of host may be done if all of them begin with it at ``at``."""
    ready_at = max(at, first + hosts.start_s + hosts.detect_s)
    alone_at = at + edge_s / hosts.edge if hosts.edge else math.inf
    if alone_at <= ready_at or not hosts.cloud:
        return alone_at
    left = 1 - (ready_at - at) * hosts.edge / edge_s
    rate = hosts.edge / edge_s + hosts.cloud / cloud_s
    return ready_at + left / rate


def atomic_makespan_s(loads: Sequence[JobLoad], hosts: Hosts, *, cloud_jobs: int | None = None) -> float:
    """Return the shortest time in which equal jobs can all be done, each on one host.

    All jobs take the same time on a host of one kind.  A host that must be done at
    T has its places right-justified, ``T - s``, ``T - 2s``, …; the latest places
    suit every job best, so T is enough if and only if the jobs, latest first, find
    each its place.  ``cloud_jobs`` limits how many go to AWS hosts.
    """
    if not loads:
        return 0.0
    first = min(load.at for load in loads)
    arrivals = sorted((load.at - first for load in loads), reverse=True)
    edge_s, cloud_s = loads[0].edge_s, loads[0].cloud_s
    ready_s = hosts.start_s + hosts.detect_s
    # The last to end began when it came, when its host was ready, or when its host was done with others.
    starts = {0.0, *arrivals} if hosts.edge else set()
    ends = {start + k * edge_s for start in starts for k in range(1, len(loads) + 1)}
    if hosts.cloud and cloud_jobs != 0:
        ends |= {max(start, ready_s) + k * cloud_s for start in arrivals for k in range(1, len(loads) + 1)}
    candidates = sorted(ends)
    low, high = 0, len(candidates) - 1
    if high < 0 or not _fits(candidates[-1], arrivals, hosts, (edge_s, cloud_s), cloud_jobs):
        return math.inf
    while low < high:
        middle = (low + high) // 2
        if _fits(candidates[middle], arrivals, hosts, (edge_s, cloud_s), cloud_jobs):
            high = middle
        else:
            low = middle + 1
    return candidates[low]


def _fits(
    end_s: float,
    arrivals: Sequence[float],
    hosts: Hosts,
    service_s: tuple[float, float],
    cloud_jobs: int | None,
) -> bool:
    """Return whether jobs that came at ``arrivals``, latest first, can all be done by ``end_s``."""
    most = len(arrivals)
    edge = _places(end_s, service_s[0], ready_s=0.0, most=most) * hosts.edge
    cloud = _places(end_s, service_s[1], ready_s=hosts.start_s + hosts.detect_s, most=most) * hosts.cloud
    cloud = sorted(cloud, reverse=True)[:cloud_jobs]
    places = sorted(edge + cloud, reverse=True)[:most]
    slack = 1e-6
    return len(places) == most and all(
        place >= at - slack for place, at in zip(places, arrivals, strict=True)
    )


def _places(end_s: float, service_s: float, *, ready_s: float, most: int) -> list[float]:
    count = min(most, int((end_s - ready_s) / service_s + 1e-9))
    return [end_s - k * service_s for k in range(1, count + 1)]


def frontier(loads: Sequence[JobLoad], hosts: Hosts) -> tuple[FrontierPoint, ...]:
    """Return the best trades of time against cost for equal jobs on whole hosts, the fastest first.

    >>> three = [JobLoad(at=0, deadline_at=3600, edge_s=2100, cloud_s=1500)] * 3
    >>> hosts = Hosts(cloud=3, start_s=180.0, usd_per_h=0.5)
    >>> [(point.makespan_s / 60, round(point.usd, 3)) for point in frontier(three, hosts)]
    [(28.0, 0.7), (35.0, 0.467), (53.0, 0.442), (70.0, 0.233), (105.0, 0.0)]
    """
    points = []
    for cloud in range(hosts.cloud + 1):
        fleet = replace(hosts, cloud=cloud)
        for jobs in range(cloud, len(loads) + 1 if cloud else 1):
            end_s = atomic_makespan_s(loads, fleet, cloud_jobs=jobs)
            usd = hosts.usd(work_s=jobs * loads[0].cloud_s if loads else 0.0, hosts=cloud)
            points.append(FrontierPoint(makespan_s=end_s, usd=usd, hosts=cloud))
    best: list[FrontierPoint] = []
    for point in sorted(points, key=lambda point: (point.makespan_s, point.usd)):
        if point.makespan_s < math.inf and (not best or point.usd < best[-1].usd - 1e-9):
            best.append(point)
    return tuple(best)


def cheapest_usd(loads: Sequence[JobLoad], hosts: Hosts) -> float:
    """Return the least that meeting every deadline costs, were work a fluid.

    The host on the premises costs nothing, so it does as much as it can: to work
    at the earliest deadline first, and to drop what is late, gets the most done of
    any order.  The rest is AWS's, on as many hosts as it takes from the first
    arrival to the last deadline, and on no more than there are: deadlines that
    cannot be met make it no dearer.
    """
    rest_s = _left_by_edge(loads, hosts.edge)
    if rest_s <= 1e-6:
        return 0.0
    span_s = max(load.deadline_at for load in loads) - min(load.at for load in loads)
    each_s = max(1.0, span_s - hosts.start_s - hosts.detect_s)
    return hosts.usd(work_s=rest_s, hosts=min(max(1, hosts.cloud), math.ceil(rest_s / each_s)))


def _left_by_edge(loads: Sequence[JobLoad], edge: int) -> float:
    """Return the AWS seconds of the work that the host on the premises cannot do in time."""
    if not edge:
        return sum(load.cloud_s for load in loads)
    coming = sorted(loads, key=lambda load: load.at)
    waiting: list[list[float]] = []  # a heap of deadline, edge seconds left, AWS seconds for each of them
    rest_s, now, index = 0.0, 0.0, 0
    while waiting or index < len(coming):
        if not waiting:
            now = max(now, coming[index].at)
        while index < len(coming) and coming[index].at <= now:
            load = coming[index]
            heappush(waiting, [load.deadline_at, load.edge_s / edge, load.cloud_s / load.edge_s * edge])
            index += 1
        job = waiting[0]
        next_at = coming[index].at if index < len(coming) else math.inf
        done_at = now + job[1]
        until = min(next_at, done_at, max(now, job[0]))
        # After a year the clock is too coarse for what is left of a second: done is what comes out as done.
        job[1] = 0.0 if until == done_at else job[1] - (until - now)
        now = until
        if job[1] <= 0 or now >= job[0]:
            heappop(waiting)
            rest_s += max(0.0, job[1]) * job[2]
    return rest_s
