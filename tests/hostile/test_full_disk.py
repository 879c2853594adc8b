"""A disk that is full, whether ffmpeg notices or not: what was cut short is never committed."""

from pathlib import Path

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State, Unit, UnitKey
from tests.hostile.host import OUTPUT, Host
from tests.worker.world import Call

pytestmark = pytest.mark.process

CHUNK = UnitKey(Kind.VIDEO, 0)

#: ffmpeg, with the end of each chunk lost on the way to the disk, and no word of it.
SILENT = """#!/usr/bin/env bash
ffmpeg "$@"
status=$?
for output in "$@"; do
    case "$output" in file:*-00000.mp4) truncate -s "-%BYTES%" "${output#file:}" ;; esac
done
exit $status
"""


def chunk_of(host: Host, good: bytes) -> Unit:
    """Do a job as far as it goes, see that it is neither ended nor published, and return its chunk."""
    ended = host.run(host.submit("film.mp4", good))
    assert ended.job.status is Status.RUNNING
    assert not [stored.key for stored in host.storage.list(OUTPUT, "")]
    return host.store.units.read(ended.job.id, 1)[CHUNK]


def test_a_disk_that_says_that_it_is_full(tmp_path: Path, good: bytes) -> None:
    """The unit waits, uncharged, for a host with more room: a disk that somebody else filled is no fault of its job."""

    def fill(call: Call) -> object:
        if call.name == "media.encode_chunk":
            plan, index, _, folder = call.args
            for rendition in plan.renditions:
                (folder / f"{rendition.name}-{index:05d}.mp4").symlink_to("/dev/full")
        return call.do()

    host = Host(tmp_path / "scratch")
    host.renew_lane(fill)
    chunk = chunk_of(host, good)
    assert (chunk.state, chunk.reason) == (State.WAITING, "the scratch disk is full")
    assert (chunk.verdicts, chunk.refusals) == (0, 1)


@pytest.mark.parametrize("lost_bytes", [1, 3000])
def test_a_disk_that_loses_the_end_without_a_word(lost_bytes: int, tmp_path: Path, good: bytes) -> None:
    """Its exit status is 0, and the checks find out."""
    program = tmp_path / "ffmpeg"
    program.write_text(SILENT.replace("%BYTES%", str(lost_bytes)))
    program.chmod(0o755)
    chunk = chunk_of(Host(tmp_path / "scratch", ffmpeg=str(program)), good)
    assert (chunk.state, chunk.verdicts) == (State.WAITING, 1)
    assert "is cut off after" in chunk.reason
