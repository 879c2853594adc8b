"""What breaks a worker on kombu's own transport, and not on ours: the same scenario on both.

Each test asserts the defect of kombu 5.7.0 where it runs on the stock
transport, so that an upgrade that mends one is noticed.
"""

import os
import signal
from collections.abc import Callable

import pytest

from tests.broker.conftest import OURS, PATIENCE_S, STOCK, MakeRig, Rig
from tests.faults.proxy import Fault, Rule
from tests.processes import ends, watched

pytestmark = pytest.mark.process

both = pytest.mark.parametrize("transport", [STOCK, OURS], ids=["stock", "ours"])
#: Longer than a receive of these workers takes, with everything that may be added to it: after so long
#: without one there will be none.
QUIET_S = 3.0
#: A busy machine may let a pause of a second pass before this test looks, but not each time.
TRIES = 3

Shared = Callable[[str], Rig]


def test_a_failed_receive_ends_a_worker_or_silences_it(make_rig: MakeRig, stock_fault: Fault) -> None:
    """On the stock transport one HTTP error, refusal or broken connection is enough."""
    rig = make_rig(STOCK)
    assert not survives(rig, stock_fault, within_s=QUIET_S)
    # Which of the two depends on whether a timer or a descriptor brought the news.
    assert rig.comes(lambda: "Unrecoverable error" in rig.log() or "Error in timer" in rig.log())


@pytest.fixture(
    params=[
        Fault.STATUS_500,
        Fault.STATUS_403,
        Fault.REFUSE,
        pytest.param(Fault.STATUS_503, marks=pytest.mark.long),
        pytest.param(Fault.CUT, marks=pytest.mark.long),
        pytest.param(Fault.LOSE_ANSWER, marks=pytest.mark.long),
    ]
)
def stock_fault(request: pytest.FixtureRequest) -> Fault:
    """Return a fault; each needs a worker of its own, so half of them are for the long run."""
    return Fault(request.param)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.STATUS_500,
        Fault.STATUS_403,
        Fault.REFUSE,
        Fault.STATUS_503,
        Fault.CUT,
        Fault.LOSE_ANSWER,
    ],
)
def test_a_failed_receive_is_logged_and_repeated(rig: Rig, fault: Fault) -> None:
    """On ours the worker says so in a line, and takes the next message."""
    before = rig.log().count("receive-failed")
    assert survives(rig, fault, within_s=PATIENCE_S)
    assert rig.log().count("receive-failed") > before


def survives(rig: Rig, fault: Fault, *, within_s: float) -> bool:
    """Return whether the worker takes the next message after receives were hurt.

    Two of them, as curl itself repeats one that a kept connection lost.
    """
    rig.hurt(Rule(fault=fault, operation="ReceiveMessage", times=2))
    # One that was begun before the fault proves nothing.
    healthy = rig.polls(Fault.PASS)
    # Not before a healthy receive: what one that lost its answer held is gone until its visibility timeout.
    if not rig.comes(lambda: rig.polls(Fault.PASS) > healthy, within_s=within_s):
        return False
    rig.send(f"plain-{fault}")
    return rig.comes(lambda: f"end plain-{fault}" in rig.runs())


@both
def test_a_failed_acknowledgement_is_repeated_and_said(shared: Shared, transport: str) -> None:
    """Kombu gives up in silence, and the task runs again after the visibility timeout."""
    rig = shared(transport)
    rig.proxy.set_rules(Rule(fault=Fault.STATUS_403, operation="DeleteMessage", times=1))
    rig.send("plain-ack")
    assert rig.comes(lambda: rig.proxy.count("sqs", "DeleteMessage", Fault.STATUS_403) == 1)
    if transport == STOCK:
        assert not rig.comes(lambda: rig.held == 0, within_s=QUIET_S)
        assert "DeleteMessage" not in rig.log()
        rig.left += 1
    else:
        assert rig.comes(lambda: rig.held == 0)
        assert "settle-retried" in rig.log()


@both
def test_a_rejected_message_is_never_deleted(shared: Shared, transport: str) -> None:
    """Kombu deletes it where it finds no redrive policy."""
    rig = shared(transport)
    deletes = rig.proxy.count("sqs", "DeleteMessage")
    rig.send("leave-1")
    assert rig.comes(lambda: "start leave-1" in rig.runs())
    if transport == STOCK:
        assert rig.comes(lambda: rig.proxy.count("sqs", "DeleteMessage") > deletes)
    else:
        assert rig.comes(lambda: "message-left" in rig.log())
        assert rig.proxy.count("sqs", "DeleteMessage") == deletes
        rig.left += 1


