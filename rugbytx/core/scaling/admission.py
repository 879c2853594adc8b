"""May this AWS worker receive?  Asked before every receive, and between the units of a lane.

The Jetson works first, so an AWS worker takes what it is wanted for and no more.
The autoscaler says how many are wanted; who they are, each finds out for itself
from the same list of living workers::

    wanted 2     busy  aws-2         ◄ 0: may go on
                 busy  aws-5         ◄ 1: may go on
                 idle  aws-1         ◄ 2: may not receive
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.facts import ScalingPolicy

OPEN = "admitted"
ALWAYS_ON = "always-on"
NOT_WANTED = "not-wanted"
NO_WORK = "no-work"
JETSON_SILENT = "jetson-silent"
JETSON_TAKES_IT = "jetson-takes-it"
TOO_MUCH = "more-waiting-than-free-slots"

#: Every reason there is: a gate that gives one of them would open if its worker were wanted.
REASONS = frozenset({OPEN, ALWAYS_ON, NOT_WANTED, NO_WORK, JETSON_SILENT, JETSON_TAKES_IT, TOO_MUCH})


@dataclass(frozen=True, kw_only=True)
class WorkerTarget:
    """What the autoscaler said last, and when, in store time."""

    at: float
    wanted: int


@dataclass(frozen=True, kw_only=True)
class AdmissionFacts:
    """What a gate knows."""

    now: float
    name: str
    worker_class: WorkerClass
    target: WorkerTarget | None
    #: Those that are believed to live.
    workers: Sequence[Worker]
    #: Whether a slot of this worker is at work: it knows that better than its last word in ``workers``.
    is_busy: bool = False
    #: Messages that can be received; looked at only while the autoscaler is silent.
    visible: int = 0


@dataclass(frozen=True, kw_only=True)
class AdmissionDecision:
    """Whether it may, and why."""

    is_open: bool
    reason: str


def decide(facts: AdmissionFacts, policy: ScalingPolicy) -> AdmissionDecision:
    """Return whether the worker may receive."""
    if facts.worker_class is not WorkerClass.AWS:
        return AdmissionDecision(is_open=True, reason=ALWAYS_ON)
    if facts.target is None or facts.now - facts.target.at > policy.silent_s:
        return _alone(facts)
    is_wanted = _rank(facts) < facts.target.wanted
    return AdmissionDecision(is_open=is_wanted, reason=OPEN if is_wanted else NOT_WANTED)


def may_stay(facts: AdmissionFacts, policy: ScalingPolicy) -> bool:
    """Return whether a lane on this worker may claim another unit.

    It leaves where the autoscaler says that the Jetson does the rest in time.  In
    silence it stays: a lane under way is no reason to judge alone.
    """
    target = facts.target
    is_told = target is not None and facts.now - target.at <= policy.silent_s
    return not is_told or decide(facts, policy).is_open


def _alone(facts: AdmissionFacts) -> AdmissionDecision:
    """Judge without the autoscaler: by what waits, and by the Jetson's free slots."""
    if facts.visible == 0:
        return AdmissionDecision(is_open=False, reason=NO_WORK)
    jetsons = [
        worker for worker in facts.workers if worker.worker_class is WorkerClass.JETSON and worker.is_able
    ]
    if not jetsons:
        return AdmissionDecision(is_open=True, reason=JETSON_SILENT)
    free = sum(worker.slots - worker.busy for worker in jetsons)
    is_open = facts.visible > free
    return AdmissionDecision(is_open=is_open, reason=TOO_MUCH if is_open else JETSON_TAKES_IT)


def _rank(facts: AdmissionFacts) -> int:
    """Return this worker's place among the AWS workers: those at work first, then by name."""
    own = (not facts.is_busy, facts.name)
    rivals = (
        worker
        for worker in facts.workers
        if worker.worker_class is WorkerClass.AWS and worker.is_able and worker.name != facts.name
    )
    return sum((not worker.busy, worker.name) < own for worker in rivals)
