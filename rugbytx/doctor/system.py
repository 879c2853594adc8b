"""The system: whether the queue, the table and the buckets are there and let this host do its work.

Nothing is left behind: how each action is tried stands in ``aws.permission``.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from rugbytx.aws.client import REGION_VARIABLES
from rugbytx.doctor.check import Check, CheckResult, Health
from rugbytx.ports.service import Tried
from rugbytx.system import Connection

#: No job has this name.
NOBODY = "-doctor-"
#: Signatures bear a clock that is five minutes off (SigV4); people reading logs do not bear five seconds.
CLOCK_WARN_S = 5.0
CLOCK_FAIL_S = 240.0

_RESOURCES = "create it, or correct the setting that names it; look at AWS_REGION and AWS_ENDPOINT_URL too"


def checks(system: Connection, *, clock: Callable[[], float] = time.time) -> list[Check]:  # noqa: TID251  it is judged
    """Return the checks of a system; ``clock`` is this host's."""
    settings = system.settings
    buckets = dict.fromkeys((*settings.source_buckets, settings.output_bucket))
    return [
        Check(name="queue", examine=lambda: _queue(system), remedy=_RESOURCES),
        Check(name="table", examine=lambda: _table(system), remedy=_RESOURCES),
        Check(
            name="clock",
            examine=lambda: [_clock(system, clock)],
            remedy="see to the table first: the store's time stands in its answers",
        ),
        *(_bucket_check(system, bucket) for bucket in buckets),
    ]


def regions(environ: Mapping[str, str]) -> Sequence[CheckResult]:
    """Say where the two variables for the region name different ones, which other programs take otherwise."""
    first, second = (environ.get(name, "") for name in REGION_VARIABLES)
    if not first or not second or first == second:
        return []
    ours, other = REGION_VARIABLES
    return [
        CheckResult(
            check="region",
            health=Health.WARN,
            text=f"{ours} says {first}, which counts here, and {other} says {second}",
            remedy=f"let both say the same, or unset {other}: boto3 by itself reads {other} alone",
        )
    ]


def _queue(system: Connection) -> Sequence[CheckResult]:
    depth = system.queue.depth()
    text = f"{system.settings.queue}: {depth.visible} messages waiting, {depth.in_flight} in work"
    there = CheckResult(check="queue", health=Health.OK, text=text)
    return [there, _permitted("queue permissions", system.permissions.queue(), of="the queue")]


def _table(system: Connection) -> Sequence[CheckResult]:
    system.store.jobs.read(NOBODY)
    there = CheckResult(check="table", health=Health.OK, text=f"{system.settings.table} answers")
    return [there, _permitted("table permissions", system.permissions.table(), of="the table and its index")]


def _permitted(name: str, tried: Sequence[Tried], *, of: str) -> CheckResult:
    """Say which of the actions that were tried are refused, if any is."""
    refused = [action for action in tried if action.refusal]
    if not refused:
        actions = ", ".join(action.action.partition(":")[2] for action in tried)
        return CheckResult(check=name, health=Health.OK, text=f"allowed: {actions}")
    actions = ", ".join(action.action for action in refused)
    return CheckResult(
        check=name,
        health=Health.FAIL,
        text=f"refused: {actions} ({refused[0].refusal})",
        remedy=f"allow {actions}, in the policy of this host's role, and of {of}",
    )


def _clock(system: Connection, clock: Callable[[], float]) -> CheckResult:
    """Say how far this host's clock is off the store's, which is known to about a second."""
    system.store.jobs.read(NOBODY)
    offset_s = clock() - system.store.now()
    text = f"{offset_s:+.1f} s from the store's"
    if abs(offset_s) <= CLOCK_WARN_S:
        return CheckResult(check="clock", health=Health.OK, text=text)
    return CheckResult(
        check="clock",
        health=Health.FAIL if abs(offset_s) > CLOCK_FAIL_S else Health.WARN,
        text=text,
        remedy="let the clock be set by NTP: AWS refuses requests that are signed at a wrong time",
    )


def _bucket_check(system: Connection, bucket: str) -> Check:
    return Check(name=f"bucket {bucket}", examine=lambda: [_bucket(system, bucket)], remedy=_RESOURCES)


def _bucket(system: Connection, bucket: str) -> CheckResult:
    """Say whether workers may do with the bucket what they do: sources are read, outputs also written and removed."""
    writes = bucket == system.settings.output_bucket
    tried = system.permissions.bucket(bucket, writes=writes)
    return _permitted(f"bucket {bucket}", tried, of="the bucket")
