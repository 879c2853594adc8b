"""What a simulated worker says of itself, and when: as ``worker.presence`` does."""

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.sim.fleet.presence import Voice


def voice() -> Voice:
    """Return a voice that began at 100 s and speaks every 15."""
    made = Voice("aws-1", WorkerClass.AWS, "x264", 15.0)
    made.start(100.0)
    return made


def busy(made: Voice, now: float) -> int:
    """Return how busy it is said to be."""
    heard = made.heard(now)
    assert heard
    return heard.busy


def test_a_change_of_load_is_said_at_the_next_look() -> None:
    """Within a second, however long the period."""
    made = voice()
    made.be(103.4, job="7")
    assert [busy(made, now) for now in (103.9, 104.0)] == [0, 1]
    made.be(104.2)
    assert [busy(made, now) for now in (104.9, 105.0)] == [1, 0]


def test_a_speed_is_told_with_the_next_word() -> None:
    """The period's, or an earlier one of a changed load."""
    made = voice()
    made.be(101.0, job="7")
    made.add_speed(103.0, 5.0)
    told = [heard.speeds for now in (114.9, 115.0) if (heard := made.heard(now))]
    assert told == [(), (5.0,)]
    made.add_speed(116.0, 6.0)
    made.be(117.0)
    last = made.heard(117.0)
    assert last
    assert (last.speeds, last.busy) == ((5.0, 6.0), 0)
    assert made.heard(130.0) == last
