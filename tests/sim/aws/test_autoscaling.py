"""The rules of CloudWatch and Application Auto Scaling; the source is AWS's guides unless a test names another."""

import random
from dataclasses import dataclass, field

import pytest
from simpy import Environment

from rugbytx.sim.aws.autoscaling import Activity, Cooldowns, StepScaling, TargetTracking
from rugbytx.sim.aws.cloudwatch import Datapoint, Metrics
from rugbytx.sim.aws.sqs import SimulatedQueue
from rugbytx.sim.input.assumptions import Figures


@dataclass
class Service:
    """A service whose tasks run at once; it remembers what was ordered."""

    desired: int = 0
    running: int = 0
    is_deploying: bool = False
    ordered: list[tuple[float, int]] = field(default_factory=list)
    now: float = 0.0

    def order(self, desired: int) -> None:
        """Run so many tasks."""
        self.desired = self.running = desired
        self.ordered.append((self.now, desired))


def metrics_of(env: Environment) -> Metrics:
    """Return the metrics of an empty queue that has no visible history yet."""
    figures = Figures(metric_lag_least_s=0.0, metric_lag_most_s=0.0)
    luck = random.Random(1)  # noqa: S311  luck, not a secret
    queue = SimulatedQueue(env=env, figures=figures, luck=luck, visibility_s=60, most_receives=0)
    return Metrics(queue, figures, luck)


def shown(
    metrics: Metrics, minutes: range, visible: int, in_flight: int = 0, *, service: Service | None = None
) -> None:
    """Add datapoints as if they had been published."""
    for minute in minutes:
        at = 60.0 * minute
        metrics.points.append(Datapoint(at, at, visible, in_flight, service.running if service else 0))


def tracking(service: Service, *, in_s: float = 300.0, most: int = 3) -> TargetTracking:
    """Return target tracking with the note's target and cooldowns."""
    metrics = metrics_of(Environment())
    return TargetTracking(metrics, Activity(service, Cooldowns(out_s=60.0, in_s=in_s), most))


def test_three_datapoints_and_one_task_from_zero() -> None:
    """AlarmHigh takes 3 of 3 minutes (containers-roadmap 1208); from zero it goes "by the minimum possible amount"."""
    service = Service()
    scaler = tracking(service)
    shown(scaler.metrics, range(1, 3), 3)
    scaler.evaluate(120)
    assert service.desired == 0
    shown(scaler.metrics, range(3, 4), 3)
    scaler.evaluate(180)
    assert service.desired == 1


def test_the_target_itself_scales_nothing_out() -> None:
    """The alarm is "greater than": one waiting video, target 1.0, no worker, for ever (docs/facts/autoscaling.md)."""
    service = Service()
    scaler = tracking(service)
    shown(scaler.metrics, range(1, 31), 1)
    for minute in range(1, 31):
        scaler.evaluate(60.0 * minute)
    assert service.desired == 0


def test_it_counts_from_the_running_tasks() -> None:
    """Two run and two messages wait: four are wanted, though two would do (docs/facts/autoscaling.md)."""
    service = Service(desired=2, running=2)
    scaler = tracking(service, most=10)
    shown(scaler.metrics, range(1, 4), 2)
    scaler.evaluate(180)
    assert service.desired == 4


@pytest.mark.parametrize("in_s", [300.0, 1500.0])
def test_the_first_scale_in_waits_for_no_cooldown(in_s: float) -> None:
    """It counts from a scale-in that has completed; before the first there is none, and 15 minutes decide."""
    service = Service(desired=2, running=2)
    scaler = tracking(service, in_s=in_s)
    shown(scaler.metrics, range(1, 15), 0)
    scaler.evaluate(14 * 60.0)
    assert service.desired == 2
    shown(scaler.metrics, range(15, 16), 0)
    scaler.evaluate(15 * 60.0)
    assert service.desired == 0


def test_the_second_scale_in_waits_for_the_cooldown() -> None:
    """That is all that the note's 1500 s do."""
    service = Service(desired=2, running=2)
    activity = Activity(service, Cooldowns(out_s=60.0, in_s=1500.0), 3)
    activity.scale_in(1, 1000.0)
    activity.scale_in(0, 2000.0)
    assert service.desired == 1
    activity.scale_in(0, 2500.0)
    assert service.desired == 0


def test_no_scale_in_during_a_deployment() -> None:
    """Application Auto Scaling pauses scale-in while ECS deploys, and not scale-out."""
    service = Service(desired=1, running=1, is_deploying=True)
    activity = Activity(service, Cooldowns(out_s=60.0, in_s=60.0), 3)
    activity.scale_in(0, 1000.0)
    activity.scale_out(2, 1000.0)
    assert service.desired == 2


def test_missing_datapoints_scale_nothing() -> None:
    """With insufficient data neither alarm acts."""
    service = Service(desired=2, running=2)
    scaler = tracking(service)
    shown(scaler.metrics, range(1, 10), 0)
    shown(scaler.metrics, range(12, 18), 0)
    scaler.evaluate(17 * 60.0)
    assert service.desired == 2


def test_in_flight_for_each_task_holds_still() -> None:
    """Two tasks at work on two messages are at the target: nothing scales in under them."""
    service = Service(desired=2, running=2)
    scaler = tracking(service)
    scaler.counts_in_flight = True
    shown(scaler.metrics, range(1, 21), 0, 2, service=service)
    scaler.evaluate(20 * 60.0)
    assert service.desired == 2


def test_steps_act_on_one_datapoint_and_kill_at_none() -> None:
    """The note's steps: as many as wait, and "depth 0 -> 0", though both are at work (docs/facts/autoscaling.md)."""
    service = Service()
    scaler = StepScaling(metrics_of(Environment()), Activity(service, Cooldowns(out_s=60.0, in_s=1500.0), 3))
    shown(scaler.metrics, range(1, 2), 2)
    scaler.evaluate(60)
    assert service.desired == 2
    shown(scaler.metrics, range(2, 3), 0, 2)
    scaler.evaluate(120)
    assert service.desired == 0


def test_metrics_sleep_after_six_hours() -> None:
    """A queue that nobody touches has no metrics; touched again, they come back up to 15 minutes later."""
    env = Environment()
    metrics = metrics_of(env)
    for minute in range(1, 6 * 60 + 3):
        env.run(until=60.0 * minute)
        metrics.publish(env.now, running=0)
    assert metrics.points[-1].at == 6 * 3600.0
    metrics.queue.send(1)
    woken_at = env.now
    while metrics.points[-1].at <= woken_at:
        env.run(until=env.now + 60)
        metrics.publish(env.now, running=0)
    assert 60 < metrics.points[-1].at - woken_at <= 15 * 60 + 60


def test_a_poll_keeps_metrics_awake() -> None:
    """Each poll of the Jetson is an API access."""
    env = Environment()
    metrics = metrics_of(env)
    metrics.queue.receive()
    env.run(until=24 * 3600)
    metrics.publish(env.now, running=0)
    assert len(metrics.points) == 1
