"""Spans: for how long each worker was there, at what price, and what it did with that time.

One record for each worker and day (UTC), which the worker writes about once a
minute, so that a day's cost is one read::

    started_at        ready_at                                    until
        |── cold ────────|── busy ──|── idle ──|── busy ──|── idle ──|
    paid for since   may be given work                   left, or believed no longer

A worker that falls silent is counted until its last word has run out, as its
presence is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.record import Versioned

#: An idle stretch of an AWS worker that is longer is reported, and counted whole.
LONG_IDLE_S = 1800.0
DAY_S = 86_400.0
#: A host that was booted longer ago was not started for the worker that begins on it.
MOST_BOOT_S = 600.0


class End(StrEnum):
    """How a span ended; while its worker lives, and after it fell silent, it has none."""

    #: The day was over; the next day's span goes on.
    MIDNIGHT = "midnight"
    #: Its worker was told to leave: scale-in, deployment, a person.
    LEFT = "left"
    #: EC2 took its instance back.
    SPOT = "spot"
    #: No encoder worked on its host.
    UNFIT = "unfit"


class Span(Versioned):
    """What a worker was on one day.  Instants are float seconds of store time."""

    worker: str
    worker_class: WorkerClass
    #: When it begins to be paid for.
    started_at: float
    #: When its gate first let it work; 0 while it has not.
    ready_at: float = 0.0
    seen_at: float
    #: When it counts as silent unless it reports again; its end, once it has ended.
    until: float
    #: Seconds in which at least one slot was busy.
    busy_s: float = 0.0
    #: When the last slot became free; may lie on the day before.
    idle_since: float
    #: Idle stretches of more than half an hour, and what they add up to.
    long_idles: int = 0
    long_idle_s: float = 0.0
    usd_per_h: float
    slots: int = 1
    #: A record has an empty string for None.
    ending: Annotated[
        End | None,
        BeforeValidator(lambda value: value or None),
        PlainSerializer(lambda value: value or "", return_type=str),
    ] = None

    def advanced(self, *, now: float, is_busy: bool, is_able: bool, lasts_s: float) -> "Span":
        """Return the span ``now``, whose worker was ``is_busy`` since the last word; it is believed for ``lasts_s``.

        ``now`` is on the span's own day, or its very end.  Time that goes
        backwards is none.
        """
        now = max(now, self.seen_at)
        stretch_s, former_s = now - self.idle_since, self.seen_at - self.idle_since
        is_long = not is_busy and stretch_s > LONG_IDLE_S
        was_long = former_s > LONG_IDLE_S
        return self.model_copy(
            update={
                "seen_at": now,
                "until": min(now + lasts_s, day_after(self.started_at)),
                # Whoever was at work had been let.
                "ready_at": self.ready_at or (self.seen_at if is_busy else now if is_able else 0.0),
                "busy_s": self.busy_s + (now - self.seen_at if is_busy else 0.0),
                "idle_since": now if is_busy else self.idle_since,
                "long_idles": self.long_idles + (is_long and not was_long),
                "long_idle_s": self.long_idle_s
                + (stretch_s if is_long and not was_long else now - self.seen_at if is_long else 0.0),
            }
        )

    def ended(self, ending: End) -> "Span":
        """Return the span as it ended with its worker's last word."""
        return self.model_copy(update={"until": self.seen_at, "ending": ending})

    def next_day(self) -> "Span":
        """Return the span with which the day after this one begins."""
        midnight = day_after(self.started_at)
        return self.model_copy(
            update={
                "started_at": midnight,
                "ready_at": midnight if self.ready_at else 0.0,
                "seen_at": midnight,
                "until": midnight,
                "busy_s": 0.0,
                "long_idles": 0,
                "long_idle_s": 0.0,
            }
        )


@dataclass(frozen=True, kw_only=True)
class Total:
    """What spans add up to."""

    spans: int = 0
    paid_s: float = 0.0
    #: The part of it before work could be given.
    cold_s: float = 0.0
    busy_s: float = 0.0
    idle_s: float = 0.0
    long_idles: int = 0
    long_idle_s: float = 0.0
    usd: float = 0.0

    def __add__(self, other: "Total") -> "Total":
        return Total(
            spans=self.spans + other.spans,
            paid_s=self.paid_s + other.paid_s,
            cold_s=self.cold_s + other.cold_s,
            busy_s=self.busy_s + other.busy_s,
            idle_s=self.idle_s + other.idle_s,
            long_idles=self.long_idles + other.long_idles,
            long_idle_s=self.long_idle_s + other.long_idle_s,
            usd=self.usd + other.usd,
        )


