"""A scaling decision for people: the facts that it rests on, what was decided, and why."""

from collections.abc import Iterator

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.core.scaling.facts import JobFact, ScalingFacts, ScalingPolicy

#: What each reason means, in a sentence.
SENTENCES = {
    "no-work": "Nothing is waiting and nothing is under way.",
    "jetson-finishes-in-time": "The Jetson alone does everything before its deadline.",
    "deadlines-need-them": "The Jetson alone would miss a deadline; this is the smallest number that does not.",
    "deadlines-cannot-all-be-met": "Some deadline is missed with any number; this is all that helps.",
    "no-jetson-works": "No Jetson is at work, so AWS does it.",
    "as-fast-as-can-be": "Mode fastest: all that find something to do.",
    "done-before-a-start": "Mode fastest: the work is done before another worker could start.",
    "jetson-is-cheapest": "Mode cheapest: the Jetson does it, whenever it does.",
    "budget-refuses": "The day's budget pays for no more.",
    "max-workers": "More would help, and more are not allowed.",
    "lanes-under-way-go-on": "Fewer would do, but not by enough to take lanes off what they have begun.",
    "starts-under-way-go-on": "Fewer would do, but not by enough to give up a start that is half made.",
    "busy-workers-finish": "Nothing more is wanted of AWS; workers at work finish.",
    "idle-grace": "Nothing more is wanted of AWS; idle workers stay for a moment.",
}


def lines(recorded: Recorded) -> Iterator[str]:
    """Yield the lines."""
    facts, policy, decision = recorded.facts, recorded.policy, recorded.decision
    yield from _facts(facts, policy)
    yield ""
    yield (
        f"desired {decision.desired}: {decision.busy} busy, {decision.needed} more needed, "
        f"{decision.wanted} may work (before: {facts.fleet.desired})"
    )
    yield f"because {decision.reason}: {SENTENCES.get(decision.reason, '')}"
    for assist in decision.assists:
        yield f"assist  {assist.job_id} gets {assist.count} more lanes: {assist.reason}"
    for alarm in decision.alarms:
        yield f"alarm   {alarm}"
    if dear := _jetson_is_dear(facts, policy):
        yield f"note    {dear}"


def _facts(facts: ScalingFacts, policy: ScalingPolicy) -> Iterator[str]:
    budget = "no budget" if policy.budget_usd_per_day is None else f"${policy.budget_usd_per_day:g} a day"
    yield f"mode    {policy.mode}, at most {policy.max_workers} AWS workers, {budget}, ${facts.spent_usd:.2f} spent"
    for name, pace in sorted(facts.paces.items()):
        yield f"pace    {name}: {pace.px_per_s / 1e6:.0f} Mpx/s, {pace.evidence} ({pace.chunks} chunks)"
    for worker in facts.workers:
        state = f"{worker.busy}/{worker.slots} busy" if worker.is_able else f"unable: {worker.gate}"
        yield f"worker  {worker.name}: {worker.worker_class}, {state}"
    for job in facts.jobs:
        yield f"job     {job.job_id}: {_job(job, facts)}"
    yield f"queue   {facts.visible} messages can be received, by SQS's own approximate count"


def _job(job: JobFact, facts: ScalingFacts) -> str:
    due_min = (job.deadline_at - facts.now) / 60
    left_min = facts.paces[WorkerClass.JETSON].service_s(job.left_px) / 60
    state = "queued" if job.is_queued else f"{job.lanes} lanes"
    extra = ", bumped" if job.is_bumped else ""
    return f"{state}, {left_min:.1f} min of the Jetson's left, due in {due_min:.1f} min{extra}"


def _jetson_is_dear(facts: ScalingFacts, policy: ScalingPolicy) -> str:
    """Return a sentence where the way to the Jetson costs more than an AWS worker would."""
    size_gb = sum(job.size_bytes for job in facts.jobs) / 1e9
    work_px = sum(job.left_px for job in facts.jobs)
    if not size_gb:
        return ""
    jetson_h = facts.paces[WorkerClass.JETSON].service_s(work_px) / 3600
    aws_h = facts.paces[WorkerClass.AWS].service_s(work_px) / 3600
    jetson_usd = size_gb * policy.jetson_usd_per_gb + jetson_h * policy.jetson_usd_per_h
    aws_usd = aws_h * policy.aws_usd_per_h
    if jetson_usd <= aws_usd:
        return ""
    return (
        f"bringing {size_gb:.1f} GB to the Jetson costs ${jetson_usd:.2f}, and AWS would do the work for "
        f"${aws_usd:.2f}: serve the Jetson through a CDN or from the premises"
    )
