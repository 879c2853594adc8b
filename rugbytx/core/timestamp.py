"""Instants as people and programs read them."""

from datetime import UTC, datetime


def iso(at: float | None) -> str | None:
    """Return the instant in ISO 8601, in UTC.

    >>> iso(1_790_000_000.25), iso(None)
    ('2026-09-21T14:13:20.250Z', None)
    """
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
