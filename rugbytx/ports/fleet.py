"""The hosts that come and go: how many AWS workers there are, and what keeps one of them from going."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rugbytx.core.fleet.scale_in_protection import AgentReply


@dataclass(frozen=True, kw_only=True)
class FleetState:
    """How many workers were asked for, and what became of that."""

    desired: int
    running: int
    #: Workers on their way: a host is being started, or an image fetched.
    pending: int


class Fleet(Protocol):
    """The AWS workers, as ECS knows them.  Every method raises Unreachable."""

    def state(self) -> FleetState:
        """Return how many workers there are and should be."""

    def set_desired(self, count: int) -> None:
        """Ask for exactly so many workers; ECS chooses which ones go, among those that are not protected."""

    def attached_policies(self) -> Sequence[str]:
        """Return the names of the Application Auto Scaling policies that move the same number.

        None where they are suspended.
        """


class TaskAgent(Protocol):
    """The ECS agent of this worker's task.  Every method raises Unreachable where it gives no usable answer."""

    def protect(self, *, lasts_s: float) -> AgentReply:
        """Ask that this task is not chosen for scale-in for so long from now, in whole minutes."""

    def release(self) -> AgentReply:
        """Let this task be chosen."""
