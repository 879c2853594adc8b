"""AWS's own policies: what each kind wants, and the changes from what is there."""

from dataclasses import replace

import pytest

from rugbytx.core.native_scaling import foreign_policies, policy_setup
from rugbytx.core.native_scaling.policy_changes import (
    DIFFERS,
    MISSING,
    NOT_WANTED,
    POLICY_CHANGES,
    Alarm,
    Change,
    NativePolicy,
    NativeSetup,
    PolicyKind,
    SetupChanges,
    SetupStep,
    Target,
    decide,
)

NAME, QUEUE = "worker", "transcode"
OWN = policy_setup.alarm_names(NAME)


def setup_of(kind: PolicyKind, *, most: int = 3) -> NativeSetup:
    """Return what a kind wants."""
    return policy_setup.wanted(kind, name=NAME, queue=QUEUE, most=most)


def applied(kind: PolicyKind) -> NativeSetup:
    """Return a kind as AWS tells of it: with ARNs, and defaults of its own."""
    setup = setup_of(kind)
    arns = {policy.name: f"arn:{policy.name}" for policy in setup.policies}
    return NativeSetup(
        target=setup.target,
        policies=tuple(
            replace(policy, arn=arns[policy.name], configuration={**policy.configuration, "AWSDefault": True})
            for policy in setup.policies
        ),
        alarms=tuple(
            replace(alarm, policy="", actions=(arns[alarm.policy],) if alarm.policy else ())
            for alarm in setup.alarms
        ),
    )


def changes(kind: PolicyKind, present: NativeSetup) -> list[tuple[str, str, str]]:
    """Return what would be done."""
    decision = decide(setup_of(kind), present, own_alarms=OWN)
    return [(change.step.value, change.name, change.reason) for change in decision.changes]


@pytest.mark.parametrize("kind", list(PolicyKind))
def test_what_is_there_is_not_changed(kind: PolicyKind) -> None:
    """Whatever AWS adds to it."""
    assert decide(setup_of(kind), applied(kind), own_alarms=OWN) == SetupChanges()


def test_from_nothing_everything_is_made_in_order() -> None:
    """The target before the policies, and those before the alarms that call them."""
    assert changes(PolicyKind.TARGET_TRACKING, NativeSetup()) == [
        ("register-target", "desired-count", MISSING),
        ("put-policy", "worker-queue-tracking", MISSING),
        ("put-policy", "worker-to-zero", MISSING),
        ("put-alarm", "worker-queue-empty", MISSING),
        ("put-alarm", "worker-in-flight", MISSING),
    ]


def test_another_kind_takes_the_place_of_the_first() -> None:
    """What both have stays."""
    assert changes(PolicyKind.STEP, applied(PolicyKind.TARGET_TRACKING)) == [
        ("delete-policy", "worker-queue-tracking", NOT_WANTED),
        ("put-policy", "worker-queue-steps", MISSING),
        ("put-alarm", "worker-queue-depth", MISSING),
    ]
    assert changes(PolicyKind.TARGET_TRACKING, applied(PolicyKind.STEP)) == [
        ("delete-alarm", "worker-queue-depth", NOT_WANTED),
        ("delete-policy", "worker-queue-steps", NOT_WANTED),
        ("put-policy", "worker-queue-tracking", MISSING),
    ]


def test_none_removes_everything() -> None:
    """Alarms first, so that none calls a policy that is gone; the target last."""
    assert changes(PolicyKind.NONE, applied(PolicyKind.STEP)) == [
        ("delete-alarm", "worker-queue-depth", NOT_WANTED),
        ("delete-alarm", "worker-queue-empty", NOT_WANTED),
        ("delete-alarm", "worker-in-flight", NOT_WANTED),
        ("delete-policy", "worker-queue-steps", NOT_WANTED),
        ("delete-policy", "worker-to-zero", NOT_WANTED),
        ("deregister-target", "desired-count", NOT_WANTED),
    ]


def test_policies_of_others_go_with_the_alarms_that_call_nothing_else() -> None:
    """Somebody's alarm that calls a pager too is left, and told."""
    theirs = NativePolicy(name="by-hand", type="StepScaling", configuration={}, arn="arn:by-hand")
    present = NativeSetup(
        target=Target(least=0, most=3),
        policies=(theirs,),
        alarms=(
            Alarm(name="theirs", configuration={}, actions=("arn:by-hand",)),
            Alarm(name="pager", configuration={}, actions=("arn:by-hand", "arn:sns")),
            Alarm(name="show", configuration={}),
        ),
    )
    decision = decide(setup_of(PolicyKind.NONE), present, own_alarms=OWN)
    assert [change.name for change in decision.changes] == ["theirs", "by-hand", "desired-count"]
    assert decision.left == ("pager",)


