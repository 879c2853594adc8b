"""How many AWS workers are wanted: a table of situations, and laws that hold for all of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.desired_count import decide, finishes
from rugbytx.core.scaling.facts import JobFact, Mode, ScalingDecision, ScalingFacts, ScalingPolicy
from rugbytx.core.scaling.pace import MATCH_PX, PRIORS
from tests.core.hybrid import JETSON, NOW, match, matches, ordered, policy_of, worker

POLICY = policy_of()
PACE = PRIORS[WorkerClass.AWS]


def facts(*jobs: JobFact, workers: tuple[object, ...] = (JETSON,), **changed: object) -> ScalingFacts:
    """Return facts with the Jetson alive unless said otherwise."""
    return ScalingFacts(now=NOW, jobs=jobs, workers=workers, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("situation", "policy", "desired", "reason"),
    [
        (facts(), POLICY, 0, "no-work"),
        # 35 min on the Jetson, and an hour's time.
        (facts(*matches(1)), POLICY, 0, "jetson-finishes-in-time"),
        # 2 x 35 x 1.05 = 73.5 min in 59; the Jetson's share is 59, and one worker makes 1.4 x 56.
        (facts(*matches(2)), POLICY, 1, "deadlines-need-them"),
        # 3 x 36.75 = 110.25; 59 + 1.4 x 56 = 137.4.
        (facts(*matches(3)), POLICY, 1, "deadlines-need-them"),
        # 6 x 36.75 = 220.5; two make 59 + 156.8 = 215.8, three 294.2.
        (facts(*matches(6)), POLICY, 3, "deadlines-need-them"),
        # Half of a second match is done: 55 min of work.
        (facts(match("a"), match("b", left=0.5)), POLICY, 0, "jetson-finishes-in-time"),
        # In half an hour the Jetson alone does not do it.
        (facts(match(due_min=30)), POLICY, 1, "deadlines-need-them"),
        # Nobody can: all that find something to do.
        (facts(match(due_min=5)), POLICY, 3, "deadlines-cannot-all-be-met"),
        (facts(*matches(40)), POLICY, 3, "deadlines-cannot-all-be-met"),
        # A clip that is late, but done before anybody could start.
        (facts(match(due_min=-1, left=0.02)), POLICY, 0, "deadlines-cannot-all-be-met"),
        (facts(match(), workers=()), POLICY, 1, "no-jetson-works"),
        (facts(match(), workers=(worker("jetson-1", is_able=False),)), POLICY, 1, "no-jetson-works"),
        (facts(*matches(1)), policy_of(mode=Mode.FASTEST), 3, "as-fast-as-can-be"),
        (facts(match(left=0.05)), policy_of(mode=Mode.FASTEST), 0, "done-before-a-start"),
        (facts(*matches(9)), policy_of(mode=Mode.CHEAPEST), 0, "jetson-is-cheapest"),
        (facts(*matches(9), workers=()), policy_of(mode=Mode.CHEAPEST), 1, "no-jetson-works"),
        (facts(*matches(6)), policy_of(max_workers=2), 2, "deadlines-cannot-all-be-met"),
        (facts(*matches(6)), policy_of(budget_usd_per_day=0.3), 2, "budget-refuses"),
        (facts(*matches(6), spent_usd=0.3), policy_of(budget_usd_per_day=0.3), 0, "budget-refuses"),
    ],
)
def test_a_situation(situation: ScalingFacts, policy: ScalingPolicy, desired: int, reason: str) -> None:
    """Each has its number and its reason."""
    decision = decide(situation, policy)
    assert (decision.desired, decision.reason) == (desired, reason)


def test_busy_workers_are_kept() -> None:
    """Nothing is wanted of them any more, and they finish what they have."""
    at_work = (JETSON, worker("aws-1", busy=1), worker("aws-2", busy=1))
    decision = decide(facts(workers=at_work, fleet=ordered(2, ago_min=30)), POLICY)
    assert (decision.desired, decision.wanted, decision.reason) == (2, 0, "busy-workers-finish")


def test_an_idle_worker_goes_after_its_grace() -> None:
    """It stays for a short while, in case one more match comes that the Jetson could not do in time."""
    fresh, stale = worker("aws-1", idle_since=NOW - 30), worker("aws-2", idle_since=NOW - 121)
    work = matches(1, left=0.9)
    assert decide(facts(*work, workers=(JETSON, fresh, stale)), POLICY).desired == 1
    assert decide(facts(*work, workers=(JETSON, stale)), POLICY).desired == 0


def test_an_idle_worker_goes_at_once_where_the_jetson_could_do_one_more() -> None:
    """Nothing that may come would want it: to wait costs, and saves no start."""
    fresh = worker("aws-1", idle_since=NOW - 30)
    assert decide(facts(workers=(JETSON, fresh)), POLICY).desired == 0
    assert decide(facts(*matches(1, left=0.4), workers=(JETSON, fresh)), POLICY).desired == 0
    assert decide(facts(workers=(JETSON, fresh)), replace(POLICY, mode=Mode.FASTEST)).desired == 1


def test_how_many_idle_workers_stay_is_how_many_one_more_match_would_want() -> None:
    """One of two, where one is enough for it."""
    idle = (worker("aws-1", idle_since=NOW - 30), worker("aws-2", idle_since=NOW - 30))
    assert decide(facts(*matches(1, left=0.9), workers=(JETSON, *idle)), POLICY).desired == 1


def test_what_was_ordered_is_not_ordered_again() -> None:
    """A start under way counts from when it was ordered, so that the number stays."""
    for ago_min in (0, 1, 2.9):
        assert decide(facts(*matches(3), fleet=ordered(1, ago_min=ago_min)), POLICY).desired == 1


def test_alarms() -> None:
    """What a person should look at is named beside the decision."""
    late = facts(match(due_min=-1), workers=(), fleet=ordered(1, ago_min=20), spent_usd=9)
    decision = decide(late, policy_of(budget_usd_per_day=5))
    assert set(decision.alarms) == {"deadline-missed", "start-overdue", "jetson-silent", "budget-refuses"}


def test_assist_for_a_deadline() -> None:
    """A match that its one lane cannot finish in time gets as many more as it lacks, once a slot is free for it."""
    running = match(left=0.9, due_min=20, lanes=1)
    alone = facts(running, workers=(worker("jetson-1", busy=1),))
    assert decide(alone, POLICY).assists == ()
    joined = facts(running, workers=(worker("jetson-1", busy=1), worker("aws-1"), worker("aws-2")))
    [assist] = decide(joined, POLICY).assists
    assert (assist.job_id, assist.count, assist.reason) == ("match", 1, "deadline-in-danger")
    asked = replace(joined, jobs=(replace(running, assists=1),))
    assert decide(asked, POLICY).assists == ()


@pytest.mark.parametrize("mode", Mode)
def test_a_free_jetson_helps_whoever_works(mode: Mode) -> None:
    """Its work is free, and ends an AWS worker's the sooner: without it it would watch AWS being paid for."""
    alone = facts(match(left=0.5, lanes=1), workers=(JETSON, worker("aws-1", busy=1)))
    [assist] = decide(alone, policy_of(mode=mode)).assists
    assert (assist.count, assist.reason) == (1, "slot-is-free")


