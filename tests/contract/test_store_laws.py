"""What holds whatever happens to a unit: invariant 1 of ARCHITECTURE.md, on the fake.

The contract suite ties the fake's rules to the real store's, rule by rule; this
machine strings the rules together in orders that nobody thought of.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rugbytx.core.job.job import Status
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import Charge, Kind, Lease, Measured, State, Unit, UnitKey, UnitProgress
from rugbytx.errors import LeaseLost
from tests.store_bench import LEASE_S, Bench, fake_bench

KEYS = (UnitKey(Kind.VIDEO, 0), UnitKey(Kind.VIDEO, 1))
WORKERS = ("jetson", "aws")
Name = tuple[int, UnitKey]
keys, workers = st.sampled_from(KEYS), st.sampled_from(WORKERS)


class Lanes(RuleBasedStateMachine):
    """Two workers that look, claim, renew, commit, fail and give back, on what may be long out of date."""

    def __init__(self) -> None:
        super().__init__()
        self.bench: Bench = fake_bench()
        self.job = self.bench.created()
        self.seen: dict[tuple[str, Name], Unit | None] = {}
        #: All leases ever given, and what became of each that ended.
        self.leases: list[Lease] = []
        self.ended: dict[str, State] = {}
        self.fences: dict[Name, int] = {}
        self.results: dict[Name, str] = {}
        self.failed: set[Name] = set()

    def name(self, key: UnitKey) -> Name:
        """Return which unit ``key`` is in the job's present generation."""
        return (self.job.generation, key)

    def is_ours(self, lease: Lease) -> bool:
        """Return whether the lease is the unit's last and has not ended."""
        last = self.fences[lease.generation, lease.key] == lease.fence
        return last and lease.token not in self.ended

    @rule(worker=workers, key=keys)
    def look(self, worker: str, key: UnitKey) -> None:
        """Read a unit; the claim may come much later."""
        self.seen[worker, self.name(key)] = self.bench.unit(self.job, key)

    @rule(worker=workers, key=keys)
    def claim(self, worker: str, key: UnitKey) -> None:
        """Claim what was seen: it succeeds only where nothing happened since, and the fence grows by one."""
        name = self.name(key)
        seen = self.seen.get((worker, name))
        lease = self.bench.store.units.claim(self.job, key, seen, owner=worker, lease_s=LEASE_S)
        if lease is not None:
            assert name not in self.results
            assert name not in self.failed
            assert lease.fence == self.fences.get(name, 0) + 1
            self.fences[name] = lease.fence
            self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        """Renew any lease ever given: it works for the unit's last one, in an open job's generation."""
        lease = data.draw(st.sampled_from(self.leases))
        wanted = self.job.is_open and self.job.generation == lease.generation
        try:
            self.bench.store.units.renew(lease, lease_s=LEASE_S, progress=UnitProgress())
        except LeaseLost:
            assert not (self.is_ours(lease) and wanted)
        else:
            assert self.is_ours(lease)
            assert wanted

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def commit(self, data: Any) -> None:
        """Commit under any lease ever given: it works for the unit's last one, and again for the same one."""
        lease = data.draw(st.sampled_from(self.leases))
        may = self.is_ours(lease) or self.ended.get(lease.token) is State.DONE
        try:
            self.bench.store.units.commit(
                lease, result=TracksResult(fingerprint=lease.token, files=()), measured=Measured()
            )
        except LeaseLost:
            assert not may
        else:
            assert may
            self.ended[lease.token] = State.DONE
            assert self.results.setdefault((lease.generation, lease.key), lease.token) == lease.token

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), charge=st.sampled_from(Charge), wait_s=st.sampled_from([0, 50]))
    def give_back(self, data: Any, *, charge: Charge, wait_s: int) -> None:
        """Give back under any lease ever given: it works for the unit's last one, and charges once."""
        lease = data.draw(st.sampled_from(self.leases))
        last = self.fences[lease.generation, lease.key] == lease.fence
        may = self.is_ours(lease) or (last and self.ended.get(lease.token) is State.WAITING)
        retry_at = self.bench.store.now() + wait_s
        try:
            self.bench.store.units.give_back(
                lease, retry_at=retry_at, reason="", charge=charge, measured=Measured()
            )
        except LeaseLost:
            assert not may
        else:
            assert may
            self.ended[lease.token] = State.WAITING
            unit = self.bench.store.units.read("a", lease.generation)[lease.key]
            assert (unit.verdicts - lease.verdicts) + (unit.refusals - lease.refusals) in {0, 1}

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def fail(self, data: Any) -> None:
        """Fail under any lease ever given: it works for the unit's last one, and again for the same one."""
        lease = data.draw(st.sampled_from(self.leases))
        may = self.is_ours(lease) or self.ended.get(lease.token) is State.FAILED
        try:
            self.bench.store.units.fail(lease, reason="bad", measured=Measured())
        except LeaseLost:
            assert not may
        else:
            assert may
            self.ended[lease.token] = State.FAILED
            self.failed.add((lease.generation, lease.key))

    @rule(seconds=st.sampled_from([30.0, LEASE_S + 1]))
    def time_passes(self, seconds: float) -> None:
        """Let leases run out, or nearly."""
        self.bench.advance(seconds)

    @rule()
    def cancel(self) -> None:
        """End the job, if it has not ended."""
        self.bench.store.jobs.end("a", self.job.generation, Status.CANCELLED)
        self.job = self.bench.read()

    @precondition(lambda self: not self.job.is_open)
    @rule()
    def try_anew(self) -> None:
        """Open the next generation."""
        again = self.bench.job(generation=self.job.generation + 1)
        assert self.bench.store.jobs.reopen(again)
        self.job = again

    @rule()
    def lose_answers(self) -> None:
        """From here on every request is sent twice."""
        self.bench.lose_answers()

    @invariant()
    def fences_and_results_stand(self) -> None:
        """Fences never fall, and a committed result never changes."""
        for generation in range(1, self.job.generation + 1):
            for key, unit in self.bench.store.units.read("a", generation).items():
                assert unit.fence == self.fences[generation, key]
                assert (unit.state is State.DONE) == ((generation, key) in self.results)
                assert (unit.state is State.FAILED) == ((generation, key) in self.failed)
                result = unit.result
                token = result.fingerprint if isinstance(result, TracksResult) else ""
                assert token == self.results.get((generation, key), "")


Lanes.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLanes = Lanes.TestCase
