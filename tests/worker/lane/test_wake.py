"""Who looks after a unit whose worker dies and whose message is lost: the sweep, as soon as the lease is over."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.lease.unit import State
from rugbytx.core.schedule.next_unit import AFTER_LEASE_S
from tests.worker.world import Call, Crash, World


@pytest.mark.parametrize("claims", range(1, 7))
def test_a_unit_in_work_wakes_its_job_when_its_lease_is_over(claims: int, tmp_path: Path) -> None:
    """However short the units are, so that no heartbeat has moved ``wake_at`` since the job was submitted."""
    left = claims

    def die(call: Call) -> Any:
        nonlocal left
        answer = call.do()
        left -= call.name == "store.units.claim"
        if not left:
            raise Crash
        return answer

    world = World(tmp_path, on_call=die)
    world.submit()
    world.deliver()
    job = world.job()
    [unit] = [
        unit for unit in world.store.units.read(job.id, job.generation).values() if unit.state is State.LEASED
    ]
    assert world.store.now() < job.wake_at <= unit.lease_until + AFTER_LEASE_S
