"""When a task asks not to be chosen for scale-in, and when it lets go."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rugbytx.core.fleet import scale_in_protection
from rugbytx.core.fleet.scale_in_protection import (
    PROTECTED,
    REFUSED,
    SILENT,
    AgentReply,
    ProtectionFacts,
    ProtectionStep,
    Standing,
)

GRANTED = AgentReply(granted_s=1800.0)
BLOCKED = AgentReply(refusal="DEPLOYMENT_BLOCKED")
NONE = Standing()
#: Granted at 0.
HELD = scale_in_protection.answered(NONE, ProtectionStep.TAKE, GRANTED, now=0.0)


def facts(
    now: float = 0.0, *, admitted: bool = False, idle: bool = True, closed: bool = True
) -> ProtectionFacts:
    """Return a look."""
    return ProtectionFacts(now=now, is_admitted=admitted, is_idle=idle, was_closed=closed)


@pytest.mark.parametrize(
    ("look", "standing", "step"),
    [
        pytest.param(facts(), NONE, ProtectionStep.NOTHING, id="nothing to do, nothing held"),
        pytest.param(facts(admitted=True), NONE, ProtectionStep.TAKE, id="before the first receive"),
        pytest.param(facts(899.0, admitted=True), HELD, ProtectionStep.NOTHING, id="young enough"),
        pytest.param(facts(900.0, admitted=True), HELD, ProtectionStep.TAKE, id="half of its time is over"),
        pytest.param(facts(900.0, idle=False), HELD, ProtectionStep.TAKE, id="at work behind a closed gate"),
        pytest.param(
            facts(10.0, idle=False), HELD, ProtectionStep.NOTHING, id="never released while at work"
        ),
        pytest.param(
            facts(10.0, closed=False), HELD, ProtectionStep.NOTHING, id="the gate has only just closed"
        ),
        pytest.param(
            facts(10.0), HELD, ProtectionStep.RELEASE, id="closed for a whole look, nothing in hand"
        ),
        pytest.param(
            facts(1801.0), HELD, ProtectionStep.RELEASE, id="over by our clock, perhaps not by theirs"
        ),
        pytest.param(
            facts(1.9, admitted=True),
            scale_in_protection.answered(NONE, ProtectionStep.TAKE, BLOCKED, now=0.0),
            ProtectionStep.NOTHING,
            id="not at once after a refusal",
        ),
        pytest.param(
            facts(5.0, admitted=True),
            scale_in_protection.answered(NONE, ProtectionStep.TAKE, BLOCKED, now=0.0),
            ProtectionStep.TAKE,
            id="again after a pause",
        ),
        pytest.param(
            facts(5.0),
            scale_in_protection.answered(NONE, ProtectionStep.TAKE, None, now=0.0),
            ProtectionStep.RELEASE,
            id="a request without an answer may have been granted",
        ),
        pytest.param(
            facts(5.0),
            scale_in_protection.answered(NONE, ProtectionStep.TAKE, BLOCKED, now=0.0),
            ProtectionStep.NOTHING,
            id="a request that was refused leaves nothing to release",
        ),
        pytest.param(
            facts(15.0),
            scale_in_protection.answered(HELD, ProtectionStep.RELEASE, None, now=10.0),
            ProtectionStep.RELEASE,
            id="a release without an answer is repeated",
        ),
        pytest.param(
            facts(15.0, admitted=True),
            scale_in_protection.answered(HELD, ProtectionStep.RELEASE, None, now=10.0),
            ProtectionStep.TAKE,
            id="what may have been released is taken anew",
        ),
        pytest.param(
            facts(905.0, admitted=True),
            scale_in_protection.answered(HELD, ProtectionStep.TAKE, BLOCKED, now=900.0),
            ProtectionStep.RELEASE,
            id="refused with nothing in hand: ECS may replace this task",
        ),
        pytest.param(
            facts(905.0, admitted=True, idle=False),
            scale_in_protection.answered(HELD, ProtectionStep.TAKE, BLOCKED, now=900.0),
            ProtectionStep.TAKE,
            id="refused while at work: asked again",
        ),
        pytest.param(
            facts(15.0),
            scale_in_protection.answered(HELD, ProtectionStep.RELEASE, BLOCKED, now=10.0),
            ProtectionStep.NOTHING,
            id="a release that is refused is not",
        ),
    ],
)
def test_each_look_asks_for_what_is_missing(
    look: ProtectionFacts, standing: Standing, step: ProtectionStep
) -> None:
    """And for nothing else."""
    assert scale_in_protection.decide(look, standing).step is step


@pytest.mark.parametrize(
    ("standing", "now", "reason"),
    [
        (NONE, 0.0, SILENT),
        (HELD, 1799.0, PROTECTED),
        (HELD, 1800.0, SILENT),
        (scale_in_protection.answered(HELD, ProtectionStep.TAKE, None, now=900.0), 1799.0, PROTECTED),
        (scale_in_protection.answered(HELD, ProtectionStep.TAKE, None, now=900.0), 1800.0, SILENT),
        (scale_in_protection.answered(HELD, ProtectionStep.TAKE, BLOCKED, now=900.0), 901.0, REFUSED),
        (scale_in_protection.answered(HELD, ProtectionStep.RELEASE, GRANTED, now=900.0), 901.0, SILENT),
        (scale_in_protection.answered(HELD, ProtectionStep.RELEASE, None, now=900.0), 901.0, SILENT),
    ],
)
def test_nothing_is_received_without_protection(standing: Standing, now: float, reason: str) -> None:
    """A refusal counts at once; silence once the protection is over."""
    assert scale_in_protection.gate_reason(standing, now=now) == reason


def test_an_answer_ends_the_pauses() -> None:
    """Which grow until then."""
    standing = NONE
    for _ in range(3):
        standing = scale_in_protection.answered(standing, ProtectionStep.TAKE, None, now=0.0)
    assert standing.retry_at == 8.0
    assert scale_in_protection.answered(standing, ProtectionStep.TAKE, GRANTED, now=8.0) == replace(
        HELD, until=1808.0, refresh_at=908.0
    )


class Agent:
    """What the agent does, whether or not its answer arrives."""

    def __init__(self) -> None:
        self.until = -math.inf

    def ask(self, step: ProtectionStep, fate: str, now: float) -> AgentReply | None:
        """Return the answer, or None where it is lost."""
        if fate == "refused":
            return BLOCKED
        if fate != "unheard":
            self.until = now + LASTS_S if step is ProtectionStep.TAKE else -math.inf
        return None if fate in {"unheard", "answer-lost"} else AgentReply(granted_s=LASTS_S)


LASTS_S = 60.0
FATES = st.sampled_from(["granted", "refused", "unheard", "answer-lost"])
#: Mostly idle, so that there is something to release.
IDLE = st.sampled_from([True, True, True, False])
LOOKS = st.lists(st.tuples(st.booleans(), IDLE, FATES), min_size=20, max_size=40)


@settings(max_examples=200)
@given(LOOKS)
def test_whoever_may_receive_is_protected(looks: list[tuple[bool, bool, str]]) -> None:
    """Whatever is refused or lost; no task at work is released, and what may stand is let go of in the end."""
    agent, standing, now, was_closed = Agent(), NONE, 0.0, True
    for admitted, idle, fate in looks:
        look = facts(now, admitted=admitted, idle=idle, closed=was_closed)
        step = scale_in_protection.decide(look, standing).step
        assert step is not ProtectionStep.RELEASE or (idle and was_closed)
        if step is not ProtectionStep.NOTHING:
            standing = scale_in_protection.answered(standing, step, agent.ask(step, fate, now), now=now)
        assert standing.retry_at - now <= scale_in_protection.LONGEST_PAUSE_S
        is_open = admitted and scale_in_protection.gate_reason(standing, now=now) == PROTECTED
        assert not is_open or agent.until > now
        was_closed = not is_open
        now += 5.0
    now += scale_in_protection.LONGEST_PAUSE_S
    if scale_in_protection.decide(facts(now), standing).step is ProtectionStep.RELEASE:
        standing = scale_in_protection.answered(
            standing, ProtectionStep.RELEASE, agent.ask(ProtectionStep.RELEASE, "granted", now), now=now
        )
    assert agent.until <= now
    assert scale_in_protection.decide(facts(now), standing).step is ProtectionStep.NOTHING
