"""Runs in turn: ours, the reference, ours, ... so that a machine whose speed drifts slows both alike."""

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

Ours = TypeVar("Ours")
Theirs = TypeVar("Theirs")


class Scale(StrEnum):
    """How much of everything is done."""

    FULL = "full"
    #: Just enough to see that the benchmark works; its ratios mean nothing.
    SMOKE = "smoke"

    def of(self, full: int, smoke: int) -> int:
        """Return how many of something this scale wants."""
        return full if self is Scale.FULL else smoke


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took."""

    wall_s: float
    #: User and system, of this process and of its children that have ended.
    cpu_s: float


def in_turn(
    ours: Callable[[], Ours], reference: Callable[[], Theirs], *, rounds: int, warm: bool = True
) -> list[tuple[Ours, Theirs]]:
    """Return what each pair of runs returned; one pair before them warms up and is thrown away."""
    if warm:
        ours()
        reference()
    return [(ours(), reference()) for _ in range(rounds)]


def cost_of(work: Callable[[], object]) -> Cost:
    """Do the work and return what it took; what runs in this process beside it counts too."""
    cpu_before, before = _cpu_s(), time.perf_counter()
    work()
    return Cost(wall_s=time.perf_counter() - before, cpu_s=_cpu_s() - cpu_before)


def _cpu_s() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def cores() -> list[int]:
    """Return the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))
