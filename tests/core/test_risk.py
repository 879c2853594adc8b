"""Which deadlines are at risk."""

import pytest

from rugbytx.core import risk
from rugbytx.core.presence import Worker
from rugbytx.core.scaling import decide
from rugbytx.core.scaling_facts import Facts, JobFact, Policy
from rugbytx.settings import Settings
from tests.core.hybrid import JETSON, MIN, NOW, match, matches

PRIORS = Settings().priors
NO_AWS = Policy(max_workers=0)


def told(jobs: tuple[JobFact, ...], policy: Policy, workers: tuple[Worker, ...] = (JETSON,)) -> list[str]:
    """Return the jobs at risk, with the reason."""
    facts = Facts(now=NOW, jobs=jobs, workers=workers, paces=PRIORS)
    return [f"{one.job_id} {one.reason}" for one in risk.of(facts, policy, decide(facts, policy))]


@pytest.mark.parametrize(
    ("jobs", "policy", "expected"),
    [
        # 35 minutes each on the Jetson: the second one ends after 70.
        (matches(1), NO_AWS, []),
        (matches(2), NO_AWS, ["match-1 too-much-work"]),
        # AWS takes the second one, so neither is late.
        (matches(2), Policy(max_workers=3), []),
        ((match(due_min=1),), Policy(max_workers=3), ["match too-much-work"]),
        ((match(due_min=1, left=0.01),), NO_AWS, []),
        ((match(due_min=-1, left=0.01),), NO_AWS, ["match too-much-work"]),
    ],
)
def test_what_will_be_late(jobs: tuple[JobFact, ...], policy: Policy, expected: list[str]) -> None:
    """By the order of deadlines, with what was decided."""
    assert told(jobs, policy) == expected


def test_a_silent_jetson_is_no_risk_yet() -> None:
    """It becomes one when a Jetson that came back at once would be too late."""
    assert told(matches(1), NO_AWS, workers=()) == []
    assert told((match(due_min=30),), NO_AWS, workers=()) == ["match nobody-works"]


def test_it_says_when_the_job_will_be_done() -> None:
    """35 minutes from now, five minutes too late."""
    facts = Facts(now=NOW, jobs=(match(due_min=30),), workers=(JETSON,), paces=PRIORS)
    (found,) = risk.of(facts, NO_AWS, decide(facts, NO_AWS))
    assert found.finish_at == pytest.approx(NOW + 35 * MIN, rel=0.01)
