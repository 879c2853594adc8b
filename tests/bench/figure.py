"""What a benchmark found: ratios of ours to a reference, from runs in turn, each held against a goal."""

import dataclasses
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Bound(StrEnum):
    """Which side of its goal a ratio should be on."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One ratio, once for each pair of runs."""

    #: What is divided: ``wall``, ``CPU``, ``jobs a second``.
    name: str
    ratios: tuple[float, ...]
    #: None where the ratio is told and nothing is expected of it.
    goal: float | None = None
    bound: Bound = Bound.AT_MOST

    @property
    def median(self) -> float:
        """Return the middle ratio."""
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool:
        """Return whether the median is on the right side of its goal."""
        if self.goal is None:
            return True
        return self.median <= self.goal if self.bound is Bound.AT_MOST else self.median >= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return everything, with what follows from it."""
        return {
            "name": self.name,
            "ratios": [round(ratio, 4) for ratio in self.ratios],
            "median": round(self.median, 4),
            "least": round(min(self.ratios), 4),
            "most": round(max(self.ratios), 4),
            "goal": self.goal,
            "bound": str(self.bound),
            "met": self.is_met,
        }


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one benchmark found."""

    name: str
    ours: str
    reference: str
    figures: tuple[Figure, ...]
    #: Figures of this machine alone, never to be compared with another's: seconds, counts, bytes.
    details: Mapping[str, Any] = field(default_factory=dict)
    took_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return everything, with stable keys."""
        return {
            "name": self.name,
            "ours": self.ours,
            "reference": self.reference,
            "figures": [figure.as_json() for figure in self.figures],
            "details": dict(self.details),
            "took_s": round(self.took_s, 1),
        }

    def after(self, took_s: float) -> "Result":
        """Return the same with how long it took."""
        return dataclasses.replace(self, took_s=took_s)


def ratios(pairs: list[tuple[float, float]]) -> tuple[float, ...]:
    """Return ours over the reference, pair by pair.

    >>> ratios([(3.0, 2.0), (1.0, 4.0)])
    (1.5, 0.25)
    """
    return tuple(ours / reference for ours, reference in pairs)


def quantile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of all are not above, by the nearest rank.

    >>> quantile([5.0, 1.0, 3.0, 2.0, 4.0], 0.5), quantile([1.0, 2.0], 0.99)
    (3.0, 2.0)
    """
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -int(-share * len(ranked) // 1) - 1))]
