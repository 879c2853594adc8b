"""Task scale-in protection: when an ECS task asks not to be chosen, and when it lets go.

::

    the gate would open ─► take ─► granted ──────────► open: messages are received
            ▲                 │       └ again at half of its time, while open or at work
            │                 └ refused, or no answer ─► closed, and asked again after a pause
            │
    closed for a whole look, and nothing in hand ─► release

Taken before a receive and released after the acknowledgement, so that no task
is ever chosen with a message in hand (ECS Developer Guide, "Task scale-in
protection").  Instants are those of the caller's clock.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

#: A gate whose other conditions hold is open where the task is protected.
PROTECTED = "protected"
REFUSED = "protection-refused"
SILENT = "protection-unanswered"
#: Why nothing, or something else, is to be done.
NOT_WANTED = "nothing-in-hand"
LEAVING_HAND = "receive-may-be-under-way"

#: The first pause between two requests that fail, and the longest.
SHORTEST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0


class ProtectionStep(StrEnum):
    """What to ask the ECS agent for."""

    NOTHING = "nothing"
    #: Protection, or for its time to begin again.
    TAKE = "take"
    RELEASE = "release"


@dataclass(frozen=True, kw_only=True)
class ProtectionPolicy:
    """How long a protection is asked for; it outlives a worker that hangs by as much."""

    lasts_s: float = 1800.0


@dataclass(frozen=True, kw_only=True)
class ProtectionFacts:
    """What a look at this worker shows."""

    now: float
    #: Whether all else lets this worker receive.
    is_admitted: bool
    #: Whether no receive is under way, no message is held or being settled, and no task runs.
    is_idle: bool
    #: Whether the gate was closed already when the last look ended.
    was_closed: bool


@dataclass(frozen=True, kw_only=True)
class AgentReply:
    """What the ECS agent said."""

    #: For how long the task is protected from now on.
    granted_s: float = 0.0
    #: Why it is not, e.g. ``DEPLOYMENT_BLOCKED``.
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of this task's protection; a fresh task has none."""

    #: When it ends, if it is not renewed.
    until: float = -inf
    refresh_at: float = -inf
    #: Whether it may stand: a request without an answer may have been granted.
    is_taken: bool = False
    #: Why the last request was not granted.
    trouble: str = ""
    failures: int = 0
    retry_at: float = -inf


@dataclass(frozen=True, kw_only=True)
class ProtectionDecision:
    """What to ask for, and why."""

    step: ProtectionStep
    reason: str


def decide(facts: ProtectionFacts, standing: Standing) -> ProtectionDecision:
    """Return what to ask the agent for.

    A receive passes the gate before it is seen to be under way, so letting go
    waits for the second look at a closed gate.  Who is refused and has nothing in
    hand lets go of what he has: ECS wants to replace this task.

    >>> idle = ProtectionFacts(now=100.0, is_admitted=False, is_idle=True, was_closed=True)
    >>> held = Standing(until=1900.0, refresh_at=1000.0, is_taken=True)
    >>> decide(idle, held).step, decide(replace(idle, is_idle=False), held).step
    (<ProtectionStep.RELEASE: 'release'>, <ProtectionStep.NOTHING: 'nothing'>)
    """
    is_due = facts.now >= standing.retry_at
    is_unwanted = standing.trouble == REFUSED and standing.is_taken and facts.is_idle
    if (facts.is_admitted or not facts.is_idle) and not is_unwanted:
        if is_due and facts.now >= standing.refresh_at:
            return ProtectionDecision(step=ProtectionStep.TAKE, reason=standing.trouble or NOT_WANTED)
        return ProtectionDecision(step=ProtectionStep.NOTHING, reason=standing.trouble or PROTECTED)
    if not facts.was_closed:
        return ProtectionDecision(step=ProtectionStep.NOTHING, reason=LEAVING_HAND)
    if standing.is_taken and is_due:
        return ProtectionDecision(step=ProtectionStep.RELEASE, reason=NOT_WANTED)
    return ProtectionDecision(step=ProtectionStep.NOTHING, reason=NOT_WANTED)


def gate_reason(standing: Standing, *, now: float) -> str:
    """Return PROTECTED where a message may be received, or why it may not.

    A refusal counts at once, even while an earlier protection stands: ECS wants
    to replace this task.  Silence counts only once that protection is over.

    >>> gate_reason(Standing(until=50.0, trouble=SILENT), now=49.0)
    'protected'
    >>> gate_reason(Standing(until=50.0, trouble=REFUSED), now=49.0)
    'protection-refused'
    """
    if standing.trouble == REFUSED:
        return REFUSED
    return PROTECTED if now < standing.until else standing.trouble or SILENT


def answered(standing: Standing, step: ProtectionStep, answer: AgentReply | None, *, now: float) -> Standing:
    """Return what is known after ``step`` was asked for at ``now``; None is no answer.

    >>> answered(Standing(), ProtectionStep.TAKE, AgentReply(granted_s=1800.0), now=100.0)
    Standing(until=1900.0, refresh_at=1000.0, is_taken=True, trouble='', failures=0, retry_at=-inf)
    """
    if answer is not None and not answer.refusal:
        if step is ProtectionStep.RELEASE:
            return Standing()
        return Standing(until=now + answer.granted_s, refresh_at=now + answer.granted_s / 2, is_taken=True)
    failures = standing.failures + 1
    failed = replace(standing, failures=failures, retry_at=now + pause_s(failures))
    if step is ProtectionStep.RELEASE:
        # It may have been done: from here on nothing stands for certain.
        failed = replace(failed, until=-inf, refresh_at=-inf)
    if answer is None:
        return replace(failed, trouble=SILENT, is_taken=True)
    # A release that is refused leaves nothing to release: ECS does not know this task as one of a service.
    is_taken = standing.is_taken and step is ProtectionStep.TAKE
    return replace(failed, trouble=REFUSED, is_taken=is_taken)


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row.

    >>> [pause_s(failures) for failures in (1, 2, 4, 5, 99)]
    [2.0, 4.0, 16.0, 32.0, 60.0]
    """
    return float(min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2 ** min(failures - 1, 8)))
