"""The rules of the simulated queue; the source is AWS's SQS developer guide unless a test names another."""

import random
from typing import Any

from simpy import Environment

from rugbytx.sim.aws.sqs import ReceivedMessage, SimulatedQueue
from rugbytx.sim.input.assumptions import Figures


def queue_of(
    env: Environment, *, visibility_s: float = 60.0, most_receives: int = 0, duplicate_p: float = 0.0
) -> SimulatedQueue:
    """Return an empty queue."""
    return SimulatedQueue(
        env=env,
        figures=Figures(duplicate_p=duplicate_p),
        luck=random.Random(1),  # noqa: S311  luck, not a secret
        visibility_s=visibility_s,
        most_receives=most_receives,
    )


def receive(queue: SimulatedQueue) -> ReceivedMessage:
    """Return a delivery that is there at once."""
    poll = queue.receive()
    assert poll.triggered
    found: Any = poll.value
    assert isinstance(found, ReceivedMessage)
    return found


def test_an_expired_message_is_shown_again() -> None:
    """After the visibility timeout somebody else may receive it (visibility timeout)."""
    env = Environment()
    queue = queue_of(env)
    queue.send(7)
    receive(queue)
    env.run(until=59)
    assert (queue.visible, queue.in_flight) == (0, 1)
    env.run(until=61)
    assert (queue.visible, queue.in_flight) == (1, 0)
    assert receive(queue).message.receives == 2


def test_a_stale_handle_deletes_nothing() -> None:
    """Of a stale handle: "the request will succeed, but the message might not be deleted" (DeleteMessage, standard queues)."""
    env = Environment()
    queue = queue_of(env)
    queue.send(7)
    first = receive(queue)
    env.run(until=61)
    second = receive(queue)
    assert not queue.delete(first)
    assert queue.in_flight == 1
    assert queue.delete(second)
    assert queue.is_empty


def test_an_expired_handle_that_nobody_followed_still_deletes() -> None:
    """The latest handle is good while the message waits again."""
    env = Environment()
    queue = queue_of(env)
    queue.send(7)
    first = receive(queue)
    env.run(until=61)
    assert queue.delete(first)
    assert queue.is_empty


def test_a_heartbeat_keeps_a_message_hidden() -> None:
    """ChangeMessageVisibility counts from its call, not from the receive."""
    env = Environment()
    queue = queue_of(env)
    queue.send(7)
    delivery = receive(queue)
    env.run(until=50)
    assert queue.change_visibility(delivery, 60)
    env.run(until=109)
    assert queue.in_flight == 1
    env.run(until=111)
    assert queue.visible == 1
    assert not queue.change_visibility(delivery, 60), "a message that is not in flight cannot be extended"


def test_no_heartbeat_reaches_beyond_twelve_hours() -> None:
    """The limit counts from the receive, and extensions do not move it (quotas)."""
    env = Environment()
    queue = queue_of(env)
    queue.send(7)
    delivery = receive(queue)
    for _ in range(13):
        env.run(until=env.now + 3600)
        queue.change_visibility(delivery, 7200)
    assert queue.visible == 1


def test_too_many_receives_make_a_dead_letter() -> None:
    """After maxReceiveCount receives the next one moves it (dead-letter queues)."""
    env = Environment()
    queue = queue_of(env, most_receives=2)
    queue.send(7)
    for _ in range(2):
        receive(queue)
        env.run(until=env.now + 61)
    assert not queue.receive().triggered
    assert [message.body for message in queue.dead] == [7]


def test_a_message_may_be_delivered_twice() -> None:
    """At-least-once delivery: on rare occasions a copy is received again (standard queues)."""
    queue = queue_of(Environment(), duplicate_p=1.0)
    queue.send(7)
    assert receive(queue).message.body == receive(queue).message.body == 7


def test_counts_are_late() -> None:
    """Approximate counts settle within a minute of the last change (GetQueueAttributes)."""
    env = Environment()
    queue = queue_of(env)
    env.run(until=1000)
    queue.send(7)
    env.run(until=1030)
    assert queue.approximate(age_s=0) == (1, 0)
    assert queue.approximate(age_s=40) == (0, 0)
    env.run(until=1061)
    assert queue.approximate(age_s=60) == (1, 0)


def test_a_poll_that_is_given_up_loses_nothing() -> None:
    """A message that came in the same moment is shown again at once."""
    env = Environment()
    queue = queue_of(env)
    poll = queue.receive()
    queue.send(7)
    queue.stop(poll, since=0.0)
    assert queue.visible == 1
