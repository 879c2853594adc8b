"""What runs in a worker's main process beside Celery: a thread each for gate, sweep, notifier, presence and Spot."""

import os
import signal

from rugbytx.aws.ec2_metadata import Metadata
from rugbytx.core.cost.usage import End
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.media import host
from rugbytx.notify.notifier import notifier_of
from rugbytx.upkeep.sweeper import Sweeper
from rugbytx.worker.gate import scale_in_protection
from rugbytx.worker.gate.admission import Admission
from rugbytx.worker.gate.encoder_health import Fitness
from rugbytx.worker.gate.gate import View
from rugbytx.worker.gate.temperature import Heat
from rugbytx.worker.presence.pool_load import load
from rugbytx.worker.presence.presence import Presence, Senses
from rugbytx.worker.process import WorkerProcess
from rugbytx.worker.shutdown import drain
from rugbytx.worker.shutdown.spot import Spot


class MainProcess:
    """The threads of a main process.  Make them at any time, but start them only after the pool has forked."""

    def __init__(self, process: WorkerProcess) -> None:
        self._process = process
        settings, ports = process.settings, process.ports
        self.gate = self._gate()
        senses = Senses(media=process.media, gate=lambda: self.gate.reason, load=load, speeds=process.speeds)
        self._presence = Presence(store=ports.store, senses=senses, settings=settings)
        self._sweeper = Sweeper(
            store=ports.store,
            queue=ports.queue,
            storage=ports.storage,
            bucket=settings.output_bucket,
            sweep_s=settings.sweep_s,
        )
        self._notifier = notifier_of(settings, ports.store)
        #: A Spot notice always means now.
        self._spot = Spot(
            Metadata(),
            on_notice=lambda: self.leave(End.SPOT, at=signal.SIGQUIT),
            on_advice=lambda: drain.after_unit(process.notice),
        )

    def start(self, *, slots: int) -> None:
        """Start the threads; the first receive waits for the gate's first look."""
        name = self._process.name
        self.gate.start(name=name)
        self._sweeper.start(owner=name)
        self._notifier.start(owner=name)
        self._presence.start(name=name, slots=slots)
        if self._process.settings.worker_class is WorkerClass.AWS:
            self._spot.start()

    def stop(self) -> None:
        """Stop the threads; what they were at ends by its own timeouts."""
        for thread in (self._spot, self._sweeper, self._notifier, self.gate, self._presence):
            thread.stop()

    def leave(self, ending: End, *, at: signal.Signals = signal.SIGTERM) -> None:
        """Leave as at a signal, and let the ledger know why."""
        self._presence.ending = ending
        os.kill(os.getpid(), at)

    def _gate(self) -> View:
        process, settings = self._process, self._process.settings
        admission = Admission(
            store=process.ports.store, queue=process.ports.queue, settings=settings, busy=lambda: load().busy
        )
        return View(
            store=process.ports.store,
            scratch=settings.scratch,
            scratch_floor_bytes=settings.scratch_floor_bytes,
            view_s=settings.view_s,
            is_draining=lambda: process.notice.asked is not drain.Leave.NOT,
            heat=Heat(hottest_c=settings.hottest_c, read=host.temperature_c),
            work_hours=settings.hours,
            fitness=Fitness(process.media, on_unfit=self._leave_unfit),
            admission=admission.decide if settings.worker_class is WorkerClass.AWS else None,
            protection=scale_in_protection.here(lasts_s=settings.protection_s),
            worker_class=settings.worker_class,
            on_halt=lambda is_halted: process.notice.halt(is_halted=is_halted),
        )

    def _leave_unfit(self) -> None:
        """Leave a host that costs money and cannot encode: ECS puts another task in the place of one that ended.

        A host of ours stays, with its gate closed, and tries again every five minutes.
        """
        if not self._process.settings.is_software_allowed:
            self.leave(End.UNFIT)
