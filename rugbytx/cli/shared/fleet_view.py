"""What goes on round the jobs that are watched: the workers, who is halted, and the autoscaler's decision."""

from collections.abc import Sequence

from rugbytx.cli.shared import worker_view
from rugbytx.cli.shared.output import printable
from rugbytx.errors import RugbytxError
from rugbytx.ports import Store

#: It is read so often at most.
LOOK_S = 2.0
#: The most workers that are shown, the busy ones first.
MOST_WORKERS = 12


class Surroundings:
    """The surroundings of one watch; a store that does not answer leaves what was seen last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen_at = float("-inf")
        self._workers: Sequence[str] = ()
        self._fleet_lines: Sequence[str] = ()

    def lines(self, *, at: float) -> Sequence[str]:
        """Return a line for each worker, and what ``fleet_lines`` has."""
        self._refresh(at)
        return [*self._workers, *self._fleet_lines]

    def fleet_lines(self, *, at: float) -> Sequence[str]:
        """Return a line for each halt, and one for the decision, where there is one."""
        self._refresh(at)
        return self._fleet_lines

    def _refresh(self, at: float) -> None:
        if at - self._seen_at < LOOK_S:
            return
        self._seen_at = at
        try:
            living = sorted(self._store.workers.list(), key=lambda worker: (not worker.busy, worker.name))
            shown = [worker_view.line(worker, at=at) for worker in living[:MOST_WORKERS]]
            if len(living) > MOST_WORKERS:
                shown.append(f"and {len(living) - MOST_WORKERS} more workers")
            self._workers = shown
            self._fleet_lines = [*self._halts(), *self._decision()]
        except RugbytxError:
            return

    def _halts(self) -> Sequence[str]:
        return [
            printable(f"halted: {halt.scope} {halt.name}".rstrip() + (f", by {halt.by}" if halt.by else ""))
            for halt in self._store.halts.list()
        ]

    def _decision(self) -> Sequence[str]:
        from rugbytx.core.scaling import decision_record

        recorded = decision_record.read(self._store.scaling.read())
        if recorded is None:
            return ()
        decision = recorded.decision
        alarms = f"; {', '.join(decision.alarms)}" if decision.alarms else ""
        return [f"AWS workers: {decision.desired} desired, {decision.busy} busy: {decision.reason}{alarms}"]
