"""The numbers of the simulated world, each with where it comes from.  ``--set name=value`` changes one."""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar

from rugbytx.core.fleet.worker_class import AWS_HOST, JETSON_HOST
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the world is like.  Durations in seconds."""

    # Hosts
    jetson_px_per_s: float = JETSON_HOST.gpu_px_per_s.value  # the note's 35 minutes for a match
    aws_px_per_s: float = AWS_HOST.gpu_px_per_s.value  # the note's 25 minutes
    #: The coefficient of variation of a job's service time (lognormal), and of a chunk's beside it.
    service_cv: float = 0.1  # assumed
    chunk_cv: float = 0.05  # assumed
    #: Claim, start of the encoder, check and upload of one unit, beside the encoding.
    unit_overhead_s: float = 0.5  # assumed
    #: How fast the Jetson gets a source to its scratch, before its first chunk; 0: the note's 35 minutes hold it.
    jetson_network_bps: float = 0.0
    #: The time from the power's return to a worker that receives.
    boot_s: float = 90.0  # assumed
    # SQS
    #: A message is delivered once more without a reason.
    duplicate_p: float = 1e-4  # at-least-once delivery, docs AWS: standard queues; the rate is assumed
    #: Approximate counts are as old as this, at most.
    stale_s: float = 60.0  # docs AWS: they settle within a minute
    #: Receives before a message goes to the dead-letter queue; 0 for no such queue, as in the note.
    note_receives: int = 0
    our_receives: int = 10
    #: A whole-message worker's heartbeat fails with this probability.
    beat_missed_p: float = 0.0
    # CloudWatch
    metric_lag_least_s: float = 60.0  # SQS publishes each minute, up to two minutes late
    metric_lag_most_s: float = 120.0
    #: SQS stops its metrics for a queue that nobody touched for so long, and takes up to ``wake_most_s`` to resume.
    asleep_after_s: float = 6 * 3600.0  # docs AWS: six hours
    wake_most_s: float = 900.0  # docs AWS: fifteen minutes
    # EC2 and ECS
    max_hosts: int = Settings().max_workers  # the note
    purchase: str = "on-demand"
    #: A cold start is triangular between these.
    cold_least_s: float = 120.0
    cold_mode_s: float = AWS_HOST.start_s
    cold_most_s: float = 480.0
    #: Spot interruptions for each hour of a host; Spot is refused with this probability, and on-demand taken.
    spot_hazard_per_h: float = 0.05  # AWS publishes bands for a month only
    spot_refused_p: float = 0.05  # assumed
    spot_notice_s: float = 120.0  # docs AWS
    #: A task starts on a host that is up.
    task_start_s: float = 20.0  # assumed
    #: A host that nobody manages is gone so long after its last task.
    leave_s: float = 30.0  # assumed
    # Capacity provider
    provider_tail_s: float = 900.0  # AlarmLow: 15 datapoints of a minute
    provider_warm_up_s: float = 300.0  # instanceWarmupPeriod's default

    def cold_s(self, luck: float) -> float:
        """Return the cold start at quantile ``luck`` of the triangle.

        >>> [round(Figures().cold_s(luck)) for luck in (0.0, 1 / 6, 1.0)]
        [120, 180, 480]
        """
        least, mode, most = self.cold_least_s, self.cold_mode_s, self.cold_most_s
        if most <= least:
            return least
        turn = (mode - least) / (most - least)
        if luck < turn:
            return least + float((luck * (most - least) * (mode - least)) ** 0.5)
        return most - float(((1 - luck) * (most - least) * (most - mode)) ** 0.5)

    @property
    def cold_mean_s(self) -> float:
        """Return the mean cold start."""
        return (self.cold_least_s + self.cold_mode_s + self.cold_most_s) / 3


_Value = TypeVar("_Value")


def altered(value: _Value, changes: dict[str, str]) -> tuple[_Value, dict[str, str]]:
    """Return a dataclass with what ``changes`` says of its fields, and the changes that are not about it.

    ``cold_start_s`` stands for all three corners of the cold start.  Raises
    SettingsError for a value that is none of its field's kind.

    >>> altered(Figures(), {"max_hosts": "5", "tick_s": "3"})[1]
    {'tick_s': '3'}
    """
    left, own = {}, {}
    known = {entry.name: getattr(value, entry.name) for entry in fields(value)}  # type: ignore[arg-type]
    kinds = {
        name: type(default) for name, default in known.items() if isinstance(default, (bool, int, float, str))
    }
    for name, text in changes.items():
        wide = ("cold_least_s", "cold_mode_s", "cold_most_s") if name == "cold_start_s" else (name,)
        for field in wide:
            if field in kinds:
                own[field] = _parsed(field, text, kinds[field])
            else:
                left[name] = text
    return replace(value, **own), left  # type: ignore[type-var]


def _parsed(name: str, text: str, kind: type) -> bool | int | float | str:
    if kind is bool:
        if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        raise SettingsError(f"{name} is true or false, not {text!r}")
    if issubclass(kind, StrEnum):
        if text not in {str(member) for member in kind}:
            raise SettingsError(f"{name} is one of {', '.join(kind)}, not {text!r}")
        return kind(text)
    if kind is str:
        return text
    try:
        value = int(text) if kind is int else float(text)
    except ValueError as error:
        raise SettingsError(f"{name} is a number, not {text!r}") from error
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name} is 0 or more, not {text!r}")
    return value
