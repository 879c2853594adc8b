"""Whether this worker's encoder is fit: what the main process tries, and what its children have met.

::

    child: HostUnfit ─► recorded among the faults ─► the unit is handed back, uncharged
                                │
    main:  asked before each receive ─► closed for five minutes ─► a trial ─► open, or closed again
"""

import logging
from collections.abc import Callable

from rugbytx.errors import HostUnfit
from rugbytx.media.transcoder import FfmpegMedia

log = logging.getLogger(__name__)


class Fitness:
    """The main process's view of the encoder."""

    def __init__(self, media: FfmpegMedia, *, on_unfit: Callable[[], None]) -> None:
        """``on_unfit`` is called once for each time that the encoder is found unfit."""
        self._media = media
        self._on_unfit = on_unfit
        self._was_fit = True
        #: When the breaker that was last seen open closes.
        self._open_until = 0.0

    def is_broken(self) -> bool:
        """Return whether the breaker is open; reads one small file at most."""
        return self._media.faults.decision().is_open

    def check(self) -> bool:
        """Return whether the encoder is fit, by a trial where it is not known: that may take a minute."""
        reason = self._unfit_because()
        if self._was_fit and reason:
            log.error("encoder-unfit", extra={"reason": reason})
            self._on_unfit()
        self._was_fit = not reason
        return self._was_fit

    def _unfit_because(self) -> str:
        decision = self._media.faults.decision()
        if decision.is_open:
            if decision.until != self._open_until:
                # Once for each opening: what was found before the fault no longer counts.
                self._media.ladder.reconsider()
                self._open_until = decision.until
            return decision.reason
        try:
            with self._media.noting():
                self._media.ladder.choose()
        except HostUnfit as error:
            return str(error)
        return ""
