"""What a run found: one table for people, the same as JSON for machines."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Findings of one kind that are told in full.
MOST_SENTENCES = 10


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of one run, and a sentence for each promise that did not hold."""

    seed: int
    jobs: int
    statuses: Mapping[str, int]
    took_s: float
    clock: str
    kills: Mapping[str, int]
    storms: Mapping[str, int]
    faults: Mapping[str, int]
    unspent: int
    purges: int
    units: int
    redone: int
    deliveries: int
    redeliveries: int
    restarts: int
    #: Starts that a storm made impossible, a sentence each.
    failed_starts: tuple[str, ...]
    worst_takeover_s: float
    worst_undisturbed_takeover_s: float
    messages_left: int
    dead_letters: int
    #: Objects that no manifest named before the clean-up of the day after.
    strays_before_clean_up: int
    #: By the promise that was broken.
    broken: Mapping[str, tuple[str, ...]]

    @property
    def holds(self) -> bool:
        """Return whether every promise held."""
        return not any(self.broken.values())

    def as_json(self) -> dict[str, Any]:
        """Return everything, with stable keys."""
        return {**dataclasses.asdict(self), "holds": self.holds}


def text(report: Report) -> str:
    """Return the table, and under it what did not hold."""
    rows = [
        ("seed", report.seed),
        ("jobs", f"{report.jobs} ({_counts(report.statuses)})"),
        ("seconds", f"{report.took_s:.0f}"),
        ("clock of one worker", report.clock),
        ("kills", f"{sum(report.kills.values())} ({_counts(report.kills)})"),
        ("storms", f"{sum(report.storms.values())} ({_counts(report.storms)})"),
        ("requests hurt", f"{sum(report.faults.values())} ({_counts(report.faults)})"),
        ("queue purged", report.purges),
        ("events that found no occasion", report.unspent),
        ("messages delivered", f"{report.deliveries}, of these {report.redeliveries} again"),
        (
            "workers replaced",
            f"{report.restarts}, of these {len(report.failed_starts)} after a start that failed",
        ),
        ("units", report.units),
        ("units redone", report.redone),
        (
            "worst takeover",
            f"{report.worst_takeover_s:.1f} s; {report.worst_undisturbed_takeover_s:.1f} s where nothing else interfered",
        ),
        ("messages left, dead letters", f"{report.messages_left}, {report.dead_letters}"),
        ("strays before the clean-up", report.strays_before_clean_up),
        *((name, len(sentences)) for name, sentences in report.broken.items()),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    for name, sentences in report.broken.items():
        lines += [f"\n{name}:"] if sentences else []
        lines += [f"  {sentence}" for sentence in sentences[:MOST_SENTENCES]]
        if len(sentences) > MOST_SENTENCES:
            lines.append(f"  and {len(sentences) - MOST_SENTENCES} more")
    lines.append("\nEvery promise held." if report.holds else "\nNOT every promise held.")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    """Return counts by name, the most frequent first.

    >>> _counts({"freeze": 1, "kill-main": 3})
    '3 kill-main, 1 freeze'
    """
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common()) or "none"
