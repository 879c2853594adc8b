"""What AWS's own scaling policies do that nobody expects, in sentences for whoever applies them.

Each is from AWS's documentation (Application Auto Scaling User Guide: "Target
tracking scaling policies", "Step scaling policies"; Amazon SQS Developer Guide:
"Available CloudWatch metrics") or follows from the figures.
"""

from collections.abc import Mapping, Sequence

from rugbytx.core.native_scaling.policy_changes import PolicyKind
from rugbytx.core.native_scaling.policy_setup import EMPTY_PERIODS, IN_COOLDOWN_S

_BOTH = (
    (
        "Only tasks with scale-in protection are safe while they work; rugbytx workers take it themselves where"
        " ECS_AGENT_URI is set, and lose nothing but a chunk where it is not."
    ),
    "No policy knows of the Jetson: messages that it would take in time start AWS workers all the same.",
    "SQS's metrics come once a minute, and up to 15 minutes late where nobody has used the queue for 6 hours.",
    (
        f"The scale-to-zero alarm counts messages in flight too, for {EMPTY_PERIODS} minutes: by visible messages"
        " alone, a queue whose every message is being worked on looks empty."
    ),
    "The in-flight alarm only shows: CloudWatch has no action that prevents scale-in.",
)
_OF: Mapping[PolicyKind, tuple[str, ...]] = {
    PolicyKind.TARGET_TRACKING: (
        "A target of 1.0 is exceeded by two messages: a single one starts no worker.",
        (
            f"The scale-in cooldown of {IN_COOLDOWN_S} s delays the second scale-in and not the first: that comes"
            " after 15 minutes below the target, by AWS's own alarm."
        ),
        "The metric counts visible messages only, so that work in flight looks like an empty queue.",
        "The count is multiplied by metric over target: 2 tasks and 2 waiting messages make 4.",
        "From zero it takes 3 minutes of metrics, then one task, and more only once that runs.",
        "The alarms named TargetTracking-* are AWS's own: do not edit or delete them.",
    ),
    PolicyKind.STEP: (
        "Steps count from the alarm's threshold, and the one cooldown is for both directions.",
        "A message that is received leaves the depth: the count falls to what still waits while the others work.",
        "Depth 0 is left to the scale-to-zero alarm: a step to 0 would end whoever took the last message.",
        "The action repeats each minute in ALARM, and undoes a desired count that was set by hand.",
    ),
}


def traps(kind: PolicyKind) -> Sequence[str]:
    """Return a sentence for each trap of a kind; none where nothing is left to AWS."""
    return () if kind is PolicyKind.NONE else (*_OF[kind], *_BOTH)
