"""A worker says that it lives, and what it can encode, for as long as it does; and keeps its span."""

import threading
from typing import cast

import pytest

from rugbytx.core.cost.usage import End, Span, day_of
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.scaling import admission
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.settings import Settings
from rugbytx.worker.gate import gate
from rugbytx.worker.presence import presence
from rugbytx.worker.presence.chunk_speeds import Speeds
from rugbytx.worker.presence.pool_load import PoolLoad
from rugbytx.worker.presence.presence import MOST_UNRECORDED, Presence, Senses
from tests.fakes.store import FakeStore
from tests.fakes.table import FakeTable
from tests.fakes.workers import FakeWorkers

BOUND_S = 20.0
DAY_S = 86_400.0


class Encoder:
    """The little of a host's media that presence asks for."""

    is_fit = True

    def known(self) -> tuple[str, str]:
        """Return the family and the fingerprint, where an encoder is known to work."""
        return ("x264", "a") if self.is_fit else ("", "")


class Heard(FakeWorkers):
    """Workers of which a test learns when one announced itself."""

    def __init__(self) -> None:
        super().__init__(FakeTable())
        self.announced = threading.Semaphore(0)

    def announce(self, worker: Worker) -> None:
        """Write it down, and let the test know."""
        super().announce(worker)
        self.announced.release()


class Bench:
    """A worker's presence, and what it looks at."""

    def __init__(self, heard: Heard | None = None) -> None:
        self.store = FakeStore(heard.table, workers=heard) if heard else FakeStore()
        self.encoder = Encoder()
        self.gate = gate.OPEN
        self.load = PoolLoad()
        senses = Senses(
            media=cast("FfmpegMedia", self.encoder),
            gate=lambda: self.gate,
            load=lambda: self.load,
            speeds=Speeds(),
        )
        settings = Settings(worker_class="aws", presence_s=15, usd_per_h=0.5)
        # The thread speaks all the time; a test that calls by itself has the settings' period.
        self.talking = Presence(store=self.store, senses=senses, settings=_hasty(settings))
        self.presence = Presence(store=self.store, senses=senses, settings=settings)
        self.presence._name, self.presence._slots = "aws-1", 1

    def after(self, seconds: float, *, begun: int = 0, busy: int = 0) -> None:
        """Let time pass, and look at a pool that has begun so many tasks and is at so many."""
        self.store.clock.advance(seconds)
        self.load = PoolLoad(busy=busy, begun=begun, jobs=("7ad4",) * busy)
        self.presence.sample()

    def worker(self) -> Worker:
        """Say it, and return what was said."""
        self.presence.say()
        (worker,) = self.store.workers.list()
        return worker

    def spans(self) -> list[Span]:
        """Return what is recorded of today and of tomorrow."""
        at = self.store.now()
        return [span for back in (1, 0) for span in self.store.workers.list_spans(day_of(at - back * DAY_S))]


def _hasty(settings: Settings) -> Settings:
    return settings.model_copy(update={"presence_s": 0.01})


@pytest.mark.parametrize(("is_fit", "told"), [(True, ("x264", "a")), (False, ("", ""))])
def test_a_worker_says_who_it_is(*, is_fit: bool, told: tuple[str, str]) -> None:
    """With what it encodes, which is nothing where no encoder works, and again until it leaves."""
    heard = Heard()
    bench = Bench(heard)
    bench.encoder.is_fit = is_fit
    bench.load = PoolLoad(busy=1, jobs=("7ad4",), begun=1)
    bench.talking.start(name="aws-1", slots=2)
    assert heard.announced.acquire(timeout=BOUND_S)
    assert heard.announced.acquire(timeout=BOUND_S)
    (worker,) = heard.list()
    assert (worker.name, worker.worker_class, worker.slots, worker.busy) == ("aws-1", "aws", 2, 1)
    assert (worker.encoder, worker.maker) == told
    assert (worker.gate, worker.is_able, worker.jobs) == (gate.OPEN, True, ("7ad4",))
    assert worker.until == pytest.approx(worker.seen_at + 0.04)
    bench.talking.stop()
    assert heard.list() == []
    (span,) = heard.list_spans(day_of(heard.table.clock()))
    assert (span.worker, span.ending) == ("aws-1", End.LEFT)


