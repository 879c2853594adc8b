"""What can be watched of a job while its chunks are made."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, UnitKey
from rugbytx.errors import TransferError
from tests.worker.world import BUCKET, Call, World

LAST = UnitKey(Kind.VIDEO, 1)


def test_the_first_chunk_can_be_watched_while_the_second_is_made(tmp_path: Path) -> None:
    """The lists grow at one address, name what is in the bucket, and end when the job is published."""
    seen: list[dict[str, str]] = []

    def look(call: Call) -> Any:
        if call.name == "media.encode_chunk" and call.args[1] == 1:
            seen.append(world.early())
        return call.do()

    world = World(tmp_path, on_call=look)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    [growing], grown = seen, world.early()
    assert set(growing) == set(grown) == {"master.m3u8", "180p.m3u8", "90p.m3u8", "audio.m3u8"}
    for name in ("180p.m3u8", "90p.m3u8", "audio.m3u8"):
        assert grown[name].startswith(growing[name])
        assert grown[name].endswith("#EXT-X-ENDLIST\n")
        paths = {line for line in growing[name].splitlines() if line.startswith("../")}
        assert len(paths) == 1
        assert all(world.storage.head(BUCKET, f"out/7ad4/g1/{path[3:]}") for path in paths)
    world.clean_up()
    assert world.early() == {}


@pytest.mark.parametrize("name", ["storage.put", "store.leases.acquire"])
def test_what_cannot_be_shown_holds_up_nothing(name: str, tmp_path: Path) -> None:
    """Nobody is charged for it, and no work is lost."""

    def refuse(call: Call) -> Any:
        wanted = call.name == name and ("early" in str(call.args))
        if wanted and not world.store.units.read("7ad4", 1).get(LAST):
            raise TransferError("the bucket is full")
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert {unit.fence for unit in world.store.units.read("7ad4", 1).values()} == {1}


def test_one_lane_at_a_time_writes(tmp_path: Path) -> None:
    """Another that has the lists in hand is not disturbed."""
    looked: list[dict[str, str]] = []

    def look(call: Call) -> Any:
        if call.name == "media.encode_chunk":
            looked.append(world.early())
        return call.do()

    world = World(tmp_path, on_call=look)
    world.store.leases.acquire("early-7ad4", owner="another", lease_s=3600)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    assert looked == [{}, {}]
