"""A worker that is an ECS task: its protection follows its gate."""

from pathlib import Path

import pytest

from rugbytx.core.fleet.scale_in_protection import REFUSED, SILENT, AgentReply, ProtectionPolicy
from rugbytx.worker.gate import gate
from rugbytx.worker.gate.gate import View
from rugbytx.worker.gate.scale_in_protection import Protection
from tests.fakes.clock import Clock
from tests.fakes.fleet import FakeAgent
from tests.fakes.store import FakeStore

LASTS_S = 1800.0


class Bench:
    """A view that asks an agent, and what they look at."""

    def __init__(self, scratch: Path) -> None:
        self.clock = Clock()
        self.store = FakeStore()
        self.agent = FakeAgent()
        self.is_idle = True
        self.is_draining = False
        self.view = View(
            store=self.store,
            scratch=scratch,
            scratch_floor_bytes=0,
            view_s=5.0,
            is_draining=lambda: self.is_draining,
            protection=Protection(
                self.agent,
                is_idle=lambda: self.is_idle,
                policy=ProtectionPolicy(lasts_s=LASTS_S),
                monotonic=self.clock,
            ),
            monotonic=self.clock,
        )

    def look(self, *, after_s: float = 5.0) -> str:
        """Look once, after a while; return the gate's reason."""
        self.clock.advance(after_s)
        self.view.refresh()
        return self.view.reason


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a worker that has not looked yet."""
    return Bench(tmp_path / "scratch")


def test_it_is_protected_before_it_receives(bench: Bench) -> None:
    """And asks again at half of the time."""
    assert not bench.view.is_open()
    assert bench.look() == gate.OPEN
    assert (bench.agent.is_protected, bench.agent.asked) == (True, [LASTS_S])
    assert bench.look(after_s=LASTS_S / 2 - 1) == gate.OPEN
    assert bench.agent.asked == [LASTS_S]
    assert bench.look(after_s=1) == gate.OPEN
    assert bench.agent.asked == [LASTS_S, LASTS_S]


def test_a_refusal_closes_the_gate(bench: Bench) -> None:
    """With the reason, until it is granted."""
    bench.agent.answer = AgentReply(refusal="DEPLOYMENT_BLOCKED")
    assert bench.look() == REFUSED
    assert not bench.view.is_open()
    bench.agent.answer = AgentReply(granted_s=LASTS_S)
    assert bench.look(after_s=1) == REFUSED, "not asked at once"
    assert bench.look(after_s=1) == gate.OPEN


def test_an_agent_that_is_silent_closes_the_gate(bench: Bench) -> None:
    """Unless a protection still stands."""
    bench.agent.answer = None
    assert bench.look() == SILENT
    bench.agent.answer = AgentReply(granted_s=LASTS_S)
    assert bench.look() == gate.OPEN
    bench.agent.answer = None
    assert bench.look(after_s=LASTS_S / 2) == gate.OPEN
    assert bench.look(after_s=LASTS_S / 2) == SILENT


def test_it_lets_go_once_nothing_is_in_hand(bench: Bench) -> None:
    """Not before the acknowledgement, and never in the look that closes the gate: a receive may be under way."""
    bench.look()
    bench.is_idle = False
    bench.store.table.down = True
    for _ in range(3):
        assert bench.look() == gate.STORE_UNREACHABLE
    assert bench.agent.is_protected
    bench.is_idle = True
    assert bench.look() == gate.STORE_UNREACHABLE
    assert not bench.agent.is_protected
    bench.store.table.down = False
    assert bench.look() == gate.OPEN
    bench.store.table.down = True
    bench.look()
    assert bench.agent.is_protected, "closed by this very look"
    bench.look()
    assert not bench.agent.is_protected


def test_a_worker_that_leaves_is_protected_while_it_works(bench: Bench) -> None:
    """It may finish its chunk, which may take longer than half of a protection."""
    bench.look()
    bench.is_idle, bench.is_draining = False, True
    assert bench.look(after_s=LASTS_S / 2) == gate.DRAINING
    assert bench.agent.asked == [LASTS_S, LASTS_S]


def test_what_breaks_the_asking_closes_the_gate(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """And the thread lives on."""
    bench.agent.answer = "no answer of ours"  # type: ignore[assignment]  # a bug
    assert bench.look() == gate.LOOK_BROKE
    assert "look-broke" in caplog.messages


def test_it_says_what_it_does(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Each step once."""
    caplog.set_level("INFO")
    bench.look()
    bench.store.table.down = True
    bench.look()
    bench.look()
    bench.store.table.down = False
    bench.agent.answer = AgentReply(refusal="TASK_NOT_VALID")
    bench.look()
    told = [message for message in caplog.messages if message.startswith("protection")]
    assert told == ["protection-taken", "protection-released", "protection-not-changed"]