def begun(
    worker: str,
    worker_class: WorkerClass,
    *,
    now: float,
    usd_per_h: float,
    slots: int = 1,
    boot_s: float = 0.0,
) -> Span:
    """Return the span of a worker that begins ``now``, on a host that was booted for it ``boot_s`` ago.

    What was paid before midnight for a host that was booted then is not counted.

    >>> begun("aws-1", "aws", now=1_790_000_000.0, usd_per_h=0.5, boot_s=95.0).started_at
    1789999905.0
    >>> begun("aws-1", "aws", now=1_790_000_000.0, usd_per_h=0.5, boot_s=86_000.0).started_at
    1790000000.0
    """
    cold_s = boot_s if 0 < boot_s <= MOST_BOOT_S else 0.0
    return Span(
        worker=worker,
        worker_class=worker_class,
        started_at=max(now - cold_s, midnight_before(now)),
        seen_at=now,
        until=now,
        idle_since=now,
        usd_per_h=usd_per_h,
        slots=slots,
    )


def followed(span: Span, *, now: float, is_busy: bool, is_able: bool, lasts_s: float) -> Iterator[Span]:
    """Yield the span ``now``, after the days that it ended since its last word.

    A worker that was frozen over midnight was there, and was paid for.
    """
    while (midnight := day_after(span.started_at)) <= now:
        whole = span.advanced(now=midnight, is_busy=is_busy, is_able=is_able, lasts_s=lasts_s)
        yield whole.ended(End.MIDNIGHT)
        span = whole.next_day()
    yield span.advanced(now=now, is_busy=is_busy, is_able=is_able, lasts_s=lasts_s)


def total(spans: Iterable[Span], *, now: float) -> Total:
    """Return what the spans add up to ``now``."""
    summed = Total()
    for span, end in ends(spans, now=now):
        summed += _of(span, end)
    return summed


def spent_usd(spans: Iterable[Span], *, now: float, worker_class: WorkerClass = WorkerClass.AWS) -> float:
    """Return what the spans of a class have cost ``now``; for those of a day, since its midnight."""
    return total((span for span in spans if span.worker_class == worker_class), now=now).usd


def ends(spans: Iterable[Span], *, now: float) -> Iterator[tuple[Span, float]]:
    """Yield each span with its end.

    One that its worker did not end lasts until it is no longer believed, but no
    longer than until the same worker began anew: nobody is paid twice.
    """
    ordered = sorted(spans, key=lambda span: (span.worker, span.started_at))
    for index, span in enumerate(ordered):
        end = span.until if span.ending else min(span.until, now)
        after = ordered[index + 1] if index + 1 < len(ordered) else None
        if after and after.worker == span.worker:
            end = min(end, after.started_at)
        yield span, max(end, span.started_at)


def is_silent(span: Span, *, now: float) -> bool:
    """Return whether the span's worker fell silent in it."""
    return not span.ending and span.until <= now and span.until < day_after(span.started_at)


def _of(span: Span, end: float) -> Total:
    """Return one span's part.

    A host of ours costs its power while it works; a rented one costs all of its time.
    """
    paid_s = end - span.started_at
    ready_at = min(span.ready_at or end, end)
    cold_s = max(0.0, ready_at - span.started_at)
    busy_s = min(span.busy_s, paid_s - cold_s)
    billed_s = paid_s if span.worker_class is WorkerClass.AWS else busy_s
    return Total(
        spans=1,
        paid_s=paid_s,
        cold_s=cold_s,
        busy_s=busy_s,
        idle_s=paid_s - cold_s - busy_s,
        long_idles=span.long_idles,
        long_idle_s=span.long_idle_s,
        usd=billed_s / 3600 * span.usd_per_h,
    )


def day_of(at: float) -> str:
    """Return the UTC day of an instant.

    >>> day_of(1_790_000_000.0)
    '2026-09-21'
    """
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def midnight_before(at: float) -> float:
    """Return when the instant's UTC day began.

    >>> midnight_before(1_790_000_000.0)
    1789948800.0
    """
    return datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def day_after(at: float) -> float:
    """Return when the UTC day after the instant's begins."""
    return midnight_before(at) + DAY_S


def days(since: float, until: float) -> list[str]:
    """Return the UTC days from one instant to another, both included.

    >>> days(1_790_000_000.0, 1_790_100_000.0)
    ['2026-09-21', '2026-09-22']
    """
    first = datetime.fromtimestamp(since, UTC).date()
    last = datetime.fromtimestamp(until, UTC).date()
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
