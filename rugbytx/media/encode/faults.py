"""The faults of a worker's encoder, which its processes share."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rugbytx.core.fleet import circuit_breaker
from rugbytx.core.fleet.circuit_breaker import BreakerDecision, EncoderFault, FaultKind
from rugbytx.media.process import shared_log

log = logging.getLogger(__name__)

#: The breaker looks no further back than ten minutes, and opens after three faults.
MOST_FAULTS = 50
_MOST_REASON = 500

_LINE = TypeAdapter(EncoderFault)


class Faults:
    """The last faults, in a file of one line each, or in this process alone where there is none.

    Times are of the monotonic clock, which all processes of a host share;
    whoever starts a worker clears what a former one left.
    """

    def __init__(self, path: Path | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._own: list[EncoderFault] = []

    def add(self, kind: FaultKind, reason: str) -> BreakerDecision:
        """Note a fault of this moment; return what the breaker says of all of them."""
        fault = EncoderFault(at=self._monotonic(), kind=kind, reason=reason[:_MOST_REASON])
        self._own = [*self._own, fault][-MOST_FAULTS:]
        log.error("encoder-fault", extra={"kind": kind, "reason": fault.reason})
        if self._path:
            try:
                shared_log.append(self._path, _LINE.dump_json(fault))
            except OSError as error:
                # The disk is full or gone: the gate looks at that too.
                log.warning("encoder-fault-not-noted", extra={"reason": str(error)})
        return self.decision()

    def decision(self) -> BreakerDecision:
        """Return what the breaker says now."""
        return circuit_breaker.decide(self._last(), now=self._monotonic())

    def clear(self) -> None:
        """Forget all of them."""
        self._own = []
        if self._path:
            self._path.unlink(missing_ok=True)

    def _last(self) -> list[EncoderFault]:
        return self._own if self._path is None else _parse(shared_log.lines(self._path))


def _parse(lines: list[bytes]) -> list[EncoderFault]:
    faults = []
    for line in lines[-MOST_FAULTS:]:
        with suppress(ValidationError):  # the first may be the end of a longer one
            faults.append(_LINE.validate_json(line))
    return faults
