"""The words of an answer of ffprobe's as values; what it does not know it leaves out, or writes ``N/A`` or ``0/0``."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any


def known(stream: Mapping[str, Any], name: str) -> str:
    """Return a text field, or an empty string where ffprobe says that it does not know."""
    text = str(stream.get(name, ""))
    return "" if text in {"unknown", "none", "N/A"} else text


def integer(*values: object) -> int | None:
    """Return the first that is a whole number; ffprobe leaves fields out or writes ``N/A``."""
    return next((int(str(value)) for value in values if str(value).lstrip("-").isdecimal()), None)


def fraction(text: object) -> Fraction | None:
    """Return ffprobe's ``30000/1001``, ``4/3`` or ``12.5`` exactly; None for ``0/0``, ``N/A`` or nothing.

    >>> fraction("30000/1001"), fraction("-0.007000"), fraction("0/0"), fraction(None)
    (Fraction(30000, 1001), Fraction(-7, 1000), None, None)
    """
    try:
        return Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None


def clock_s(text: object) -> Fraction | None:
    """Return a time of day in seconds.

    >>> clock_s("00:01:30.500000000"), clock_s(None)
    (Fraction(181, 2), None)
    """
    parts = [fraction(part) for part in str(text).split(":")]
    if len(parts) != len(("hours", "minutes", "seconds")) or None in parts:
        return None
    return sum((part * 60**power for power, part in enumerate(reversed(parts)) if part), Fraction(0))
