"""What the gate of an AWS worker asks besides its own fitness: whether it is wanted."""

from collections.abc import Callable

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.scaling import admission
from rugbytx.ports import Queue, Store
from rugbytx.settings import Settings


class Admission:
    """The admission of one worker."""

    def __init__(self, *, store: Store, queue: Queue, settings: Settings, busy: Callable[[], int]) -> None:
        """``busy`` counts this worker's slots at work."""
        self._store = store
        self._queue = queue
        self._settings = settings
        self._busy = busy

    def decide(self, name: str) -> admission.AdmissionDecision:
        """Return whether the worker of this name is wanted; raises Unreachable.  SQS is asked only while the autoscaler is silent."""
        policy, now, target = self._settings.policy, self._store.now(), self._store.scaling.read_desired()
        is_silent = target is None or now - target.at > policy.silent_s
        facts = admission.AdmissionFacts(
            now=now,
            name=name,
            worker_class=WorkerClass.AWS,
            target=target,
            workers=self._store.workers.list(),
            is_busy=self._busy() > 0,
            visible=self._queue.depth().visible if is_silent else 0,
        )
        return admission.decide(facts, policy)
