"""How many AWS workers are wanted, and which jobs get a further lane: decided from recorded facts alone.

A lane serves whichever job is most urgent, chunk by chunk (``core.urgency``), so
work flows like a fluid through the slots.  Sorted by deadline, the work that is
due by an instant must fit into what the slots do until then::

    px │                             / capacity of the Jetson and n AWS workers
       │                    ┌───────/────  work due by each deadline
       │          ┌────────┘   /
       │     ─────┘      /  ◄── the n-th comes after its cold start
       └──────────────────────────────────► deadline

The Jetson's share comes first, and n is the smallest that lifts the capacity
over the work.  From there on laws hold that are tests: more work never wants
fewer workers, another Jetson never buys one, a busy worker is never counted out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling import extra_lanes
from rugbytx.core.scaling.capacity import Capacity, capacity
from rugbytx.core.scaling.facts import Finish, JobFact, Mode, ScalingDecision, ScalingFacts, ScalingPolicy
from rugbytx.core.scaling.pace import MATCH_CHUNKS, MATCH_PX


def decide(facts: ScalingFacts, policy: ScalingPolicy) -> ScalingDecision:
    """Return how many AWS workers there should be, what they may do, and why."""
    slots = capacity(facts, policy)
    busy = len(slots.busy)
    wanted, reason = _wanted(facts, policy, slots, share=policy.margin_share)
    # Idle ones are not among them: they wait out their grace, and cost no start.
    under_way = busy + slots.starting
    if under_way > wanted:
        kept = min(under_way, _wanted(facts, policy, slots, share=policy.keep_share)[0])
        if kept > wanted:
            reason = "lanes-under-way-go-on" if kept <= busy else "starts-under-way-go-on"
            wanted = kept
    cap, refusal = _cap(facts, policy)
    alarms = list(_alarms(facts, policy))
    if wanted > cap:
        wanted, reason = cap, refusal
        if refusal == "budget-refuses":
            alarms.append(refusal)
    lingering = [
        worker
        for worker in slots.idle
        if facts.now - worker.idle_since < policy.idle_grace_s and refusal != "budget-refuses"
    ]
    if lingering:
        lingering = lingering[: max(0, _wanted_by_one_more(facts, policy) - busy)]
    desired = max(wanted, busy, min(busy + len(lingering), max(busy, cap)))
    if desired > wanted and not wanted:
        reason = "busy-workers-finish" if busy else "idle-grace"
    return ScalingDecision(
        desired=desired,
        wanted=wanted,
        busy=busy,
        needed=max(0, wanted - busy),
        reason=reason,
        assists=extra_lanes.decide(facts, policy, slots, wanted=wanted),
        alarms=tuple(alarms),
        backlog_s=_backlog_s(facts),
        empty_s=slots.drain_s(_work_px(facts.jobs), workers=max(wanted, busy)),
    )


def finishes(facts: ScalingFacts, policy: ScalingPolicy, decision: ScalingDecision) -> Iterator[Finish]:
    """Yield when each open job will be done, in the order of their deadlines, with the workers that were decided on.

    As work flows like a fluid: the jobs due before it come first, each job is as
    long as the slots' usual pace makes it, and one time in ten it takes longer than
    ``slow_in_s``.
    """
    slots = capacity(facts, policy)
    slow = max(pace.px_per_s / pace.slow_px_per_s for pace in facts.paces.values())
    work_px = 0.0
    for job in sorted(facts.jobs, key=lambda job: job.deadline_at):
        work_px += job.left_px
        in_s = slots.drain_s(work_px, workers=max(decision.wanted, decision.busy))
        yield Finish(
            job_id=job.job_id,
            deadline_at=job.deadline_at,
            in_s=in_s,
            slow_in_s=None if in_s is None else in_s * slow,
        )


def _wanted(facts: ScalingFacts, policy: ScalingPolicy, slots: Capacity, *, share: float) -> tuple[int, str]:
    """Return how many AWS workers the work needs, and by ``share`` more of it, whatever they cost; and why."""
    if not facts.jobs:
        return 0, "no-work"
    work_px = _work_px(facts.jobs)
    if policy.mode is Mode.FASTEST:
        count = _useful(slots, work_px)
        reason = "as-fast-as-can-be" if count else "done-before-a-start"
    elif policy.mode is Mode.CHEAPEST:
        count, reason = 0, "jetson-is-cheapest"
    else:
        count, reason = _for_deadlines(facts, policy, slots, share=share)
    if not slots.jetson_px_per_s:
        # Whatever the mode: what was accepted is done by somebody.
        return max(1, count), "no-jetson-works"
    return count, reason


def _wanted_by_one_more(facts: ScalingFacts, policy: ScalingPolicy) -> int:
    """Return how many AWS workers would be wanted if one more match came: for nothing else is one kept idle.

    A start costs more than a short wait, but only where there would be one.
    """
    more = JobFact(
        job_id="",
        generation=1,
        submitted_at=facts.now,
        deadline_at=facts.now + policy.deadline_s,
        work_px=MATCH_PX,
        left_px=MATCH_PX,
        units_left=MATCH_CHUNKS,
        is_queued=True,
    )
    after = replace(facts, jobs=(*facts.jobs, more))
    return _wanted(after, policy, capacity(after, policy), share=policy.keep_share)[0]


def _for_deadlines(
    facts: ScalingFacts, policy: ScalingPolicy, slots: Capacity, *, share: float
) -> tuple[int, str]:
    """Return the smallest number of AWS workers with which everything is done by its deadline.

    Where none is enough, all that would help at all: late is better than later.
    """
    count, are_met = 0, True
    for due_s, due_px in _due(facts, policy, share=share):
        enough = next(
            (
                workers
                for workers in range(count, slots.most + 1)
                if slots.made_px(due_s, workers=workers) >= due_px
            ),
            None,
        )
        are_met = are_met and enough is not None
        count = max(count, _useful(slots, due_px) if enough is None else enough)
    if not are_met:
        return count, "deadlines-cannot-all-be-met"
    return count, "deadlines-need-them" if count else "jetson-finishes-in-time"


def _due(facts: ScalingFacts, policy: ScalingPolicy, *, share: float) -> Iterator[tuple[float, float]]:
    """Yield each deadline, in seconds from now, less the margin, and the work that is due by it."""
    jobs = sorted(facts.jobs, key=lambda job: job.deadline_at)
    sums = accumulate(job.left_px * (1 + share) for job in jobs)
    for job, due_px in zip(jobs, sums, strict=True):
        yield max(0.0, job.deadline_at - policy.margin_s - facts.now), due_px


def _useful(slots: Capacity, work_px: float) -> int:
    """Return how many AWS workers would still find something to do once they are there."""
    count = 0
    while count < slots.most:
        done_s = slots.drain_s(work_px, workers=count)
        if done_s is not None and done_s <= slots.pays_off_s(count):
            break
        count += 1
    return count


def _cap(facts: ScalingFacts, policy: ScalingPolicy) -> tuple[int, str]:
    """Return how many AWS workers are allowed, and what allows no more."""
    if policy.budget_usd_per_day is None:
        return policy.max_workers, "max-workers"
    left_usd = policy.budget_usd_per_day - facts.spent_usd
    each_usd = policy.aws_usd_per_h * policy.budget_reserve_s / 3600
    affordable = int(left_usd / each_usd) if each_usd > 0 else policy.max_workers
    affordable = max(0, affordable)
    if affordable < policy.max_workers:
        return affordable, "budget-refuses"
    return policy.max_workers, "max-workers"


def _alarms(facts: ScalingFacts, policy: ScalingPolicy) -> Iterator[str]:
    if any(job.deadline_at < facts.now for job in facts.jobs):
        yield "deadline-missed"
    ordered = facts.fleet.desired > sum(worker.worker_class is WorkerClass.AWS for worker in facts.workers)
    if ordered and facts.now - facts.fleet.ordered_at > policy.overdue_starts * policy.cold_start_s:
        yield "start-overdue"
    if facts.jobs and not any(worker.worker_class is WorkerClass.JETSON for worker in facts.workers):
        yield "jetson-silent"


def _work_px(jobs: Sequence[JobFact]) -> float:
    return sum(job.left_px for job in jobs)


def _backlog_s(facts: ScalingFacts) -> float:
    """Return the backlog in seconds of work of one Jetson slot."""
    return facts.paces[WorkerClass.JETSON].service_s(_work_px(facts.jobs))
