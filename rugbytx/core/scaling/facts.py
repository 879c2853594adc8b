"""What a scaling decision is made from, and what it says: values that are logged whole and can be decided again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling.pace import PRIORS, Pace

#: The classes: one is always on and goes first, the other comes when it is wanted.


class Mode(StrEnum):
    """What is wished of the fleet."""

    #: The fewest AWS workers that meet the deadlines.
    DEADLINE = "deadline"
    #: Every AWS worker that would find something to do.
    FASTEST = "fastest"
    #: None while the Jetson lives.
    CHEAPEST = "cheapest"


@dataclass(frozen=True, kw_only=True)
class ScalingPolicy:
    """What an operator wishes, as ``Settings.policy`` has it; the shares and factors below have their values here."""

    mode: Mode
    max_workers: int
    #: Slots of one AWS worker.
    aws_slots: int
    #: The time from the order of a worker to its first receive.
    cold_start_s: float
    #: An idle AWS worker stays for so long, where one more match would want it.
    idle_grace_s: float
    #: When a job is due after its submission, unless it says otherwise.
    deadline_s: float
    #: Work is planned to be done so long before its deadline: a chunk in work, joining, publishing.
    margin_s: float
    #: The share of the estimated work that is planned for on top of it.
    margin_share: float = 0.05
    #: A lane or a start under way is left to the Jetson only if that much more work still met its deadlines: going
    #: to and fro between the classes would cost more than it saves.
    keep_share: float = 0.15
    #: A worker that would work for less is not started.
    least_use_s: float
    #: The price of an hour of an AWS worker.
    aws_usd_per_h: float
    budget_usd_per_day: float | None
    #: A worker is started only while the budget pays so much of its time.
    budget_reserve_s: float = 900.0
    #: What the Jetson costs for each gigabyte that it fetches, and for each hour that it works.
    jetson_usd_per_gb: float
    jetson_usd_per_h: float
    #: A start that takes so many times the cold start is reported.
    overdue_starts: float = 3.0
    #: A decision that is older says nothing to a gate.
    silent_s: float
    #: A pointer sent as an assist that nobody took within this time is forgotten.
    assist_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class JobFact:
    """An open job, as a decision sees it.  Instants are float seconds of store time."""

    job_id: str
    generation: int
    submitted_at: float
    deadline_at: float
    #: Pixels of all renditions together: of the whole job, and what is not finished of it.
    work_px: float
    left_px: float
    #: Units that nobody has finished: a bound on its lanes.
    units_left: int
    is_queued: bool
    #: Before there is a plan only one lane finds something to do: it makes the plan.
    is_planned: bool = True
    is_bumped: bool = False
    #: Workers' slots that are at it.
    lanes: int = 0
    #: Pointers that were sent as assists and have not become lanes, as far as is known.
    assists: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class FleetFact:
    """What was ordered before."""

    desired: int = 0
    #: When ``desired`` was last raised.
    ordered_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ScalingFacts:
    """All that a decision depends on besides the policy."""

    now: float
    jobs: tuple[JobFact, ...] = ()
    #: Those that are believed to live.
    workers: tuple[Worker, ...] = ()
    paces: Mapping[WorkerClass, Pace] = field(default_factory=lambda: dict(PRIORS))
    fleet: FleetFact = FleetFact()
    #: What AWS workers have cost since midnight, UTC.
    spent_usd: float = 0.0
    #: SQS's own count of messages that can be received; a cross-check, for it is approximate.
    visible: int = 0


@dataclass(frozen=True, kw_only=True)
class Assist:
    """Further pointers for one job."""

    job_id: str
    generation: int
    count: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Finish:
    """When a job will be done, in seconds from the decision; None where nobody works."""

    job_id: str
    deadline_at: float
    #: The median, and the time that is exceeded one time in ten.
    in_s: float | None
    slow_in_s: float | None

    def is_late(self, now: float) -> bool:
        """Return whether it will more likely than not miss its deadline."""
        return self.in_s is None or now + self.in_s > self.deadline_at


@dataclass(frozen=True, kw_only=True)
class ScalingDecision:
    """What to do, and why."""

    #: AWS workers that there should be: never fewer than are busy.
    desired: int
    #: AWS workers that may work on what is waiting.
    wanted: int
    busy: int
    #: Wanted beyond the busy ones, whether they idle, start or are to be ordered.
    needed: int
    reason: str
    assists: tuple[Assist, ...] = ()
    alarms: tuple[str, ...] = ()
    #: The open work, in seconds of one Jetson slot.
    backlog_s: float = 0.0
    #: When all of it would be done; None where nobody works.
    empty_s: float | None = None
