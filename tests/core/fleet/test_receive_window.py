"""The hours in which a worker may receive, over the nights on which clocks are changed."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from rugbytx.core.fleet import receive_window

DUBLIN = "Europe/Dublin"


def at(utc: str) -> float:
    """Return the instant of a time in UTC."""
    return datetime.fromisoformat(f"{utc}+00:00").timestamp()


def openings(text: str, first: str, *, length_h: int) -> list[str]:
    """Return each minute, in UTC, at which hours open or close, ``+`` or ``-`` before it."""
    wanted = receive_window.parse(text, zone_of=ZoneInfo)
    begin, found, was_open = at(first), [], receive_window.decide(at(first), wanted).is_open
    for minute in range(1, length_h * 60):
        is_open = receive_window.decide(begin + 60.0 * minute, wanted).is_open
        if is_open is not was_open:
            shown = datetime.fromisoformat(first) + timedelta(minutes=minute)
            found.append(f"{'+' if is_open else '-'}{shown:%d %H:%M}")
        was_open = is_open
    return found


@pytest.mark.parametrize(
    ("text", "first", "changes"),
    [
        # Summer time is UTC+1, winter time UTC.
        ("22:00-06:00 Europe/Dublin", "2026-07-01T12:00", ["+01 21:00", "-02 05:00"]),
        ("22:00-06:00 Europe/Dublin", "2026-12-01T12:00", ["+01 22:00", "-02 06:00"]),
        ("09:30-17:00 Europe/Dublin", "2026-12-01T00:00", ["+01 09:30", "-01 17:00"]),
        # On the night to 29 March 01:00 is 02:00: seven hours, and eight by the clock.
        ("22:00-06:00 Europe/Dublin", "2026-03-28T12:00", ["+28 22:00", "-29 05:00"]),
        # A beginning that the clock leaps over: open from where it lands.
        ("01:30-06:00 Europe/Dublin", "2026-03-28T12:00", ["+29 01:00", "-29 05:00"]),
        # An end that it leaps over.
        ("22:00-01:30 Europe/Dublin", "2026-03-28T12:00", ["+28 22:00", "-29 01:00"]),
        # On the night to 25 October the hour from 01:00 comes twice: nine hours.
        ("22:00-06:00 Europe/Dublin", "2026-10-24T12:00", ["+24 21:00", "-25 06:00"]),
        # An end within it comes twice too.
        (
            "22:00-01:30 Europe/Dublin",
            "2026-10-24T12:00",
            ["+24 21:00", "-25 00:30", "+25 01:00", "-25 01:30"],
        ),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(text: str, first: str, changes: list[str]) -> None:
    """In summer, in winter, and on the two nights between them."""
    assert openings(text, first, length_h=24) == changes


def test_the_reason_says_which() -> None:
    """A worker without hours is always within them."""
    night = receive_window.parse("22:00-06:00 UTC", zone_of=ZoneInfo)
    assert receive_window.decide(at("2026-01-01T12:00"), night).reason == "outside-work-hours"
    assert receive_window.decide(at("2026-01-01T23:00"), night).reason == "within-work-hours"
    assert receive_window.decide(at("2026-01-01T12:00"), None).is_open


def test_a_zone_of_one_s_own_does() -> None:
    """The zone is found by whoever asks; the core reads no files."""
    east = timezone(timedelta(hours=3))
    found = receive_window.parse("06:00-07:00 East", zone_of={"East": east}.__getitem__)
    assert receive_window.decide(at("2026-01-01T03:30"), found).is_open
    assert not receive_window.decide(at("2026-01-01T06:30"), found).is_open


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("22-6 Europe/Dublin", "has not the form"),
        ("22:00-06:00", "has not the form"),
        ("22:00-25:00 Europe/Dublin", "names no time of day"),
        ("22:00-22:00 Europe/Dublin", "ends when it begins"),
        ("22:00-06:00 Europe/Dubin", "'Europe/Dubin' is no time zone"),
        ("22:00-06:00 Europe", "'Europe' is no time zone"),
        ("22:00-06:00 ../etc/passwd", "is no time zone"),
    ],
)
def test_what_means_no_hours_is_refused(wrong: str, sentence: str) -> None:
    """In a sentence that says what is wrong."""
    with pytest.raises(ValueError, match=sentence):
        receive_window.parse(wrong, zone_of=ZoneInfo)
