"""The system: whether the queue, the table and the buckets are there and let this host do its work.

Only reads, and writes that cannot change anything: each of them is refused by
its own condition, and not by a missing permission.
"""

import time
from collections.abc import Callable, Sequence
from itertools import islice

from rugbytx.doctor.check import Check, Finding, Health
from rugbytx.errors import RugbytxError
from rugbytx.system import Connection

#: No job, object or receipt has this name.
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
        Check(name="queue", look=lambda: _queue(system), remedy=_RESOURCES),
        Check(name="table", look=lambda: _table(system), remedy=_RESOURCES),
        Check(name="clock", look=lambda: [_clock(system, clock)], remedy="see `table` above"),
        *(_bucket_check(system, bucket) for bucket in buckets),
    ]


def _queue(system: Connection) -> Sequence[Finding]:
    depth = system.queue.depth()
    text = f"{system.settings.queue}: {depth.visible} messages waiting, {depth.in_flight} in work"
    there = Finding(check="queue", health=Health.OK, text=text)
    return [
        there,
        # A receipt that nobody was given: refused for what it is, unless this may not be asked at all.
        _permission(
            "queue permissions",
            lambda: system.queue.extend(NOBODY, visibility_s=0),
            may="visibility of messages may be changed",
            remedy="allow sqs:ReceiveMessage, DeleteMessage, ChangeMessageVisibility and SendMessage on the queue",
        ),
    ]


def _table(system: Connection) -> Sequence[Finding]:
    system.store.read_job(NOBODY)
    there = Finding(check="table", health=Health.OK, text=f"{system.settings.table} answers")
    return [
        there,
        # Only a job that exists is changed.
        _permission(
            "table permissions",
            lambda: system.store.set_wake(NOBODY, 1, wake_at=0.0),
            may="records may be changed",
            remedy="allow dynamodb:GetItem, Query, PutItem, UpdateItem and DeleteItem on the table and its index",
        ),
    ]


def _permission(name: str, write: Callable[[], object], *, may: str, remedy: str) -> Finding:
    """Say whether a write that changes nothing is allowed."""
    try:
        write()
    except RugbytxError as error:
        return Finding(check=name, health=Health.FAIL, text=str(error), remedy=remedy)
    return Finding(check=name, health=Health.OK, text=may)


def _clock(system: Connection, clock: Callable[[], float]) -> Finding:
    """Say how far this host's clock is off the store's, which is known to about a second."""
    system.store.read_job(NOBODY)
    offset_s = clock() - system.store.now()
    text = f"{offset_s:+.1f} s from the store's"
    if abs(offset_s) <= CLOCK_WARN_S:
        return Finding(check="clock", health=Health.OK, text=text)
    return Finding(
        check="clock",
        health=Health.FAIL if abs(offset_s) > CLOCK_FAIL_S else Health.WARN,
        text=text,
        remedy="let the clock be set by NTP: AWS refuses requests that are signed at a wrong time",
    )


def _bucket_check(system: Connection, bucket: str) -> Check:
    return Check(name=f"bucket {bucket}", look=lambda: [_bucket(system, bucket)], remedy=_RESOURCES)


def _bucket(system: Connection, bucket: str) -> Finding:
    """Say whether the bucket can be listed and its objects be read; nothing is written."""
    name = f"bucket {bucket}"
    found = list(islice(system.storage.list(bucket, f"{NOBODY}/"), 1))
    system.storage.head(bucket, NOBODY)
    text = "may be listed and read; writing was not tried"
    if found:
        text = f"{text} (it holds objects under {NOBODY}/)"
    return Finding(check=name, health=Health.OK, text=text)