@both
def test_a_busy_worker_holds_no_second_message(shared: Shared, transport: str) -> None:
    """Kombu counts per queue, so a worker with two queues takes a message that it cannot begin."""
    rig = shared(transport)
    # While the receives are on their way, so that each that is finds a message.
    rig.hurt(Rule(fault=Fault.SLOW, operation="ReceiveMessage"), at_least=2 if transport == STOCK else 1)
    rig.send("wait-busy")
    rig.send("wait-busy", queue="other")
    rig.proxy.set_rules()
    rig.proxy.release()
    assert rig.comes(lambda: "start wait-busy" in rig.runs())
    if transport == STOCK:
        assert rig.comes(lambda: rig.held == 2)
    else:
        assert not rig.comes(lambda: rig.held > 1, within_s=QUIET_S)
    rig.put("go-wait-busy")
    assert rig.comes(lambda: rig.runs().count("end wait-busy") == 2)


@both
def test_a_replaced_connection_keeps_polling_and_keeps_what_runs(shared: Shared, transport: str) -> None:
    """Kombu shows the running task's message to others, and never polls again."""
    rig = shared(transport)
    rig.send("wait-kept")
    assert rig.comes(lambda: "start wait-kept" in rig.runs())
    rig.put("break")
    assert rig.comes(lambda: "Connection to broker lost" in rig.log())
    assert rig.receive(wait_s=20 if transport == STOCK else 2) is (transport == STOCK)
    polls = rig.polls()
    rig.put("go-wait-kept")
    assert rig.comes(lambda: "end wait-kept" in rig.runs())
    if transport == STOCK:
        assert not rig.comes(lambda: rig.polls() > polls, within_s=QUIET_S)
    else:
        assert rig.comes(lambda: rig.held == 0)
        rig.send("plain-next")
        assert rig.comes(lambda: "end plain-next" in rig.runs())


@both
def test_a_hung_receive_is_given_up(make_rig: MakeRig, shared: Shared, transport: str) -> None:
    """Kombu waits for ever: it sets neither a timeout nor keepalive."""
    rig = make_rig(STOCK) if transport == STOCK else shared(OURS)
    # The worker has two queues; kombu receives from both at once, and ours from one after the other.
    rig.hurt(Rule(fault=Fault.HANG, operation="ReceiveMessage", times=2, delay_s=120), at_least=2)
    polls = rig.polls()
    if transport == STOCK:
        assert not rig.comes(lambda: rig.polls() > polls, within_s=2 * QUIET_S)
        assert not rig.worker.has_ended()
    else:
        assert rig.comes(lambda: rig.polls() > polls)
        assert "timed out" in rig.log()


def test_a_closed_gate_stops_the_receives(rig: Rig) -> None:
    """No receive begins while it is closed; the message waits, unharmed, for whoever may."""
    rig.put("closed")
    quiet(rig)
    polls = rig.polls()
    rig.send("plain-gate")
    assert not rig.comes(lambda: rig.polls() > polls, within_s=QUIET_S / 2)
    (rig.folder / "closed").unlink()
    assert rig.comes(lambda: "end plain-gate" in rig.runs())


def test_a_message_that_is_handed_back_is_visible_at_once(rig: Rig) -> None:
    """Another worker has it at once; this one pauses first."""
    assert any(another_has(rig, f"back-{turn}") for turn in range(TRIES))


def another_has(rig: Rig, job_id: str) -> bool:
    """Return whether another worker has what this one hands back before it has it again itself."""
    rig.send(job_id)
    assert rig.comes(lambda: f"start {job_id}" in rig.runs())
    assert rig.receive(wait_s=20)
    rig.left += 1
    return rig.runs().count(f"start {job_id}") == 1


def test_an_ending_worker_shows_what_it_holds(make_rig: MakeRig) -> None:
    """A task that is cut off is another worker's at once, and not after the visibility timeout."""
    rig = make_rig(OURS)
    rig.send("wait-cut")
    assert rig.comes(lambda: "start wait-cut" in rig.runs())
    with watched(rig.worker.pid) as process:
        os.kill(rig.worker.pid, signal.SIGQUIT)
        assert ends(process, within_s=PATIENCE_S)
    assert rig.receive(wait_s=5)


def quiet(rig: Rig) -> None:
    """Wait until no receive is under way, nor begins."""
    before = -1

    def is_quiet() -> bool:
        nonlocal before
        before, last = rig.polls(), before
        return before == last

    assert rig.comes(lambda: is_quiet() and not rig.comes(lambda: rig.polls() > before, within_s=1.5))
