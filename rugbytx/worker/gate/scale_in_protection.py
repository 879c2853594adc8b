"""Task scale-in protection, kept by the thread that looks whether this worker may receive."""

import logging
import time
from collections.abc import Callable

from rugbytx.aws.ecs import task_agent
from rugbytx.broker import transport
from rugbytx.core.fleet import scale_in_protection
from rugbytx.core.fleet.scale_in_protection import (
    AgentReply,
    ProtectionFacts,
    ProtectionPolicy,
    ProtectionStep,
    Standing,
)
from rugbytx.errors import Unreachable
from rugbytx.ports import TaskAgent

log = logging.getLogger(__name__)


class Protection:
    """The protection of this worker's task."""

    def __init__(
        self,
        agent: TaskAgent,
        *,
        is_idle: Callable[[], bool],
        policy: ProtectionPolicy,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_idle`` says whether nothing is received, held, worked on or being settled."""
        self._agent = agent
        self._is_idle = is_idle
        self._policy = policy
        self._monotonic = monotonic
        self._standing = Standing()

    def follow(self, *, is_admitted: bool, was_closed: bool) -> str:
        """Take, refresh or release what this worker needs; return PROTECTED where it may receive, or why not."""
        facts = ProtectionFacts(
            now=self._monotonic(), is_admitted=is_admitted, is_idle=self._is_idle(), was_closed=was_closed
        )
        decision = scale_in_protection.decide(facts, self._standing)
        if decision.step is not ProtectionStep.NOTHING:
            self._ask(decision.step, now=facts.now)
        return scale_in_protection.gate_reason(self._standing, now=facts.now)

    def _ask(self, step: ProtectionStep, *, now: float) -> None:
        answer: AgentReply | None = None
        try:
            answer = (
                self._agent.protect(lasts_s=self._policy.lasts_s)
                if step is ProtectionStep.TAKE
                else self._agent.release()
            )
            reason = answer.refusal
        except Unreachable as error:
            reason = str(error)
        # As of before the request: a protection must not be believed in for longer than it stands.
        self._standing = scale_in_protection.answered(self._standing, step, answer, now=now)
        if reason:
            log.warning("protection-not-changed", extra={"step": step.value, "reason": reason})
        else:
            log.info(_DONE[step], extra={"granted_s": answer.granted_s if answer else 0.0})


_DONE = {ProtectionStep.TAKE: "protection-taken", ProtectionStep.RELEASE: "protection-released"}


def here(*, lasts_s: float) -> Protection | None:
    """Return the protection of the ECS task that this process is, or None where it is none."""
    agent = task_agent.here()
    if agent is None:
        return None
    return Protection(agent, is_idle=transport.is_idle, policy=ProtectionPolicy(lasts_s=lasts_s))