def test_a_worker_that_is_wanted_gets_something_to_do() -> None:
    """The number that is wanted counts on its work, though one lane alone would do each job in time."""
    held = match(left=0.95, due_min=31, lanes=1)
    crew = (worker("jetson-1", busy=1), worker("aws-1"))
    decision = decide(facts(held, workers=crew), policy_of(margin_s=0, margin_share=0))
    assert decision.wanted == 1
    assert [one.count for one in decision.assists] == [1]


@pytest.mark.parametrize("mode", Mode)
def test_no_assist_before_the_plan(mode: Mode) -> None:
    """Its lane would find nothing, leave, and be waited for."""
    unplanned = match(due_min=5, left=1.0, lanes=1, is_planned=False)
    crew = (worker("jetson-1"), worker("aws-1", busy=1), worker("aws-2"))
    assert decide(facts(unplanned, workers=crew), policy_of(mode=mode)).assists == ()


def test_fastest_spreads_lanes() -> None:
    """Each free slot goes to the job with the most work for each of its lanes."""
    jobs = (match("long", left=0.9, lanes=1), match("short", left=0.2, lanes=1))
    crew = (worker("jetson-1", busy=1), worker("aws-1", busy=1), worker("aws-2"), worker("aws-3"))
    assists = decide(facts(*jobs, workers=crew), policy_of(mode=Mode.FASTEST)).assists
    assert {one.job_id: one.count for one in assists} == {"long": 2}


