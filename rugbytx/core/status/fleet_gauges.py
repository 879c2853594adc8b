"""How the system stands, as figures that alarms watch, out of what a scaling decision was made from anyway."""

from collections.abc import Mapping
from typing import Any

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.core.status import embedded_metrics

#: What tells one installation's figures from another's.
DIMENSION = "Table"
#: Each figure's unit, in CloudWatch's words; the age is in minutes, which have none.
UNITS: Mapping[str, str] = {
    "Backlog": "Seconds",
    "OldestJobAge": "None",
    "DeadlinesMissed": "Count",
    "JetsonsAlive": "Count",
    "AwsWorkersAlive": "Count",
    "AwsWorkersDesired": "Count",
    "RecordsUnreadable": "Count",
}


def gauges(recorded: Recorded, *, unreadable: int = 0) -> dict[str, float]:
    """Return the figures by their names; ``unreadable`` is how many records were set aside."""
    facts = recorded.facts
    alive = [worker.worker_class for worker in facts.workers if worker.until > facts.now]
    oldest_at = min((job.submitted_at for job in facts.jobs), default=facts.now)
    return {
        "Backlog": recorded.decision.backlog_s,
        "OldestJobAge": (facts.now - oldest_at) / 60,
        "DeadlinesMissed": sum(job.deadline_at < facts.now for job in facts.jobs),
        "JetsonsAlive": alive.count(WorkerClass.JETSON),
        "AwsWorkersAlive": alive.count(WorkerClass.AWS),
        "AwsWorkersDesired": recorded.decision.desired,
        "RecordsUnreadable": unreadable,
    }


def embedded(recorded: Recorded, *, table: str, unreadable: int = 0) -> dict[str, Any]:
    """Return the figures as fields of a log line that CloudWatch reads as metrics."""
    return embedded_metrics.fields(
        at=recorded.facts.now,
        labels={DIMENSION: table},
        values=gauges(recorded, unreadable=unreadable),
        units=UNITS,
    )
