"""Workers, halts and scaling decisions in memory, with the real store's rules."""

from collections.abc import Sequence

from rugbytx.core.cost.usage import Span, day_of
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.record import SCHEMA
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.ports.store import Halts, ScalingDecisions, Workers
from tests.fakes.table import FakePort, sent


class FakeWorkers(FakePort, Workers):
    """``ports.store.Workers`` in memory."""

    @sent
    def announce(self, worker: Worker) -> None:
        self.table.workers[worker.name] = worker

    @sent
    def withdraw(self, name: str) -> None:
        self.table.workers.pop(name, None)

    @sent
    def list(self) -> Sequence[Worker]:
        now = self.table.clock()
        living = [worker for worker in self.table.workers.values() if worker.until > now]
        return [worker for worker in living if worker.schema_number <= SCHEMA]

    @sent
    def record_span(self, span: Span) -> None:
        self.table.spans[day_of(span.started_at), span.worker, round(span.started_at, 3)] = span

    @sent
    def list_spans(self, day: str) -> Sequence[Span]:
        found = [self.table.spans[key] for key in sorted(self.table.spans) if key[0] == day]
        return [span for span in found if span.schema_number <= SCHEMA]


class FakeHalts(FakePort, Halts):
    """``ports.store.Halts`` in memory."""

    @sent
    def add(self, halt: Halt) -> None:
        self.table.halts.setdefault((halt.scope, halt.name), halt)

    @sent
    def lift(self, scope: Scope, name: str) -> None:
        self.table.halts.pop((scope, name), None)

    @sent
    def list(self) -> Sequence[Halt]:
        return [halt for halt in self.table.halts.values() if halt.schema_number <= SCHEMA]


class FakeScalingDecisions(FakePort, ScalingDecisions):
    """``ports.store.ScalingDecisions`` in memory."""

    @sent
    def record(self, told: WorkerTarget, *, decision: str) -> None:
        self.table.decision, self.table.told = decision, told

    @sent
    def read_desired(self) -> WorkerTarget | None:
        return self.table.told

    @sent
    def read(self) -> str:
        return self.table.decision
