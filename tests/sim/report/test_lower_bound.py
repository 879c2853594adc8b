"""The lower bounds: the figures of ``docs/facts/autoscaling.md``, and brute force on small cases."""

from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.sim.report.lower_bound import (
    Hosts,
    JobLoad,
    atomic_makespan_s,
    cheapest_usd,
    fluid_makespan_s,
    frontier,
)

HOURS = 3600.0
#: One Jetson, and three hosts of the section.
NOTED = Hosts(cloud=3, start_s=180.0, usd_per_h=0.526)


def matches(count: int, *, every_s: float = 0.0, due_s: float = HOURS) -> list[JobLoad]:
    """Return so many of the note's matches: 35 minutes on the Jetson, 25 on an AWS host."""
    return [
        JobLoad(at=index * every_s, deadline_at=index * every_s + due_s, edge_s=2100, cloud_s=1500)
        for index in range(count)
    ]


@pytest.mark.parametrize(
    ("loads", "fluid", "detected", "atomic"),
    [
        (matches(1), 9.2, 10.8, 28),
        (matches(3), 22.6, 24.2, 28),
        (matches(6), 42.8, 44.4, 53),
        (matches(12, every_s=300), 83.2, 84.8, 103),
    ],
)
def test_the_facts(loads: list[JobLoad], fluid: float, detected: float, atomic: float) -> None:
    """The table of lower bounds, in minutes."""
    assert round(fluid_makespan_s(loads, NOTED) / 60, 1) == fluid
    assert round(fluid_makespan_s(loads, replace(NOTED, detect_s=120)) / 60, 1) == detected
    assert atomic_makespan_s(loads, NOTED) == atomic * 60


def test_the_frontier_of_six() -> None:
    """The same page: 53 minutes for $1.175, and six cheaper points down to 210 minutes for nothing."""
    points = [(point.makespan_s / 60, round(point.usd, 3)) for point in frontier(matches(6), NOTED)]
    assert points == [
        (53, 1.175), (70, 0.929), (103, 0.903), (105, 0.684), (140, 0.465), (175, 0.245), (210, 0.0),
    ]  # fmt: skip


def test_nothing_to_do() -> None:
    """It takes no time and costs nothing."""
    assert fluid_makespan_s([], NOTED) == atomic_makespan_s([], NOTED) == cheapest_usd([], NOTED) == 0.0


def test_nobody_to_do_it() -> None:
    """Without hosts there is no end."""
    assert atomic_makespan_s(matches(1), replace(NOTED, edge=0, cloud=0)) == float("inf")
    assert fluid_makespan_s(matches(1), replace(NOTED, edge=0, cloud=0)) == float("inf")


ARRIVALS = st.lists(st.integers(0, 4).map(lambda step: step * 300.0), min_size=1, max_size=4)
HOSTS = st.builds(
    Hosts, edge=st.integers(0, 1), cloud=st.integers(1, 2), start_s=st.sampled_from([0.0, 180.0])
)


@given(ARRIVALS, HOSTS)
def test_atomic_is_what_brute_force_finds(arrivals: list[float], hosts: Hosts) -> None:
    """Every assignment of jobs to hosts and every order of each host's jobs is tried."""
    loads = [JobLoad(at=at, deadline_at=at + HOURS, edge_s=2100, cloud_s=1500) for at in arrivals]
    assert atomic_makespan_s(loads, hosts) == pytest.approx(brute_force_s(loads, hosts))


@given(ARRIVALS, HOSTS)
def test_fluid_is_never_above_atomic(arrivals: list[float], hosts: Hosts) -> None:
    """Whole jobs are one way of many to cut the work."""
    loads = [JobLoad(at=at, deadline_at=at + HOURS, edge_s=2100, cloud_s=1500) for at in arrivals]
    assert fluid_makespan_s(loads, hosts) <= atomic_makespan_s(loads, hosts) + 1e-6


def brute_force_s(loads: list[JobLoad], hosts: Hosts) -> float:
    """Return the shortest makespan by trying everything."""
    first = min(load.at for load in loads)
    kinds = ["edge"] * hosts.edge + ["cloud"] * hosts.cloud
    best = float("inf")
    for order in permutations(loads):
        for places in product(range(len(kinds)), repeat=len(loads)):
            free = [first if kind == "edge" else first + hosts.start_s + hosts.detect_s for kind in kinds]
            for load, place in zip(order, places, strict=True):
                service_s = load.edge_s if kinds[place] == "edge" else load.cloud_s
                free[place] = max(free[place], load.at) + service_s
            used = {place: free[place] for place in places}
            best = min(best, max(used.values()) - first)
    return best


#: Five-minute slots: the Jetson does one unit of work in each, to whichever job.
SLOT_S = 300.0
SMALL = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3)


@given(SMALL)
def test_the_cheapest_is_what_brute_force_finds(jobs: list[tuple[int, int, int]]) -> None:
    """All ways are tried in which the Jetson may spend its slots; what it cannot do in time is paid for."""
    loads = [
        JobLoad(at=at * SLOT_S, deadline_at=(at + due) * SLOT_S, edge_s=work * SLOT_S, cloud_s=work * SLOT_S)
        for at, due, work in jobs
    ]
    hosts = Hosts(cloud=1, start_s=0.0, usd_per_h=12.0)  # a dollar for each slot of work
    assert cheapest_usd(loads, hosts) == pytest.approx(sum(work for _, _, work in jobs) - most_done(jobs))


def most_done(jobs: list[tuple[int, int, int]]) -> int:
    """Return the most slots of work that one host does in time."""
    best = 0
    for plan in product(range(len(jobs)), repeat=max(at + due for at, due, _ in jobs)):
        done = [0] * len(jobs)
        for slot, index in enumerate(plan):
            at, due, work = jobs[index]
            done[index] += at <= slot < at + due and done[index] < work
        best = max(best, sum(done))
    return best