JOBS = st.builds(
    lambda number, due_min, left, lanes, assists: match(
        f"job-{number}", due_min=due_min, left=left, lanes=lanes, assists=assists
    ),
    st.integers(0, 10**6),
    st.floats(-30, 300),
    st.floats(0.001, 2.0),
    st.integers(0, 3),
    st.integers(0, 3),
)
CREWS = st.builds(
    lambda jetsons, aws: (
        *(worker(f"jetson-{n}", busy=busy, slots=2) for n, busy in enumerate(jetsons)),
        *(worker(f"aws-{n}", busy=busy, idle_since=NOW - since) for n, (busy, since) in enumerate(aws)),
    ),
    st.lists(st.integers(0, 2), max_size=2),
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 300)), max_size=4),
)
FACTS = st.builds(
    lambda jobs, crew, desired, ago_min, spent, visible: facts(
        *jobs, workers=crew, fleet=ordered(desired, ago_min=ago_min), spent_usd=spent, visible=visible
    ),
    st.lists(JOBS, max_size=6, unique_by=lambda job: job.job_id),
    CREWS,
    st.integers(0, 6),
    st.floats(0, 20),
    st.floats(0, 6),
    st.integers(0, 6),
)
POLICIES = st.builds(
    policy_of,
    mode=st.sampled_from(Mode),
    max_workers=st.integers(0, 5),
    cold_start_s=st.floats(0, 600),
    budget_usd_per_day=st.none() | st.floats(0, 10),
)


def busy_of(situation: ScalingFacts) -> int:
    """Return the busy AWS workers."""
    return sum(one.worker_class == "aws" and one.busy > 0 for one in situation.workers)


@given(FACTS, POLICIES, JOBS)
def test_more_backlog_never_fewer_workers(
    situation: ScalingFacts, policy: ScalingPolicy, further: JobFact
) -> None:
    """Another job never lowers what is wanted, whatever its deadline."""
    more = replace(situation, jobs=(*situation.jobs, further))
    assert decide(more, policy).desired >= decide(situation, policy).desired


@given(FACTS, POLICIES)
def test_another_jetson_never_buys_an_aws_worker(situation: ScalingFacts, policy: ScalingPolicy) -> None:
    """It only ever takes work off them."""
    more = replace(situation, workers=(*situation.workers, worker("jetson-9")))
    assert decide(more, policy).desired <= decide(situation, policy).desired


@given(FACTS, POLICIES)
def test_never_above_what_is_allowed_nor_below_what_is_busy(
    situation: ScalingFacts, policy: ScalingPolicy
) -> None:
    """Neither the maximum nor the budget is exceeded, but by workers that are at work already."""
    decision, busy = decide(situation, policy), busy_of(situation)
    assert busy <= decision.desired <= max(busy, policy.max_workers)
    assert decision.wanted <= policy.max_workers
    if policy.budget_usd_per_day is not None and situation.spent_usd >= policy.budget_usd_per_day:
        assert (decision.desired, decision.wanted) == (busy, 0)


