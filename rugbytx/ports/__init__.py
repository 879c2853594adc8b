"""The outside world as a handful of Protocols: everything above this line is told, not shown.

Methods raise only what ``rugbytx.errors`` names; adapters translate at their
border.  Each adapter passes the same contract suite as the fake that stands in
for it (``tests/contract``).
"""

from dataclasses import dataclass
from typing import Protocol

from rugbytx.ports.fleet import Fleet, FleetState, TaskAgent
from rugbytx.ports.media import Encoded, Media, Pulse
from rugbytx.ports.service import Courier, OnBytes, Permissions, Queue, Storage, Stored, Tried
from rugbytx.ports.store import Store

__all__ = [
    "Courier",
    "Encoded",
    "Fleet",
    "FleetState",
    "Gate",
    "Media",
    "OnBytes",
    "Permissions",
    "Ports",
    "Pulse",
    "Queue",
    "Storage",
    "Store",
    "Stored",
    "TaskAgent",
    "Tried",
]


class Gate(Protocol):
    """May this worker receive now?  Asked before every receive, so it neither blocks nor raises."""

    @property
    def reason(self) -> str:
        """Return why it is open or closed, as a constant that can be counted."""

    def is_open(self) -> bool:
        """Return whether it is open."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one process, as its composition root put them together."""

    store: Store
    queue: Queue
    storage: Storage
    media: Media
