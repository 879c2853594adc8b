"""The autoscaler of the local system: the same one, in a thread of the process that plays ECS."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from rugbytx import system
from rugbytx.autoscaler import Autoscaler, name
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.settings import Settings

#: The thread ends with the tick under way.
LEAVE_S = 10.0


class Decisions:
    """What the autoscaler decided, for people: a sentence for each change."""

    def __init__(self) -> None:
        self._sentences: SimpleQueue[str] = SimpleQueue()
        self._last = (0, "")

    def add(self, recorded: Recorded) -> None:
        """Keep a decision, from the autoscaler's thread."""
        decision = recorded.decision
        if (decision.desired, decision.reason) != self._last:
            self._last = (decision.desired, decision.reason)
            self._sentences.put(f"The autoscaler wants {decision.desired} AWS workers: {decision.reason}.")

    def take_sentences(self) -> list[str]:
        """Return the sentences since the last call."""
        sentences = []
        while not self._sentences.empty():
            sentences.append(self._sentences.get())
        return sentences


@contextmanager
def decide_in_background(settings: Settings) -> Iterator[Decisions]:
    """Decide in the background while the context is open."""
    here = system.connect(settings)
    autoscaler = Autoscaler(
        store=here.store,
        queue=here.queue,
        storage=here.storage,
        fleet=system.fleet(settings),
        settings=settings,
    )
    decisions, leaving = Decisions(), threading.Event()
    thread = threading.Thread(
        target=autoscaler.run,
        args=(name(),),
        kwargs={"until": leaving, "on_decision": decisions.add},
        name="autoscaler",
        daemon=True,
    )
    thread.start()
    try:
        yield decisions
    finally:
        leaving.set()
        thread.join(LEAVE_S)