@given(FACTS, POLICIES)
def test_the_same_facts_give_the_same_decision(situation: ScalingFacts, policy: ScalingPolicy) -> None:
    """Whatever order they are in."""
    turned = replace(situation, workers=situation.workers[::-1])
    first: ScalingDecision = decide(situation, policy)
    assert decide(situation, policy) == first
    assert decide(turned, policy).desired == first.desired


@given(FACTS, POLICIES)
def test_accepted_work_has_somebody(situation: ScalingFacts, policy: ScalingPolicy) -> None:
    """A Jetson that lives, or an AWS worker, unless the policy forbids it and says so."""
    has_jetson = any(one.worker_class == "jetson" for one in situation.workers)
    decision = decide(situation, policy)
    if situation.jobs and not has_jetson and not decision.desired:
        assert decision.reason in {"max-workers", "budget-refuses"}


@given(FACTS, POLICIES)
def test_lanes_and_assists_never_exceed_what_a_job_can_use(
    situation: ScalingFacts, policy: ScalingPolicy
) -> None:
    """No job gets more lanes than it has units, and all assists together find free slots."""
    decision = decide(situation, policy)
    jobs = {job.job_id: job for job in situation.jobs}
    free = sum(one.slots - one.busy for one in situation.workers)
    assert sum(one.count for one in decision.assists) <= free
    for one in decision.assists:
        job = jobs[one.job_id]
        assert max(1, job.lanes) + job.assists + one.count <= job.units_left


def test_the_end_is_foretold() -> None:
    """One match on the Jetson is 35 minutes of work; with one AWS worker at work beside it, less."""
    alone = decide(facts(*matches(1)), POLICY)
    assert alone.backlog_s == alone.empty_s == 35 * 60
    helped = decide(facts(*matches(1), workers=(JETSON, worker("aws-1", busy=1))), POLICY)
    assert helped.empty_s == pytest.approx(MATCH_PX / (MATCH_PX / 2100 + MATCH_PX / 1500))


def test_each_jobs_end_is_foretold() -> None:
    """In the order of their deadlines, as the slots' usual pace makes it; one time in ten it is later."""
    situation = facts(match("second", due_min=90), match("first", due_min=60))
    first, second = finishes(situation, POLICY, decide(situation, POLICY))
    assert (first.job_id, second.job_id) == ("first", "second")
    assert first.in_s == pytest.approx(35 * 60)
    assert second.in_s == pytest.approx(70 * 60)
    assert second.slow_in_s == pytest.approx(84 * 60)
    assert not second.is_late(NOW)
    nobody = facts(match(), workers=())
    [alone] = finishes(nobody, policy_of(max_workers=0), decide(nobody, policy_of(max_workers=0)))
    assert alone.in_s is None
    assert alone.is_late(NOW)


@pytest.mark.parametrize("due_min", [40, 30, 20, 12, 8, 7, 6, 5, 4, 3.5, 3.1, 3, 2, 1, 0])
def test_a_deadline_that_comes_near_buys_no_crowd(due_min: float) -> None:
    """However many are allowed: who is started works for as long as its start takes."""
    situation = facts(*matches(4, due_min=due_min, left=0.9))
    decision = decide(situation, policy_of(max_workers=3000))
    shortest_s = 2 * POLICY.cold_start_s
    assert decision.desired <= 4 * 0.9 * 1.05 * MATCH_PX / (
        PACE.px_per_s * (shortest_s - POLICY.cold_start_s)
    )


def test_a_start_under_way_is_not_given_up_for_a_little_less_work() -> None:
    """54 min of work need nobody by 5 %, and one by 15 %: whoever is on the way comes, and nobody is ordered."""
    work = (match("a"), match("b", left=0.55))
    found = decide(facts(*work, fleet=ordered(1, ago_min=1)), POLICY)
    assert (found.desired, found.wanted, found.reason) == (1, 1, "starts-under-way-go-on")
    assert decide(facts(*work), POLICY).desired == 0
    assert decide(facts(*matches(1), fleet=ordered(1, ago_min=1)), POLICY).desired == 0
