"""Doing one thing after the other, in order, while the next ones are under way already."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

#: How many times more calls are begun than run at once, so that a slow one at the front delays no other.
DEPTH = 2


def in_order(
    items: Iterable[Item], do: Callable[[Item], Done], *, at_once: int, is_last: Callable[[Done], bool]
) -> Generator[Done, None, None]:
    """Yield what ``do`` makes of each item, in order; ``at_once`` of them are done at the same time.

    Once something ``is_last``, nothing more begins; what has begun by then is
    still told of.  With ``at_once`` of 1 everything happens in this thread, and
    nothing before the result in front of it was taken.

    >>> list(in_order([3, 0, 2], lambda number: number * 2, at_once=2, is_last=lambda done: done > 9))
    [6, 0, 4]
    >>> list(in_order([3, 0, 2], lambda number: number * 2, at_once=1, is_last=lambda done: done == 0))
    [6, 0]
    """
    if at_once > 1:
        yield from _side_by_side(items, do, at_once=at_once, is_last=is_last)
        return
    for item in items:
        done = do(item)
        yield done
        if is_last(done):
            return


def _side_by_side(
    items: Iterable[Item], do: Callable[[Item], Done], *, at_once: int, is_last: Callable[[Done], bool]
) -> Generator[Done, None, None]:
    under_way: deque[Future[Done]] = deque()
    rest, is_over = iter(items), False
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while True:
                while not is_over and len(under_way) < DEPTH * at_once:
                    try:
                        under_way.append(pool.submit(do, next(rest)))
                    except StopIteration:
                        is_over = True
                if not under_way:
                    return
                done = under_way.popleft().result()
                yield done
                if is_last(done):
                    is_over = True
                    under_way = deque(future for future in under_way if not future.cancel())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
