"""Facts of a hybrid fleet for tests: matches as the note (docs/origin/note.md) has them, a Jetson, AWS workers."""

from dataclasses import replace
from typing import Any

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.scaling.facts import FleetFact, JobFact, ScalingPolicy
from rugbytx.core.scaling.pace import MATCH_BYTES, MATCH_PX
from rugbytx.settings import Settings

NOW = 1_000_000.0
MIN = 60.0


def policy_of(**changed: Any) -> ScalingPolicy:
    """Return production's policy, but for what is changed."""
    return replace(Settings().policy, **changed)


def match(job_id: str = "match", *, due_min: float = 60, left: float = 1.0, **changed: Any) -> JobFact:
    """Return a queued match of which the share ``left`` is to be done."""
    fields: dict[str, Any] = {
        "job_id": job_id,
        "generation": 1,
        "submitted_at": NOW,
        "deadline_at": NOW + due_min * MIN,
        "work_px": MATCH_PX,
        "left_px": MATCH_PX * left,
        "units_left": max(1, round(120 * left)),
        "is_queued": left == 1.0,
        "size_bytes": int(MATCH_BYTES),
    }
    return JobFact(**{**fields, **changed})


def matches(count: int, **changed: Any) -> tuple[JobFact, ...]:
    """Return so many of them."""
    return tuple(match(f"match-{number}", **changed) for number in range(count))


def worker(name: str, *, busy: int = 0, slots: int = 1, **changed: Any) -> Worker:
    """Return a living worker whose class is its name's beginning."""
    fields: dict[str, Any] = {
        "name": name,
        "worker_class": name.partition("-")[0],
        "slots": slots,
        "busy": busy,
        "seen_at": NOW,
        "until": NOW + 60,
        "idle_since": NOW,
    }
    return Worker(**{**fields, **changed})


JETSON = worker("jetson-1")


def ordered(desired: int, *, ago_min: float = 0) -> FleetFact:
    """Return what was ordered so long ago."""
    return FleetFact(desired=desired, ordered_at=NOW - ago_min * MIN)
