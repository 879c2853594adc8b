"""The policies that are compared: the note's (docs/origin/note.md), what repairs them, ours, and the two extremes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import cast

import celeryconfig.aws
from rugbytx import settings as production
from rugbytx.core.scaling.facts import Mode, ScalingPolicy
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings

#: The note hides a message for twenty minutes.
NOTE_VISIBILITY_S = 1200.0

#: Production's settings that a simulated day heeds, by their names there.  How many hosts there may be, how long they
#: take to start and what they cost is of the world (``sim.figures``).
HEEDED = frozenset(
    {
        *("mode", "tick_s", "view_s", "presence_s", "sweep_s", "lease_s", "heartbeat_s", "protection_s"),
        *("idle_grace_s", "margin_s", "least_use_s", "job_overhead_s", "autoscaler_silent_s"),
        *("assumed_px_per_byte", "assumed_jetson_px_per_s", "assumed_aws_px_per_s"),
    }
)


class Scaler(StrEnum):
    """Who sets the number of AWS tasks."""

    NOBODY = "nobody"
    TRACKING = "target-tracking"
    STEPS = "step-scaling"
    OURS = "rugbytx"


class HostProvisioning(StrEnum):
    """Where hosts come from."""

    #: An ECS capacity provider over an Auto Scaling group.
    PROVIDER = "capacity-provider"
    #: A host for each task, gone soon after it.
    OWN_HOST = "own-host"


@dataclass(frozen=True, kw_only=True)
class FleetPolicy:
    """How the fleet is run.  Durations in seconds."""

    name: str = ""
    says: str = ""
    #: Whether workers do chunks under leases, or a whole message at a time.
    is_chunked: bool = False
    scaler: Scaler = Scaler.TRACKING
    capacity: HostProvisioning = HostProvisioning.PROVIDER
    has_jetson: bool = True
    # Whole messages, and Application Auto Scaling
    visibility_s: float = NOTE_VISIBILITY_S
    #: The heartbeat's period; 0 for none.
    beat_s: float = 0.0
    protects: bool = False
    counts_in_flight: bool = False
    scale_out_cooldown_s: float = 60.0
    scale_in_cooldown_s: float = 300.0
    target: float = 1.0
    # Ours
    settings: Settings = field(default_factory=Settings)
    margin_share: float = ScalingPolicy.margin_share
    keep_share: float = ScalingPolicy.keep_share
    #: How long an AWS worker's receive waits for a message.
    poll_s: float = float(cast("int", celeryconfig.aws.broker_transport_options["wait_time_seconds"]))


def _from_note(name: str, says: str, **changed: object) -> FleetPolicy:
    return FleetPolicy(name=name, says=says, **changed)  # type: ignore[arg-type]


def _ours(name: str, says: str, **changed: object) -> FleetPolicy:
    fields: dict[str, object] = {
        "is_chunked": True,
        "scaler": Scaler.OURS,
        "capacity": HostProvisioning.OWN_HOST,
        "visibility_s": Settings().visibility_s,
        "protects": True,
        **changed,
    }
    return FleetPolicy(name=name, says=says, **fields)  # type: ignore[arg-type]


#: MediaConvert is a price and no fleet: it is in the tables beside these.
POLICIES = {
    policy.name: policy
    for policy in (
        _from_note("note-current", "the note's current settings: scale-in cooldown 300 s"),
        _from_note("note-recommended", "the note's recommendation: 1500 s", scale_in_cooldown_s=1500.0),
        _from_note(
            "note-heartbeat",
            "and its heartbeat, every 5 minutes",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
        ),
        _from_note(
            "note-protected",
            "and its task protection",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
            protects=True,
        ),
        _from_note(
            "note-steps",
            "its step scaling, with its heartbeat",
            scaler=Scaler.STEPS,
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
        ),
        _from_note(
            "tracking-in-flight",
            "target tracking on visible and in-flight messages for each task, heartbeat, protection",
            scale_in_cooldown_s=1500.0,
            beat_s=300.0,
            protects=True,
            counts_in_flight=True,
        ),
        _ours("deadline", "ours: as few AWS workers as the deadlines need"),
        _ours("fastest", "ours: as many as find something to do", settings=Settings(mode=Mode.FASTEST)),
        _ours("cheapest", "ours: none while the Jetson lives", settings=Settings(mode=Mode.CHEAPEST)),
        _ours(
            "deadline-provider",
            "deadline on a capacity provider, as deploy/aws has it: two hosts from none, a tail of 15 minutes",
            capacity=HostProvisioning.PROVIDER,
        ),
        _ours(
            "fastest-provider",
            "fastest on a capacity provider",
            settings=Settings(mode=Mode.FASTEST),
            capacity=HostProvisioning.PROVIDER,
        ),
        _ours("jetson-only", "chunks, and no AWS at all", scaler=Scaler.NOBODY),
        _ours(
            "aws-only",
            "ours, fastest, without a Jetson",
            settings=Settings(mode=Mode.FASTEST),
            has_jetson=False,
        ),
    )
}

NOTES = tuple(name for name, policy in POLICIES.items() if not policy.is_chunked)
OURS = ("deadline", "fastest", "cheapest")


def of(name: str) -> FleetPolicy:
    """Return the policy of that name; raises SettingsError where there is none."""
    if name not in POLICIES:
        raise SettingsError(f"there is no policy {name!r}; there is {', '.join(POLICIES)}")
    return POLICIES[name]


def tuned(policy: FleetPolicy, changes: Mapping[str, str]) -> tuple[FleetPolicy, dict[str, str]]:
    """Return the policy with what ``changes`` says of production's settings, and the changes that are of none.

    Raises SettingsError as production does.

    >>> policy, left = tuned(of("deadline"), {"tick_s": "3", "max_hosts": "5"})
    >>> policy.settings.tick_s, left
    (3.0, {'max_hosts': '5'})
    """
    own = {name: text for name, text in changes.items() if name in HEEDED}
    read = production.read({f"{production.PREFIX}{name.upper()}": text for name, text in own.items()})
    settings = policy.settings.model_copy(update={name: getattr(read, name) for name in own})
    left = {name: text for name, text in changes.items() if name not in HEEDED}
    return replace(policy, settings=settings), left
