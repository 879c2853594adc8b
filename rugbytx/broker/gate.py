"""Where the gate hangs that is asked before every receive.

Celery makes the transport from its name, so nothing can be handed to its
constructor: the worker puts its gate here before anything connects.
"""

from rugbytx.ports import Gate


class Open:
    """The gate of a process that has none."""

    @property
    def reason(self) -> str:
        """Return why it is open."""
        return "no-gate"

    def is_open(self) -> bool:
        """Return True."""
        return True


_gate: Gate = Open()


def install(gate: Gate) -> None:
    """Ask this gate from the next receive on."""
    global _gate  # noqa: PLW0603  one a process, as its broker connection is
    _gate = gate


def current() -> Gate:
    """Return the gate in force."""
    return _gate
