"""Presence: a thread in the main process that says every few seconds who this worker is, and that it lives.

It keeps the worker's span too, from which the ledger knows what it cost::

    each second          is a slot busy, may it work?     ─► the span, in memory
    each period, 15 s    class, load, gate, speeds, ...   ─► WORKER, in the store
                         and within a second of a change of load or gate
    each fourth, 60 s    and at midnight and the end      ─► SPAN, in the store
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from rugbytx.core.cost import usage
from rugbytx.core.cost.usage import End, Span
from rugbytx.core.fleet.presence import PERIODS, Worker
from rugbytx.core.scaling import admission
from rugbytx.errors import RugbytxError
from rugbytx.media import host
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Store
from rugbytx.settings import Settings
from rugbytx.worker.gate import gate
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.presence.pool_load import OnLoad, PoolLoad

log = logging.getLogger(__name__)

#: How often the pool's load is read.
SAMPLE_S = 1.0
#: Ended days that could not be recorded yet: an outage may last over a few midnights.
MOST_UNRECORDED = 7

#: A worker whose gate says one of these could work if it were let.
ABLE = admission.REASONS | {gate.OPEN}


@dataclass(frozen=True, kw_only=True)
class Senses:
    """Where presence looks for what it says."""

    media: FfmpegMedia
    #: Why the gate is open or closed.
    gate: Callable[[], str]
    load: OnLoad
    speeds: Speeds


class Presence:
    """What one worker says of itself."""

    def __init__(self, *, store: Store, senses: Senses, settings: Settings) -> None:
        self._store = store
        self._senses = senses
        self._settings = settings
        #: How the worker's last span ends; whoever makes it leave may know better.
        self.ending = End.LEFT
        self._span: Span | None = None
        self._began_at = 0.0
        self._begun = 0
        #: The gate's reason and the load as they were last announced.
        self._said: tuple[str, PoolLoad] | None = None
        #: Spans of ended days that are to be recorded.
        self._unrecorded: list[Span] = []
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, name: str, slots: int) -> None:
        """Begin to say it, at once and then every period."""
        self._name, self._slots = name, slots
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say no more, end the span, and withdraw: what only this worker could do, others need not wait for.

        A word under way ends first, or it would undo this; the SDK's time-outs bound it.
        """
        self._leaving.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self._store.workers.withdraw(self._name)
            self.sample()
            self.record(ending=self.ending)
        except RugbytxError as error:
            log.warning("presence-not-withdrawn", extra={"reason": str(error)})

    def sample(self) -> None:
        """Look at the pool and carry the span on; raises Unreachable while the store's time is unknown."""
        now, load = self._store.now(), self._senses.load()
        if self._span is None:
            self._began_at = now
            self._span = usage.begun(
                self._name,
                self._settings.worker_class,
                now=now,
                usd_per_h=self._settings.own_usd_per_h,
                slots=self._slots,
                boot_s=_boot_s(),
            )
        # A task that began and ended between two looks was at work too.
        is_busy = load.busy > 0 or load.begun != self._begun
        self._begun = load.begun
        *ended, self._span = usage.followed(
            self._span, now=now, is_busy=is_busy, is_able=self._is_able(), lasts_s=self._lasts_s
        )
        self._unrecorded = [*self._unrecorded, *ended][-MOST_UNRECORDED:]

    def say(self) -> None:
        """Say it once; raises Unreachable.

        A host whose encoder is not known, or is unfit, lives and encodes nothing.
        """
        if self._span is None:
            self.sample()
        encoder, maker = self._senses.media.known()
        now, load, gate = self._store.now(), self._senses.load(), self._senses.gate()
        self._said = (gate, load)
        self._store.workers.announce(
            Worker(
                name=self._name,
                worker_class=self._settings.worker_class,
                slots=self._slots,
                busy=load.busy,
                encoder=encoder,
                maker=maker,
                seen_at=now,
                until=now + self._lasts_s,
                gate=gate,
                is_able=gate in ABLE,
                jobs=load.jobs,
                started_at=self._began_at,
                idle_since=self._span.idle_since if self._span else now,
                speeds=self._senses.speeds.last(),
                temperature_c=host.temperature_c(),
                power_mode=host.power_mode(),
                load=tuple(round(mean, 2) for mean in os.getloadavg()),
            )
        )

    def record(self, *, ending: End | None = None) -> None:
        """Record the span, and those of ended days, which are forgotten then; raises Unreachable."""
        while self._unrecorded:
            self._store.workers.record_span(self._unrecorded[0])
            del self._unrecorded[0]
        if self._span:
            self._store.workers.record_span(self._span.ended(ending) if ending else self._span)

    @property
    def _lasts_s(self) -> float:
        return PERIODS * self._settings.presence_s

    def _is_able(self) -> bool:
        return self._senses.gate() in ABLE

    def _run(self) -> None:
        period_s = self._settings.presence_s
        sample_s = min(SAMPLE_S, period_s)
        samples, words = max(1, round(period_s / sample_s)), 0
        while True:
            for number in range(samples):
                is_word = number == 0
                self._try(is_word=is_word, is_record=is_word and words % PERIODS == 0)
                if self._leaving.wait(sample_s):
                    return
            words += 1

    def _try(self, *, is_word: bool, is_record: bool) -> None:
        try:
            self.sample()
            if is_word or self._said != (self._senses.gate(), self._senses.load()):
                self.say()
            if is_record or (is_word and self._unrecorded):
                self.record()
        except RugbytxError as error:
            log.warning("presence-not-said", extra={"reason": str(error)})
        except Exception:
            log.exception("presence-broke")


def _boot_s() -> float:
    """Return how long ago the host was booted, on a host that ECS runs on EC2; 0 elsewhere.

    Such a host is there for its workers, and is paid for from its start.
    """
    is_rented = os.environ.get("AWS_EXECUTION_ENV") == "AWS_ECS_EC2"
    return host.uptime_s() or 0.0 if is_rented else 0.0
