"""Whether a host is too hot to take more work: it would throttle, and the work would be late all the same."""

from collections.abc import Callable

#: How much cooler than its limit a host must be before it takes work again, or the gate would flap.
COOLED_C = 10.0


class Heat:
    """Remembers that a host was too hot until it has cooled down; a host without a sensor never is."""

    def __init__(self, *, hottest_c: float, read: Callable[[], float | None]) -> None:
        self._hottest_c = hottest_c
        self._read = read
        self._is_too_hot = False

    def is_too_hot(self) -> bool:
        """Look once.

        >>> seen = iter([94.0, 95.0, 90.0, 85.0, None])
        >>> heat = Heat(hottest_c=95.0, read=lambda: next(seen))
        >>> [heat.is_too_hot() for _ in range(5)]
        [False, True, True, False, False]
        """
        temperature_c = self._read()
        limit_c = self._hottest_c - (COOLED_C if self._is_too_hot else 0.0)
        # At the lower edge it has cooled down; at the upper one it is too hot.
        self._is_too_hot = temperature_c is not None and (
            temperature_c > limit_c if self._is_too_hot else temperature_c >= limit_c
        )
        return self._is_too_hot
