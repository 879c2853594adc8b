"""`rugbytx queue`: what waits, what is under way, when it is empty, and what was decided last."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import emit, say
from rugbytx.core.fleet.worker_class import WorkerClass

if TYPE_CHECKING:
    from rugbytx.system import Connection

#: How often ``--watch`` reads the store.
LOOK_S = 2.0


def queue(
    context: typer.Context,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a look.")] = False,
) -> None:
    """Show the backlog in jobs and hours, the oldest, what is in flight, and the autoscaler's decision."""
    import threading

    from rugbytx.cli.shared.connection import connection

    system = connection(context)
    never = threading.Event()
    while True:
        values = summarize(system)
        if as_json:
            emit(values)
        else:
            for line in format_summary(values):
                say(line)
        if not watch:
            return
        never.wait(LOOK_S)
        if not as_json:
            say("")


def summarize(system: "Connection") -> dict[str, Any]:
    """Return what the queue is like, with stable keys."""
    from rugbytx.core.job.job import Status
    from rugbytx.core.scaling import decision_record, workload

    store, settings = system.store, system.settings
    now, workers = store.now(), store.workers.list()
    jobs = store.jobs.list_open(1000)
    facts = workload.facts(jobs, workers, assists={}, assumed=settings.assumed)
    paces = workload.paces(workers, settings.priors)
    left_px = sum(fact.left_px for fact in facts)
    rate = sum(
        paces[worker.worker_class].px_per_s * worker.slots
        for worker in workers
        if worker.is_able
        and worker.worker_class in paces
        and (worker.worker_class is WorkerClass.JETSON or worker.busy)
    )
    empty_in_s = left_px / rate if rate else (0.0 if not left_px else None)
    slow = max(pace.px_per_s / pace.slow_px_per_s for pace in paces.values())
    depth = system.queue.depth()
    target, text = store.scaling.read_desired(), store.scaling.read()
    recorded = decision_record.read(text)
    waiting = [job for job in jobs if job.status is Status.QUEUED]
    return {
        "queued": len(waiting),
        "running": len(jobs) - len(waiting),
        "backlog_s": left_px / paces[WorkerClass.JETSON].px_per_s,
        "oldest_wait_s": now - min((job.submitted_at for job in waiting), default=now),
        "visible": depth.visible,
        "in_flight": depth.in_flight,
        # The median, and the time that is exceeded one time in ten.
        "empty_in_s": empty_in_s,
        "empty_in_p90_s": None if empty_in_s is None else empty_in_s * slow,
        "decided_s_ago": now - target.at if target else None,
        "desired": recorded.decision.desired if recorded else None,
        "wanted": target.wanted if target else None,
        "reason": recorded.decision.reason if recorded else "",
        "alarms": [*(recorded.decision.alarms if recorded else ()), *_unreadable(store.unreadable())],
    }


def _unreadable(count: int) -> list[str]:
    """Return the alarm for records that nobody can read."""
    return [f"records-unreadable: {count}"] if count else []


def format_summary(values: dict[str, Any]) -> list[str]:
    """Return the summary as lines for people."""
    from rugbytx.cli.shared.duration import show

    empty = "never: nobody works"
    if values["empty_in_s"] is not None:
        empty = f"in {show(values['empty_in_s'])}, nine times in ten in {show(values['empty_in_p90_s'])}"
    rows = [
        f"jobs      {values['queued']} queued, {values['running']} running",
        f"backlog   {show(values['backlog_s'])} of one Jetson slot's work; empty {empty}",
        f"oldest    has waited {show(values['oldest_wait_s'])}",
        f"messages  {values['visible']} visible, {values['in_flight']} in flight (approximate)",
    ]
    if values["decided_s_ago"] is None:
        return [*rows, "decision  none: no autoscaler has decided here"]
    rows.append(
        f"decision  desired {values['desired']}, wanted {values['wanted']}: "
        f"{values['reason']} ({show(values['decided_s_ago'])} ago)"
    )
    return [*rows, *(f"alarm     {alarm}" for alarm in values["alarms"])]
