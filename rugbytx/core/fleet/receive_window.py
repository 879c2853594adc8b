"""In which hours of the day a worker may receive: a night window, by the clock on the wall.

::

    22:00-06:00   ──────────06:00▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒22:00────
                   open          closed                        open
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, tzinfo

WITHIN = "within-work-hours"
OUTSIDE = "outside-work-hours"

_FORM = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Hours:
    """From ``begin`` until just before ``end``, over midnight where the end is the earlier of the two."""

    begin: time
    end: time
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class ReceiveWindowDecision:
    """Whether it may, and why."""

    is_open: bool
    reason: str


def parse(text: str, *, zone_of: Callable[[str], tzinfo]) -> Hours:
    """Return the hours that ``22:00-06:00 Europe/Dublin`` means; raises ValueError with a sentence.

    ``zone_of`` finds a zone by its name, as ``zoneinfo.ZoneInfo`` does, and
    raises what that raises.

    >>> from datetime import UTC
    >>> parse("22:00-06:30 UTC", zone_of={"UTC": UTC}.__getitem__).end
    datetime.time(6, 30)
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} has not the form 22:00-06:00 Europe/Dublin")
    try:
        begin, end = time.fromisoformat(match[1]), time.fromisoformat(match[2])
    except ValueError as error:
        raise ValueError(f"{text!r} names no time of day: {error}") from error
    if begin == end:
        raise ValueError(f"{text!r} ends when it begins; leave it out to work at all hours")
    try:
        zone = zone_of(match[3])
    except (KeyError, OSError, ValueError) as error:  # ZoneInfo's: unknown, a folder, a path
        raise ValueError(f"{match[3]!r} is no time zone, such as Europe/Dublin") from error
    return Hours(begin=begin, end=end, zone=zone)


def decide(now: float, hours: Hours | None) -> ReceiveWindowDecision:
    """Return whether a worker with these hours may receive at an instant; without any it always may.

    The wall clock decides, so a night is an hour shorter where clocks go
    forward in it, and an hour that comes twice is open or closed both times.

    >>> from datetime import UTC
    >>> night = Hours(begin=time(22), end=time(6), zone=UTC)
    >>> [decide(hour * 3600.0, night).is_open for hour in (5, 6, 21, 22, 24)]
    [True, False, False, True, True]
    """
    if hours is None:
        return ReceiveWindowDecision(is_open=True, reason=WITHIN)
    shown = datetime.fromtimestamp(now, hours.zone).time()
    if hours.begin < hours.end:
        is_open = hours.begin <= shown < hours.end
    else:
        is_open = shown >= hours.begin or shown < hours.end
    return ReceiveWindowDecision(is_open=is_open, reason=WITHIN if is_open else OUTSIDE)
