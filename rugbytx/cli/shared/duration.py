"""Durations as people write them: ``90``, ``90s``, ``45m``, ``1h30m``."""

import re

import typer

_PATTERN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def parse(text: str) -> float:
    """Return the seconds; raises ValueError with a sentence.

    >>> [parse(text) for text in ("90", "2.5s", "45m", "1h30m")]
    [90.0, 2.5, 2700.0, 5400.0]
    """
    match = _PATTERN.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration; write 90, 90s, 45m, 2h or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total_s = hours * 3600 + minutes * 60 + seconds
    if total_s <= 0:
        raise ValueError("a duration is longer than nothing")
    return total_s


def option(text: str, *, days: bool = False) -> float:
    """Return the seconds for a command's option; what is no duration is a usage error.

    Whole ``days``, as in ``7d``, are for looking back: nobody's deadline is a week away.
    """
    try:
        if days and (number := text.strip().lower().removesuffix("d")).isdecimal() and text.strip() != number:
            return parse(f"{24 * int(number)}h")
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def show(duration_s: float) -> str:
    """Return the duration in whole seconds, in its two largest units.

    >>> [show(duration_s) for duration_s in (0.4, 75.2, 5400, 200_000)]
    ['0s', '1m15s', '1h30m', '2d7h']
    """
    seconds = round(duration_s)
    for large, small, size_s, part_s in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if seconds >= size_s:
            rest = seconds % size_s // part_s
            return f"{seconds // size_s}{large}{f'{rest}{small}' if rest else ''}"
    return f"{seconds}s"
