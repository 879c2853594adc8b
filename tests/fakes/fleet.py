"""A fleet in memory, and an ECS agent."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rugbytx.core.fleet.scale_in_protection import AgentReply
from rugbytx.errors import Unreachable
from rugbytx.ports import FleetState


@dataclass(kw_only=True)
class FakeFleet:
    """The ``Fleet`` port: nothing starts by itself, a test says what runs."""

    desired: int = 0
    running: int = 0
    policies: list[str] = field(default_factory=list)
    is_suspended: bool = False
    is_missing: bool = False
    #: Every number that was asked for, in order.
    asked: list[int] = field(default_factory=list)

    def state(self) -> FleetState:
        """Return the numbers."""
        self._exist()
        return FleetState(
            desired=self.desired, running=self.running, pending=max(0, self.desired - self.running)
        )

    def set_desired(self, count: int) -> None:
        """Note the number."""
        self._exist()
        self.desired = count
        self.asked.append(count)

    def attached_policies(self) -> Sequence[str]:
        """Return the policies' names."""
        return () if self.is_suspended else tuple(self.policies)

    def _exist(self) -> None:
        if self.is_missing:
            raise Unreachable("there is no active ECS service")


@dataclass(kw_only=True)
class FakeAgent:
    """The ``TaskAgent`` port: it grants, refuses or is silent, as a test says."""

    #: What it answers next; None for no answer.
    answer: AgentReply | None = field(default_factory=lambda: AgentReply(granted_s=1800.0))
    is_protected: bool = False
    #: Each request, in order: for how long, 0 for a release.
    asked: list[float] = field(default_factory=list)

    def protect(self, *, lasts_s: float) -> AgentReply:
        """Protect the task, if that is what it answers."""
        return self._said(lasts_s, is_protected=True)

    def release(self) -> AgentReply:
        """Release the task, if that is what it answers."""
        return self._said(0.0, is_protected=False)

    def _said(self, lasts_s: float, *, is_protected: bool) -> AgentReply:
        self.asked.append(lasts_s)
        if self.answer is None:
            raise Unreachable("the ECS agent does not answer")
        if not self.answer.refusal:
            self.is_protected = is_protected
        return self.answer
