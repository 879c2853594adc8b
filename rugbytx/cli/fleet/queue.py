"""`rugbytx queue`: what waits, what is under way, when it is empty, and what was decided last."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import emit, say
from rugbytx.core.fleet.worker_class import WorkerClass

if TYPE_CHECKING:
    from rugbytx.system import Connection

#: Between two looks of --watch.
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
        seen = look(system)
        if as_json:
            emit(seen)
        else:
            for line in lines(seen):
                say(line)
        if not watch:
            return
        never.wait(LOOK_S)
        if not as_json:
            say("")


def look(system: "Connection") -> dict[str, Any]:
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
        paces[one.worker_class].px_per_s * one.slots
        for one in workers
        if one.is_able and one.worker_class in paces and (one.worker_class is WorkerClass.JETSON or one.busy)
    )
    empty_in_s = left_px / rate if rate else (0.0 if not left_px else None)
    slow = max(pace.px_per_s / pace.slow_px_per_s for pace in paces.values())
    depth = system.queue.depth()
    told, text = store.scaling.read_desired(), store.scaling.read()
    found = decision_record.read(text)
    waiting = [job for job in jobs if job.status is Status.QUEUED]
    return {
        "queued": len(waiting),
        "running": len(jobs) - len(waiting),
        "backlog_s": left_px / paces[WorkerClass.JETSON].px_per_s,
        "oldest_wait_s": now - min((job.submitted_at for job in waiting), default=now),
        "visible": depth.visible,
        "in_flight": depth.in_flight,
        # As often later as sooner, and later one time in ten.
        "empty_in_s": empty_in_s,
        "empty_in_p90_s": None if empty_in_s is None else empty_in_s * slow,
        "decided_s_ago": now - told.at if told else None,
        "desired": found.decision.desired if found else None,
        "wanted": told.wanted if told else None,
        "reason": found.decision.reason if found else "",
        "alarms": [*(found.decision.alarms if found else ()), *_unreadable(store.unreadable())],
    }


def _unreadable(count: int) -> list[str]:
    """Return the alarm for records that nobody can read."""
    return [f"records-unreadable: {count}"] if count else []


def lines(seen: dict[str, Any]) -> list[str]:
    """Return a look as lines for people."""
    from rugbytx.cli.shared.duration import show

    empty = "never: nobody works"
    if seen["empty_in_s"] is not None:
        empty = f"in {show(seen['empty_in_s'])}, nine times in ten in {show(seen['empty_in_p90_s'])}"
    told = [
        f"jobs      {seen['queued']} queued, {seen['running']} running",
        f"backlog   {show(seen['backlog_s'])} of one Jetson slot's work; empty {empty}",
        f"oldest    has waited {show(seen['oldest_wait_s'])}",
        f"messages  {seen['visible']} visible, {seen['in_flight']} in flight (approximate)",
    ]
    if seen["decided_s_ago"] is None:
        return [*told, "decision  none: no autoscaler has decided here"]
    told.append(
        f"decision  desired {seen['desired']}, wanted {seen['wanted']}: {seen['reason']}"
        f" ({show(seen['decided_s_ago'])} ago)"
    )
    return [*told, *(f"alarm     {alarm}" for alarm in seen["alarms"])]
