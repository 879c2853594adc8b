"""The autoscaler: what it reads, what it does, and that two of them do no harm."""

import json
import threading
from dataclasses import replace

import pytest

from rugbytx.autoscaler import Autoscaler
from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Pointer, Source
from rugbytx.core.scaling import decision_record
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.core.scaling.facts import Mode
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings
from tests.connection import PROFILE, Fakes
from tests.fakes.fleet import FakeFleet

MATCH_BYTES = 4_000_000_000


class Bench:
    """An autoscaler over fakes."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.fakes = Fakes(settings)
        self.fleet = FakeFleet()
        self.store = self.fakes.store

    def autoscaler(self) -> Autoscaler:
        """Return another autoscaler for the same system."""
        return Autoscaler(
            store=self.store,
            queue=self.fakes.queue,
            storage=self.fakes.storage,
            fleet=self.fleet,
            settings=self.fakes.connection.settings,
        )

    def submit(self, job_id: str, *, due_s: float = 3600) -> None:
        """Accept a match."""
        now = self.store.now()
        source = Source(bucket="b", key=job_id, etag="e", size_bytes=MATCH_BYTES)
        self.store.jobs.create(
            Job(
                id=job_id,
                source=source,
                profile=PROFILE,
                submitted_at=now,
                deadline_at=now + due_s,
                wake_at=now + 600,
            )
        )
        self.fakes.queue.send([Pointer(job_id=job_id, generation=1)])

    def be_present(self, name: str, *, busy: int = 0, jobs: tuple[str, ...] = ()) -> None:
        """Let a worker say that it lives."""
        now = self.store.now()
        self.store.workers.announce(
            Worker(
                name=name,
                worker_class=name.partition("-")[0],
                slots=1,
                busy=busy,
                jobs=jobs,
                seen_at=now,
                until=now + 60,
                idle_since=now,
            )
        )


@pytest.fixture
def bench() -> Bench:
    """Return a system with a Jetson."""
    bench = Bench()
    bench.be_present("jetson-1")
    return bench


def test_a_burst_moves_the_fleet(bench: Bench) -> None:
    """As many as the deadlines need, told to the gates, and kept while nothing changes."""
    for number in range(3):
        bench.submit(f"match-{number}")
    found = bench.autoscaler().tick("one")
    assert found
    assert bench.fleet.state().desired == found.decision.desired == 1
    told = bench.store.scaling.read_desired()
    assert told
    assert told.wanted == 1
    assert decision_record.from_json(bench.store.scaling.read()) == found
    assert bench.autoscaler().tick("one") is not None
    assert bench.fleet.state().desired == 1


def test_one_job_leaves_the_fleet_alone(bench: Bench) -> None:
    """Nothing is asked of ECS for it."""
    bench.submit("match")
    found = bench.autoscaler().tick("one")
    assert found
    assert (found.decision.desired, found.decision.reason) == (0, "jetson-finishes-in-time")
    assert bench.fleet.state().desired == 0


def test_the_second_of_two_waits(bench: Bench) -> None:
    """It decides once the first has been silent for longer than its lease."""
    first, second = bench.autoscaler(), bench.autoscaler()
    assert first.tick("one")
    assert second.tick("two") is None
    bench.store.clock.advance(31)
    bench.be_present("jetson-1")
    assert second.tick("two")
    assert first.tick("one") is None


def test_an_assist_is_sent_once(bench: Bench) -> None:
    """It is on record before it is sent, and not sent again while it may be under way."""
    bench.submit("match", due_s=20 * 60)
    bench.fakes.queue.receive()
    bench.store.jobs.start("match", 1)
    bench.store.jobs.record_plan("match", 1, units=123, frames=216_000, work_px=8e11)
    for name, busy, jobs in (("jetson-1", 1, ("match",)), ("aws-1", 0, ()), ("aws-2", 0, ())):
        bench.be_present(name, busy=busy, jobs=jobs)
    found = bench.autoscaler().tick("one")
    assert found
    count = sum(one.count for one in found.decision.assists)
    assert count > 0
    assert bench.fakes.queue.depth().visible == count
    again = bench.autoscaler().tick("one")
    assert again
    assert bench.fakes.queue.depth().visible == count


def test_another_hand_on_the_fleet_is_refused(bench: Bench) -> None:
    """The command that takes it away is named, and nothing is set."""
    bench.fleet.policies = ["rugbycodex-ecs-queue-tracking"]
    for number in range(6):
        bench.submit(f"match-{number}")
    with pytest.raises(SettingsError, match=r"rugbycodex-ecs-queue-tracking.*scaling apply --policy none"):
        bench.autoscaler().tick("one")
    assert bench.fleet.state().desired == 0
    assert bench.store.scaling.read_desired() is None


def test_a_look_changes_nothing(bench: Bench) -> None:
    """It says what would be decided."""
    for number in range(3):
        bench.submit(f"match-{number}")
    assert bench.autoscaler().decide().decision.desired == 1
    assert bench.fleet.state().desired == 0
    assert not bench.store.scaling.read()


def test_what_another_version_recorded_is_forgotten(bench: Bench) -> None:
    """A decision that cannot be read stops nobody."""
    found = bench.autoscaler().tick("one")
    assert found
    told = bench.store.scaling.read_desired()
    assert told
    bench.store.scaling.record(told, decision=json.dumps({"facts": "of a later version"}))
    assert bench.autoscaler().tick("one")


def test_it_survives_a_silent_store(bench: Bench) -> None:
    """A tick that fails is followed by another."""
    until = threading.Event()
    decided: list[Recorded] = []
    bench.store.table.down = True

    def wait(_timeout_s: float) -> bool:
        bench.store.table.down = False
        return bool(decided)

    def decide(found: Recorded) -> None:
        decided.append(found)
        until.set()

    until.wait = wait  # type: ignore[method-assign, assignment]
    bench.autoscaler().run("one", until=until, on_decision=decide)
    assert len(decided) == 1


def test_a_record_is_decided_again(bench: Bench) -> None:
    """The same facts and policy differ in nothing; another policy would differ, and says in what."""
    for number in range(3):
        bench.submit(f"match-{number}")
    found = decision_record.from_json(decision_record.to_json(bench.autoscaler().decide()))
    assert list(decision_record.differences(found)) == []
    cheap = replace(found.policy, mode=Mode.CHEAPEST)
    assert "desired: 1 -> 0" in list(decision_record.differences(found, cheap))


def test_a_job_at_risk_is_told_of_once(bench: Bench) -> None:
    """When it comes to be at risk, and not at every tick after."""
    bench.submit("match", due_s=5 * 60)
    for _ in range(3):
        found = bench.autoscaler().tick("one")
        assert found
        assert found.at_risk == ("match",)
    [told] = bench.store.outbox.list_notifications("match")
    assert told.kind == "job.deadline-at-risk"


@pytest.mark.parametrize(
    "paused", [Halt(scope=Scope.QUEUE, at=0.0), Halt(scope=Scope.CLASS, name="aws", at=0.0)]
)
def test_nobody_is_started_who_would_receive_nothing(paused: Halt) -> None:
    """While AWS or the whole queue is paused; afterwards the work is done as it would have been."""
    bench = Bench()
    for number in range(6):
        bench.submit(f"job-{number}")
    bench.store.halts.add(paused)
    bench.autoscaler().once("one")
    assert bench.fleet.state().desired == 0
    bench.store.halts.lift(paused.scope, paused.name)
    bench.autoscaler().once("one")
    assert bench.fleet.state().desired > 0
