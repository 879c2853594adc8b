"""The policies that are compared: the note's (docs/origin/note.md), what repairs them, ours, and the two extremes."""

from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.scaling.facts import Mode
from rugbytx.core.scaling.pace import PRIORS, PX_PER_BYTE
from rugbytx.errors import SettingsError


class Scaler(StrEnum):
    """Who sets the number of AWS tasks."""

    NOBODY = "nobody"
    TRACKING = "target-tracking"
    STEPS = "step-scaling"
    OURS = "rugbytx"


class Capacity(StrEnum):
    """Where hosts come from."""

    #: An ECS capacity provider over an Auto Scaling group.
    PROVIDER = "capacity-provider"
    #: A host for each task, gone soon after it.
    OWN_HOST = "own-host"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the fleet is run.  Durations in seconds."""

    name: str = ""
    says: str = ""
    #: Whether workers do chunks under leases, or a whole message at a time.
    is_chunked: bool = False
    scaler: Scaler = Scaler.TRACKING
    capacity: Capacity = Capacity.PROVIDER
    has_jetson: bool = True
    # Whole messages, and Application Auto Scaling
    visibility_s: float = 1200.0
    #: The heartbeat's period; 0 for none.
    beat_s: float = 0.0
    protects: bool = False
    counts_in_flight: bool = False
    scale_out_cooldown_s: float = 60.0
    scale_in_cooldown_s: float = 300.0
    target: float = 1.0
    # Ours
    mode: Mode = Mode.DEADLINE
    tick_s: float = 10.0
    view_s: float = 5.0
    presence_s: float = 15.0
    sweep_s: float = 60.0
    idle_grace_s: float = 120.0
    margin_s: float = 60.0
    margin_share: float = 0.05
    keep_share: float = 0.15
    least_use_s: float = 60.0
    job_overhead_s: float = 30.0
    lease_s: float = 120.0
    heartbeat_s: float = 30.0
    poll_s: float = 2.0
    protection_s: float = 900.0
    autoscaler_silent_s: float = 180.0
    # What is assumed of work until chunks have been measured, as production's settings of these names
    assumed_px_per_byte: float = PX_PER_BYTE
    assumed_jetson_px_per_s: float = PRIORS["jetson"].px_per_s
    assumed_aws_px_per_s: float = PRIORS["aws"].px_per_s


def _note(name: str, says: str, **changed: object) -> Policy:
    return Policy(name=name, says=says, **changed)  # type: ignore[arg-type]


def _ours(name: str, says: str, **changed: object) -> Policy:
    fields: dict[str, object] = {
        "is_chunked": True,
        "scaler": Scaler.OURS,
        "capacity": Capacity.OWN_HOST,
        "visibility_s": 120.0,
        "protects": True,
        **changed,
    }
    return Policy(name=name, says=says, **fields)  # type: ignore[arg-type]


#: MediaConvert is a price and no fleet: it is in the tables beside these.
POLICIES = {
    policy.name: policy
    for policy in (
        _note("note-current", "the note's current settings: scale-in cooldown 300 s"),
        _note("note-recommended", "the note's recommendation: 1500 s", scale_in_cooldown_s=1500.0),
        _note(
            "note-heartbeat",
            "and its heartbeat, every 5 minutes",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
        ),
        _note(
            "note-protected",
            "and its task protection",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
            protects=True,
        ),
        _note(
            "note-steps",
            "its step scaling, with its heartbeat",
            scaler=Scaler.STEPS,
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
        ),
        _note(
            "tracking-in-flight",
            "target tracking on visible and in-flight messages for each task, heartbeat, protection",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
            protects=True,
            counts_in_flight=True,
        ),
        _ours("deadline", "ours: as few AWS workers as the deadlines need"),
        _ours("fastest", "ours: as many as find something to do", mode=Mode.FASTEST),
        _ours("cheapest", "ours: none while the Jetson lives", mode=Mode.CHEAPEST),
        _ours(
            "deadline-provider",
            "deadline on a capacity provider, as deploy/aws has it: two hosts from none, a tail of 15 minutes",
            capacity=Capacity.PROVIDER,
        ),
        _ours(
            "fastest-provider",
            "fastest on a capacity provider",
            mode=Mode.FASTEST,
            capacity=Capacity.PROVIDER,
        ),
        _ours("jetson-only", "chunks, and no AWS at all", scaler=Scaler.NOBODY),
        _ours("aws-only", "ours, fastest, without a Jetson", mode=Mode.FASTEST, has_jetson=False),
    )
}

NOTES = tuple(name for name, policy in POLICIES.items() if not policy.is_chunked)
OURS = ("deadline", "fastest", "cheapest")


def of(name: str) -> Policy:
    """Return the policy of that name; raises SettingsError where there is none."""
    if name not in POLICIES:
        raise SettingsError(f"there is no policy {name!r}; there is {', '.join(POLICIES)}")
    return POLICIES[name]
