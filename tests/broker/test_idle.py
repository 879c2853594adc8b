"""A worker that has nothing to do for a long time, against a broker that is not well."""

import itertools
import resource
import time
from pathlib import Path

import pytest

from tests.broker.conftest import OURS, MakeRig
from tests.faults.proxy import Fault, Rule

pytestmark = [pytest.mark.process, pytest.mark.long]

IDLE_S = 600.0
#: By then everything is loaded and every buffer has its size.
WARM_S = 60.0
#: What an allocator may keep; a leak of a timer or two for each receive is more.
GROWTH = 0.05


def test_a_worker_left_idle_takes_the_next_job_at_once_and_has_not_grown(make_rig: MakeRig) -> None:
    """Every third call fails, in every way there is; ten minutes later nothing is worn."""
    rig = make_rig(OURS)
    faults = (
        Fault.STATUS_500,
        Fault.STATUS_403,
        Fault.REFUSE,
        Fault.CUT,
        Fault.STATUS_503,
        Fault.LOSE_ANSWER,
    )
    rig.send("plain-first")
    assert rig.comes(lambda: "end plain-first" in rig.runs())
    began, warm_bytes = time.monotonic(), 0
    for fault in itertools.cycle(faults):
        rig.proxy.set_rules(Rule(fault=fault, service="sqs", every=3))
        assert not rig.comes(lambda: False, within_s=10), "wait, and see that the worker lives"
        assert not rig.worker.has_ended()
        idle_s = time.monotonic() - began
        if idle_s > WARM_S and not warm_bytes:
            warm_bytes = resident_bytes(rig.worker.pid)
        if idle_s > IDLE_S:
            break
    assert rig.polls() > 100
    assert resident_bytes(rig.worker.pid) < warm_bytes * (1 + GROWTH)
    rig.proxy.set_rules(Rule(fault=Fault.STATUS_500, service="sqs", every=3))
    rig.send("plain-next")
    assert rig.comes(lambda: "end plain-next" in rig.runs(), within_s=5)


def resident_bytes(pid: int) -> int:
    """Return a process's resident set (proc_pid_statm(5))."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
