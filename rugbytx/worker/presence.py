"""Presence: a thread in the main process that says every few seconds who this worker is, and that it lives."""

import logging
import threading
from collections.abc import Callable

from rugbytx.core.presence import PERIODS, Worker
from rugbytx.errors import RugbytxError
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import JobStore

log = logging.getLogger(__name__)


class Presence:
    """What one worker says of itself."""

    def __init__(self, *, store: JobStore, media: FfmpegMedia, worker_class: str, presence_s: float) -> None:
        self._store = store
        self._media = media
        self._worker_class = worker_class
        self._presence_s = presence_s
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, name: str, slots: int, busy: Callable[[], int]) -> None:
        """Begin to say it, at once and then every period; ``busy`` counts the slots at work."""
        self._name, self._slots, self._busy = name, slots, busy
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say no more, and withdraw: what only this worker could do, others need not wait for.

        A word under way ends first, or it would undo this; the SDK's time-outs bound it.
        """
        self._leaving.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self._store.withdraw(self._name)
        except RugbytxError as error:
            log.warning("presence-not-withdrawn", extra={"reason": str(error)})

    def say(self) -> None:
        """Say it once; raises Unreachable.

        A host whose encoder is not known, or is unfit, lives and encodes nothing.
        """
        encoder, maker = self._media.known()
        now = self._store.now()
        self._store.present(
            Worker(
                name=self._name,
                worker_class=self._worker_class,
                slots=self._slots,
                busy=self._busy(),
                encoder=encoder,
                maker=maker,
                seen_at=now,
                until=now + PERIODS * self._presence_s,
            )
        )

    def _run(self) -> None:
        while True:
            try:
                self.say()
            except RugbytxError as error:
                log.warning("presence-not-said", extra={"reason": str(error)})
            except Exception:
                log.exception("presence-broke")
            if self._leaving.wait(self._presence_s):
                return
