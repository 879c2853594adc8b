"""Doing things in order while the next ones are under way."""

import threading
from collections.abc import Iterator

import pytest

from rugbytx.concurrency import DEPTH, in_order

AT_ONCE = 4


def never(_: object) -> bool:
    """Return that there is more to come."""
    return False


def test_as_many_are_done_at_once_as_were_asked_for() -> None:
    """All four have to meet before any of them gets on."""
    together = threading.Barrier(AT_ONCE, timeout=30)

    def meet(number: int) -> int:
        together.wait()
        return number

    assert list(in_order(range(2 * AT_ONCE), meet, at_once=AT_ONCE, is_last=never)) == list(
        range(2 * AT_ONCE)
    )


def test_results_come_in_order_whoever_is_first() -> None:
    """The first item is done only once the second is."""
    second = threading.Event()

    def do(number: int) -> int:
        if number == 0:
            assert second.wait(30)
        else:
            second.set()
        return number

    assert list(in_order([0, 1, 2], do, at_once=2, is_last=never)) == [0, 1, 2]


def test_little_is_begun_before_somebody_asks() -> None:
    """A list of any length is read as far as work is begun, and no further."""
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    results = in_order(items(), lambda number: number, at_once=AT_ONCE, is_last=never)
    assert next(results) == 0
    assert len(read) == DEPTH * AT_ONCE
    results.close()
    assert len(read) == DEPTH * AT_ONCE


def test_nothing_begins_after_the_last() -> None:
    """What has begun is told of, and the rest is left alone."""
    begun: list[int] = []

    def do(number: int) -> int:
        begun.append(number)
        return number

    told = list(in_order(range(1000), do, at_once=AT_ONCE, is_last=lambda number: number == 0))
    assert told == sorted(begun)
    assert 1 <= len(told) <= DEPTH * AT_ONCE


@pytest.mark.parametrize("at_once", [1, AT_ONCE])
def test_an_error_travels_on(at_once: int) -> None:
    """Where it happened in order, after the results before it."""

    def do(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    results = in_order(range(9), do, at_once=at_once, is_last=never)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)


def test_one_at_a_time_begins_nothing_ahead() -> None:
    """Whoever uploads gigabytes does not begin the next file before the first one is told of."""
    begun: list[int] = []
    results = in_order(range(9), begun.append, at_once=1, is_last=never)
    next(results)
    assert begun == [0]
