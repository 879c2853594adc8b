"""AWS's own scaling policies for the workers, as the note wants them (docs/origin/note.md).

::

    queue depth (CloudWatch) ─► alarm ─► scaling policy ─► desired count of the ECS service

What is wanted and what is there are values, and ``decide`` returns the changes
between them: applying twice changes nothing, and whatever another policy left
behind goes.  Configurations are as the services take and tell them: Application
Auto Scaling's API reference (PutScalingPolicy) and CloudWatch's (PutMetricAlarm).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Configuration = Mapping[str, Any]

MISSING = "missing"
DIFFERS = "differs"
POLICY_CHANGES = "its-policy-changes"
NOT_WANTED = "not-wanted"


class PolicyKind(StrEnum):
    """What decides how many workers there are."""

    TARGET_TRACKING = "target-tracking"
    STEP = "step"
    #: Nothing of AWS's: ``rugbytx autoscale``, or a person.
    NONE = "none"


class SetupStep(StrEnum):
    """One request to AWS."""

    REGISTER_TARGET = "register-target"
    PUT_POLICY = "put-policy"
    PUT_ALARM = "put-alarm"
    DELETE_ALARM = "delete-alarm"
    DELETE_POLICY = "delete-policy"
    DEREGISTER_TARGET = "deregister-target"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The scalable target: the bounds of the desired count."""

    least: int
    most: int
    is_suspended: bool = False


@dataclass(frozen=True, kw_only=True)
class NativePolicy:
    """A scaling policy, ``TargetTrackingScaling`` or ``StepScaling``."""

    name: str
    type: str
    configuration: Configuration
    #: Known of policies that are there.
    arn: str = ""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A CloudWatch alarm."""

    name: str
    configuration: Configuration
    #: The policy that it calls, by name; nothing where it only shows.
    policy: str = ""
    #: The ARNs that it calls: known of alarms that are there.
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NativeSetup:
    """A scalable target with policies and alarms."""

    target: Target | None = None
    policies: tuple[NativePolicy, ...] = ()
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """One request, on what, and why."""

    step: SetupStep
    name: str
    reason: str
    thing: Target | NativePolicy | Alarm | None = None


@dataclass(frozen=True, kw_only=True)
class SetupChanges:
    """The changes, in the order to make them, and alarms that are left to their owners."""

    changes: tuple[Change, ...] = ()
    #: Alarms that call what goes, but something else as well.
    left: tuple[str, ...] = field(default=())


def decide(setup: NativeSetup, present: NativeSetup, *, own_alarms: Sequence[str]) -> SetupChanges:
    """Return what turns ``present`` into ``setup``: what goes first, then what comes.

    ``present`` holds every policy of the service, whoever made it: two that move
    one number fight.  An alarm goes with the policy that it calls unless it calls
    something else too; the alarms of target tracking are AWS's own.
    """
    names = {policy.name for policy in setup.policies}
    kept = {policy.name: policy for policy in present.policies if policy.name in names}
    gone = [policy for policy in present.policies if policy.name not in names]
    gone_alarms, left = _gone_alarms(setup, present, gone, own_alarms)
    changes = [Change(step=SetupStep.DELETE_ALARM, name=name, reason=NOT_WANTED) for name in gone_alarms]
    changes += [Change(step=SetupStep.DELETE_POLICY, name=policy.name, reason=NOT_WANTED) for policy in gone]
    if setup.target is None:
        if present.target is not None:
            changes.append(Change(step=SetupStep.DEREGISTER_TARGET, name="desired-count", reason=NOT_WANTED))
    elif setup.target != present.target:
        reason = MISSING if present.target is None else DIFFERS
        changes.append(
            Change(step=SetupStep.REGISTER_TARGET, name="desired-count", reason=reason, thing=setup.target)
        )
    put = [(policy, _policy_reason(policy, kept.get(policy.name))) for policy in setup.policies]
    changes += [
        Change(step=SetupStep.PUT_POLICY, name=policy.name, reason=reason, thing=policy)
        for policy, reason in put
        if reason
    ]
    changed = {policy.name for policy, reason in put if reason}
    changes += _alarm_changes(setup, present, kept, changed)
    return SetupChanges(changes=tuple(changes), left=tuple(left))


def _gone_alarms(
    setup: NativeSetup, present: NativeSetup, gone: Sequence[NativePolicy], own: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the alarms to delete, and those that somebody else needs."""
    wanted_names = {alarm.name for alarm in setup.alarms}
    called = {policy.arn for policy in gone if policy.type == "StepScaling"}
    delete, left = [], []
    for alarm in present.alarms:
        if alarm.name in wanted_names:
            continue
        if alarm.name in own or (alarm.actions and called.issuperset(alarm.actions)):
            delete.append(alarm.name)
        elif called.intersection(alarm.actions):
            left.append(alarm.name)
    return delete, left


def _alarm_changes(
    setup: NativeSetup, present: NativeSetup, kept: Mapping[str, NativePolicy], changed: set[str]
) -> list[Change]:
    there = {alarm.name: alarm for alarm in present.alarms}
    changes = []
    for alarm in setup.alarms:
        existing = there.get(alarm.name)
        actions = (kept[alarm.policy].arn,) if alarm.policy in kept else ()
        if existing is None:
            reason = MISSING
        elif alarm.policy in changed:
            reason = POLICY_CHANGES
        elif existing.actions != actions or not covers(alarm.configuration, existing.configuration):
            reason = DIFFERS
        else:
            continue
        changes.append(Change(step=SetupStep.PUT_ALARM, name=alarm.name, reason=reason, thing=alarm))
    return changes


def _policy_reason(policy: NativePolicy, existing: NativePolicy | None) -> str:
    if existing is None:
        return MISSING
    same = existing.type == policy.type and covers(policy.configuration, existing.configuration)
    return "" if same else DIFFERS


def covers(wish: Any, existing: Any) -> bool:
    """Return whether everything that is wished for is there; services add their defaults.

    >>> covers({"Cooldown": 60}, {"Cooldown": 60.0, "MetricAggregationType": "Average"})
    True
    >>> covers([1, 2], [1, 2, 3])
    False
    """
    if isinstance(wish, Mapping):
        return isinstance(existing, Mapping) and all(
            name in existing and covers(value, existing[name]) for name, value in wish.items()
        )
    if isinstance(wish, (list, tuple)):
        return (
            isinstance(existing, (list, tuple))
            and len(wish) == len(existing)
            and all(covers(wished, other) for wished, other in zip(wish, existing, strict=True))
        )
    return bool(wish == existing)
