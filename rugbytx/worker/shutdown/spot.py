"""Leave in time when EC2 takes a Spot instance back, or says that it may.

::

    a recommendation to rebalance ─► receive nothing more, finish the unit in work, leave
    the notice of an interruption ─► leave now: two minutes are less than a chunk may take

Who finds the recommendation there already works on: the risk is the same for
whoever takes its place on this instance, and ECS would start one after the
other.  ECS turns the notice into a SIGTERM only where its agent is told to
(``ECS_ENABLE_SPOT_INSTANCE_DRAINING``).  This asks for the notice itself, which
costs nothing and covers hosts without that setting, or without ECS.
"""

import logging
import threading
from collections.abc import Callable

from rugbytx.aws.ec2_metadata import Metadata
from rugbytx.errors import Unreachable

log = logging.getLogger(__name__)

#: The notice comes two minutes ahead, and EC2 asks to look every five seconds.
LOOK_S = 5.0
#: How many polls without a single answer show that this is no EC2 instance.
MOST_SILENT_LOOKS = 3


class Spot:
    """Watches for both in the background, and says each once."""

    def __init__(
        self,
        metadata: Metadata,
        *,
        on_notice: Callable[[], None],
        on_advice: Callable[[], None],
        look_s: float = LOOK_S,
    ) -> None:
        self._metadata = metadata
        self._on_notice = on_notice
        self._on_advice = on_advice
        self._is_advised = False
        self._look_s = look_s
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spot", daemon=True)

    def start(self) -> None:
        """Begin to watch, unless the service is switched off."""
        if not self._metadata.is_disabled:
            self._thread.start()

    def stop(self) -> None:
        """Stop; a look under way ends by its own timeout and is not waited for."""
        self._leaving.set()

    def _run(self) -> None:
        silent, was_heard = 0, False
        while not self._leaving.is_set():
            try:
                notice = self._metadata.interruption()
                if not notice and not self._is_advised:
                    self._advise(self._metadata.rebalance(), is_new=was_heard)
            except Unreachable as error:
                silent += 1
                if not was_heard and silent >= MOST_SILENT_LOOKS:
                    log.info("no-spot-notices", extra={"reason": str(error)})
                    return
            else:
                was_heard = True
                if notice:
                    log.warning("spot-notice", extra={"action": notice.action, "reason": notice.time})
                    self._on_notice()
                    return
            self._leaving.wait(self._look_s)

    def _advise(self, since: str | None, *, is_new: bool) -> None:
        """Pass a recommendation on, unless it was there before this worker."""
        if since is None:
            return
        self._is_advised = True
        log.warning("rebalance-recommended" if is_new else "rebalance-known", extra={"reason": since})
        if is_new:
            self._on_advice()