def test_alarms_of_target_tracking_are_left_to_aws() -> None:
    """It deletes them itself with their policy."""
    tracking = NativePolicy(name="note", type="TargetTrackingScaling", configuration={}, arn="arn:note")
    high = Alarm(
        name="TargetTracking-service/x-AlarmHigh", configuration={}, actions=("arn:note:createdBy/1",)
    )
    present = NativeSetup(
        policies=(tracking,), alarms=(high, replace(high, name="low", actions=("arn:note",)))
    )
    decision = decide(setup_of(PolicyKind.NONE), present, own_alarms=OWN)
    assert [change.name for change in decision.changes] == ["note"]
    assert decision.left == ()


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        (
            replace(applied(PolicyKind.STEP), target=Target(least=1, most=3)),
            [("register-target", "desired-count", DIFFERS)],
        ),
        (
            replace(applied(PolicyKind.STEP), target=Target(least=0, most=3, is_suspended=True)),
            [("register-target", "desired-count", DIFFERS)],
        ),
    ],
)
def test_bounds_that_were_changed_are_set_right(
    present: NativeSetup, wanted: list[tuple[str, str, str]]
) -> None:
    """And suspended scaling is resumed: who applies a policy wants it to act."""
    assert changes(PolicyKind.STEP, present) == wanted


def test_a_policy_that_was_changed_is_put_again_with_its_alarms() -> None:
    """Its ARN may be another one then."""
    present = applied(PolicyKind.TARGET_TRACKING)
    tracking, to_zero = present.policies
    changed = replace(to_zero, configuration={**to_zero.configuration, "Cooldown": 300})
    assert changes(PolicyKind.TARGET_TRACKING, replace(present, policies=(tracking, changed))) == [
        ("put-policy", "worker-to-zero", DIFFERS),
        ("put-alarm", "worker-queue-empty", POLICY_CHANGES),
    ]
    slow = replace(tracking, configuration={**tracking.configuration, "DisableScaleIn": True})
    assert changes(PolicyKind.TARGET_TRACKING, replace(present, policies=(slow, to_zero))) == [
        ("put-policy", "worker-queue-tracking", DIFFERS)
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"actions": ()},
        {"configuration": {**applied(PolicyKind.STEP).alarms[1].configuration, "EvaluationPeriods": 15}},
        {"configuration": {**applied(PolicyKind.STEP).alarms[1].configuration, "ActionsEnabled": False}},
    ],
)
def test_an_alarm_that_was_changed_is_put_again(change: dict[str, object]) -> None:
    """It alone."""
    present = applied(PolicyKind.STEP)
    depth, empty, in_flight = present.alarms
    changed = replace(empty, **change)  # type: ignore[arg-type]  # one field or the other
    assert changes(PolicyKind.STEP, replace(present, alarms=(depth, changed, in_flight))) == [
        ("put-alarm", "worker-queue-empty", DIFFERS)
    ]


def test_the_notes_figures() -> None:
    """As it recommends them, where AWS has them: one cooldown for steps, bounds from the alarm's threshold."""
    tracking, to_zero = setup_of(PolicyKind.TARGET_TRACKING).policies
    told = tracking.configuration
    assert (told["TargetValue"], told["ScaleOutCooldown"], told["ScaleInCooldown"]) == (1.0, 60, 1500)
    assert told["CustomizedMetricSpecification"]["Dimensions"] == [{"Name": "QueueName", "Value": QUEUE}]
    assert to_zero.configuration["StepAdjustments"] == [
        {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": 0}
    ]
    steps = setup_of(PolicyKind.STEP)
    depth, empty, in_flight = (alarm.configuration for alarm in steps.alarms)
    assert {size: steps_want(steps, depth["Threshold"], size) for size in (1, 2, 3, 9)} == {
        1: 1,
        2: 2,
        3: 3,
        9: 3,
    }
    assert (empty["EvaluationPeriods"], empty["Threshold"], empty["Metrics"][2]["Expression"]) == (
        25,
        0.0,
        "visible + in_flight",
    )
    assert (in_flight["MetricName"], in_flight["Threshold"]) == ("ApproximateNumberOfMessagesNotVisible", 1.0)
    assert steps.alarms[2].policy == "", "no action prevents scale-in"


def steps_want(setup: NativeSetup, threshold: float, size: int) -> int:
    """Return what the steps want at a queue of this size, as AWS reads them: lower bounds count in, upper ones out."""
    [wanted] = [
        step["ScalingAdjustment"]
        for step in setup.policies[0].configuration["StepAdjustments"]
        if step["MetricIntervalLowerBound"]
        <= size - threshold
        < step.get("MetricIntervalUpperBound", float("inf"))
    ]
    return int(wanted)


def test_every_kind_names_its_traps() -> None:
    """But for the one that leaves nothing to AWS."""
    told = {kind: foreign_policies.traps(kind) for kind in PolicyKind}
    assert not told[PolicyKind.NONE]
    assert "a single one starts no worker" in " ".join(told[PolicyKind.TARGET_TRACKING])
    assert "threshold" in " ".join(told[PolicyKind.STEP])
    assert all("scale-in protection" in " ".join(sentences) for kind, sentences in told.items() if sentences)


def test_changes_say_what_they_put() -> None:
    """And a removal needs no more than a name."""
    made = decide(setup_of(PolicyKind.STEP), NativeSetup(), own_alarms=OWN).changes
    assert all(change.thing is not None for change in made)
    gone = decide(NativeSetup(), applied(PolicyKind.STEP), own_alarms=OWN).changes
    assert Change(step=SetupStep.DEREGISTER_TARGET, name="desired-count", reason=NOT_WANTED) in gone
    assert all(change.thing is None for change in gone)
