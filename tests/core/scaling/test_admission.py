"""Who may receive: only an AWS worker that is wanted, and without the autoscaler a rule that everybody can apply."""

from dataclasses import replace

import pytest

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling import admission
from rugbytx.core.scaling.admission import AdmissionFacts, WorkerTarget
from tests.core.hybrid import JETSON, NOW, policy_of, worker

POLICY = policy_of()
ASKED = AdmissionFacts(
    now=NOW,
    name="aws-2",
    worker_class=WorkerClass.AWS,
    target=WorkerTarget(at=NOW - 10, wanted=1),
    workers=(JETSON,),
)
SILENT = replace(ASKED, target=WorkerTarget(at=NOW - 181, wanted=3))
BUSY_JETSON = worker("jetson-1", busy=1)


@pytest.mark.parametrize(
    ("facts", "is_open", "reason"),
    [
        (replace(ASKED, worker_class=WorkerClass.JETSON, target=None), True, "always-on"),
        (ASKED, True, "admitted"),
        (replace(ASKED, target=WorkerTarget(at=NOW, wanted=0)), False, "not-wanted"),
        # One is wanted, and the first by name is another.
        (replace(ASKED, workers=(worker("aws-1"), worker("aws-2"))), False, "not-wanted"),
        # One that is unfit is nobody.
        (replace(ASKED, workers=(worker("aws-1", is_able=False), worker("aws-2"))), True, "admitted"),
        # One that is at work is the one that is wanted.
        (replace(ASKED, workers=(worker("aws-2"), worker("aws-3", busy=1))), False, "not-wanted"),
        (replace(ASKED, workers=(worker("aws-1"), worker("aws-2")), is_busy=True), True, "admitted"),
        (SILENT, False, "no-work"),
        (replace(SILENT, visible=1), False, "jetson-takes-it"),
        (replace(SILENT, visible=2), True, "more-waiting-than-free-slots"),
        (replace(SILENT, visible=1, workers=(BUSY_JETSON,)), True, "more-waiting-than-free-slots"),
        (replace(SILENT, visible=1, workers=()), True, "jetson-silent"),
        (
            replace(SILENT, visible=1, target=None, workers=(worker("jetson-1", is_able=False),)),
            True,
            "jetson-silent",
        ),
    ],
)
def test_admission(facts: AdmissionFacts, *, is_open: bool, reason: str) -> None:
    """Each case has its answer and its reason."""
    decision = admission.decide(facts, POLICY)
    assert (decision.is_open, decision.reason) == (is_open, reason)


@pytest.mark.parametrize("wanted", range(5))
def test_exactly_as_many_as_are_wanted(wanted: int) -> None:
    """Each worker finds out for itself, and together they are the right number."""
    crew = tuple(worker(f"aws-{number}", busy=number % 2) for number in range(4))
    told = WorkerTarget(at=NOW, wanted=wanted)
    open_ones = [
        one.name
        for one in crew
        if admission.decide(
            replace(ASKED, name=one.name, target=told, workers=crew, is_busy=bool(one.busy)), POLICY
        ).is_open
    ]
    assert len(open_ones) == min(wanted, 4)


def test_a_lane_stays_while_its_worker_is_wanted() -> None:
    """It leaves on the autoscaler's word, and never for its silence."""
    assert admission.may_stay(ASKED, POLICY)
    assert not admission.may_stay(replace(ASKED, target=WorkerTarget(at=NOW, wanted=0)), POLICY)
    assert admission.may_stay(SILENT, POLICY)