def test_a_change_is_said_before_the_period_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever decides how many workers are wanted need not wait for who has just become busy, or fit."""
    monkeypatch.setattr(presence, "SAMPLE_S", 0.01)
    heard = Heard()
    bench = Bench(heard)
    bench.gate = gate.UNSEEN
    bench.presence.start(name="aws-1", slots=1)
    assert heard.announced.acquire(timeout=BOUND_S)
    bench.gate = gate.OPEN
    assert heard.announced.acquire(timeout=BOUND_S), "nothing was said of the gate"
    assert heard.list()[0].is_able
    bench.load = PoolLoad(busy=1, begun=1, jobs=("7ad4",))
    assert heard.announced.acquire(timeout=BOUND_S), "nothing was said of the load"
    assert heard.list()[0].jobs == ("7ad4",)
    bench.presence.stop()


def test_a_worker_speaks_again_after_an_outage() -> None:
    """What could not be said once is said a period later."""
    heard = Heard()
    heard.table.down = True
    bench = Bench(heard)
    bench.talking.start(name="aws-1", slots=1)
    heard.table.down = False
    assert heard.announced.acquire(timeout=BOUND_S)
    bench.talking.stop()


def test_leaving_unheard_is_no_error() -> None:
    """Others then wait until the last word has run out."""
    heard = Heard()
    bench = Bench(heard)
    bench.talking.start(name="aws-1", slots=1)
    assert heard.announced.acquire(timeout=BOUND_S)
    heard.table.down = True
    bench.talking.stop()
    heard.table.down = False
    assert [worker.name for worker in heard.list()] == ["aws-1"]
    Bench(heard).talking.stop()


@pytest.mark.parametrize(
    ("gate", "is_able"),
    [
        (gate.OPEN, True),
        (admission.NOT_WANTED, True),
        (admission.JETSON_TAKES_IT, True),
        (gate.UNSEEN, False),
        (gate.UNFIT, False),
        (gate.SCRATCH_LOW, False),
        (gate.DRAINING, False),
        (gate.STORE_UNREACHABLE, False),
        ("anything-else", False),
    ],
)
def test_who_is_merely_not_wanted_is_able(*, gate: str, is_able: bool) -> None:
    """Only that keeps it from being counted on: whatever else closes its gate, it could not work."""
    bench = Bench()
    bench.gate = gate
    worker = bench.worker()
    assert (worker.gate, worker.is_able) == (gate, is_able)


def test_a_worker_knows_since_when_it_idles() -> None:
    """From its start, then from its last busy moment; also where a task came and went between two looks."""
    bench = Bench()
    started_at = bench.store.now()
    assert bench.worker().idle_since == started_at
    bench.after(10)
    bench.after(1, begun=1, busy=1)
    bench.after(1, begun=1)
    bench.after(8, begun=1)
    assert bench.worker().idle_since == started_at + 11
    bench.after(20, begun=2)
    bench.after(5, begun=2)
    worker = bench.worker()
    assert (worker.idle_since, worker.started_at) == (started_at + 40, started_at)


def test_a_span_says_what_the_time_was_spent_on() -> None:
    """Cold until the gate would let it work, then busy or idle; a later word takes the former one's place."""
    bench = Bench()
    bench.gate = gate.UNSEEN
    started_at = bench.store.now()
    bench.after(0)
    bench.after(5)
    bench.gate = admission.NOT_WANTED
    bench.after(1)
    bench.presence.record()
    bench.after(10, begun=1, busy=1)
    bench.after(20, begun=1)
    bench.presence.record()
    (span,) = bench.spans()
    assert (span.started_at, span.ready_at, span.seen_at) == (started_at, started_at + 6, started_at + 36)
    assert (span.busy_s, span.usd_per_h, span.ending) == (10, 0.5, None)
    assert span.until == span.seen_at + 60


def test_midnight_ends_a_span_and_begins_another() -> None:
    """So that a day is one read; what could not be recorded at midnight is recorded when it can be."""
    bench = Bench()
    bench.after(0)
    bench.after(1, begun=1, busy=1)
    to_midnight_s = DAY_S - bench.store.now() % DAY_S
    bench.after(to_midnight_s - 5, begun=1, busy=1)
    bench.after(20, begun=1, busy=1)
    bench.store.table.down = True
    with pytest.raises(Exception, match="down"):
        bench.presence.record()
    bench.store.table.down = False
    bench.presence.record()
    first, second = bench.spans()
    assert (first.ending, first.until) == (End.MIDNIGHT, second.started_at)
    assert second.started_at % DAY_S == 0
    assert first.busy_s == pytest.approx(to_midnight_s + 1)
    assert second.busy_s == pytest.approx(15)


def test_a_long_outage_fills_no_memory() -> None:
    """Ended days are kept for a week."""
    bench = Bench()
    bench.after(0)
    for _ in range(MOST_UNRECORDED + 3):
        bench.after(DAY_S)
    assert len(bench.presence._unrecorded) == MOST_UNRECORDED


def test_the_ledger_learns_why_a_worker_left() -> None:
    """A Spot notice is told apart from a scale-in, although both end as a SIGTERM."""
    heard = Heard()
    bench = Bench(heard)
    bench.talking.start(name="aws-1", slots=1)
    assert heard.announced.acquire(timeout=BOUND_S)
    bench.talking.ending = End.SPOT
    bench.talking.stop()
    (span,) = heard.list_spans(day_of(heard.table.clock()))
    assert (span.ending, span.until) == (End.SPOT, span.seen_at)
