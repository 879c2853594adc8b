"""What each kind of AWS's own scaling consists of, with the figures of the note (docs/origin/note.md).

Configurations are as the services take and tell them: Application Auto Scaling's
API reference (PutScalingPolicy) and CloudWatch's (PutMetricAlarm).
"""

from rugbytx.core.native_scaling.policy_changes import (
    Alarm,
    Configuration,
    NativePolicy,
    NativeSetup,
    PolicyKind,
    Target,
)

VISIBLE = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
#: The note's figures.
TARGET_VALUE = 1.0
OUT_COOLDOWN_S, IN_COOLDOWN_S = 60, 1500
PERIOD_S, EMPTY_PERIODS = 60, 25
#: Queue depths 1, 2, and 3 or more want as many tasks.
MOST_STEPS = 3


def prefix(*, cluster: str, service: str) -> str:
    """Return how all names begin that are made for a service: alarms of all clusters share one list.

    >>> prefix(cluster="arn:aws:ecs:eu-west-1:111122223333:cluster/club", service="worker")
    'club-worker'
    """
    return f"{cluster.rpartition('/')[2]}-{service.rpartition('/')[2]}"


def alarm_names(name: str) -> tuple[str, ...]:
    """Return the names of all alarms that any kind makes for a service with this prefix."""
    return tuple(f"{name}-{what}" for what in ("queue-empty", "queue-depth", "in-flight"))


def wanted(kind: PolicyKind, *, name: str, queue: str, most: int) -> NativeSetup:
    """Return what a kind consists of; ``name`` is the prefix.

    >>> setup = wanted(PolicyKind.STEP, name="club-worker", queue="transcode", most=3)
    >>> [policy.name for policy in setup.policies], [alarm.name for alarm in setup.alarms][:2]
    (['club-worker-queue-steps', 'club-worker-to-zero'], ['club-worker-queue-depth', 'club-worker-queue-empty'])
    """
    if kind is PolicyKind.NONE:
        return NativeSetup()
    empty, depth, in_flight = alarm_names(name)
    to_zero = NativePolicy(name=f"{name}-to-zero", type="StepScaling", configuration=_exactly_zero())
    alarms = [
        Alarm(name=empty, configuration=_empty(queue), policy=to_zero.name),
        Alarm(name=in_flight, configuration=_above(IN_FLIGHT, queue, "messages are being worked on")),
    ]
    if kind is PolicyKind.TARGET_TRACKING:
        main = NativePolicy(
            name=f"{name}-queue-tracking",
            type="TargetTrackingScaling",
            configuration=_tracking(queue),
        )
    else:
        main = NativePolicy(name=f"{name}-queue-steps", type="StepScaling", configuration=_steps())
        waiting = _above(VISIBLE, queue, "messages wait")
        alarms.insert(0, Alarm(name=depth, configuration=waiting, policy=main.name))
    return NativeSetup(target=Target(least=0, most=most), policies=(main, to_zero), alarms=tuple(alarms))


def _tracking(queue: str) -> Configuration:
    return {
        "TargetValue": TARGET_VALUE,
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SQS",
            "MetricName": VISIBLE,
            "Dimensions": _of(queue),
            "Statistic": "Average",
        },
        "ScaleOutCooldown": OUT_COOLDOWN_S,
        "ScaleInCooldown": IN_COOLDOWN_S,
        "DisableScaleIn": False,
    }


def _steps() -> Configuration:
    """Return the steps above an alarm at 1: their bounds count from the alarm's threshold."""
    steps = [
        {
            "MetricIntervalLowerBound": float(number),
            "MetricIntervalUpperBound": float(number + 1),
            "ScalingAdjustment": number + 1,
        }
        for number in range(MOST_STEPS - 1)
    ]
    steps.append({"MetricIntervalLowerBound": float(MOST_STEPS - 1), "ScalingAdjustment": MOST_STEPS})
    return {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": steps,
        "Cooldown": OUT_COOLDOWN_S,
        "MetricAggregationType": "Average",
    }


def _exactly_zero() -> Configuration:
    return {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": 0}],
        "Cooldown": IN_COOLDOWN_S,
        "MetricAggregationType": "Average",
    }


def _empty(queue: str) -> Configuration:
    """Return the alarm that the queue has held nothing for 25 minutes, waiting or in work."""
    counted = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SQS", "MetricName": metric, "Dimensions": _of(queue)},
                "Period": PERIOD_S,
                "Stat": "Average",
            },
            "ReturnData": False,
        }
        for name, metric in (("visible", VISIBLE), ("in_flight", IN_FLIGHT))
    ]
    both = {"Id": "depth", "Expression": "visible + in_flight", "Label": "messages", "ReturnData": True}
    return {
        "AlarmDescription": f"rugbytx: nothing waits or is worked on for {EMPTY_PERIODS} minutes",
        "Metrics": [*counted, both],
        "EvaluationPeriods": EMPTY_PERIODS,
        "Threshold": 0.0,
        "ComparisonOperator": "LessThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "ActionsEnabled": True,
    }


def _above(metric: str, queue: str, what: str) -> Configuration:
    """Return an alarm from one message on."""
    return {
        "AlarmDescription": f"rugbytx: {what}",
        "Namespace": "AWS/SQS",
        "MetricName": metric,
        "Dimensions": _of(queue),
        "Statistic": "Average",
        "Period": PERIOD_S,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "ActionsEnabled": True,
    }


def _of(queue: str) -> list[dict[str, str]]:
    return [{"Name": "QueueName", "Value": queue}]
