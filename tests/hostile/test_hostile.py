"""Bad input ends FAILED in one attempt, with a reason that a person understands, and harms nobody."""

import subprocess
from pathlib import Path

import pytest

from rugbytx.core.job.job import Status
from tests.hostile import table
from tests.hostile.host import Host
from tests.hostile.kind import KINDS, Kind
from tests.hostile.name import NAMES, status
from tests.hostile.source import Place
from tests.hostile.trap import Canary, Listener

pytestmark = pytest.mark.process

DOCUMENTED = table.in_document()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind(kind: Kind, place: Place, host: Host, good: bytes) -> None:
    """One delivery, no second attempt, nothing published, nothing touched; and the lane does the next job."""
    visits = place.canary.visits, place.listener.visits
    ended = table.run_kind(kind, place, host)
    assert (ended.job.status is Status.FAILED) == kind.fails, ended.job.reason
    assert (ended.deliveries, ended.repeats) == (1, 0)
    if kind.fails:
        assert ended.job.outputs is None
        assert ended.published == ()
    assert (place.canary.visits, place.listener.visits) == visits
    assert table.row(kind.name, ended.job) == DOCUMENTED[kind.name]
    assert host.is_well(f"after {kind.name}.mp4", good)


@pytest.mark.parametrize("moment", table.MOMENTS)
def test_an_object_replaced(moment: str, host: Host, good: bytes) -> None:
    """Nothing of another object gets into a job: its ETag is pinned when it is submitted."""
    ended = table.run_replaced(moment, host, good)
    assert ended.job.status is Status.FAILED
    assert ended.job.outputs is None
    assert not [key for key in ended.published if key.endswith((".m3u8", ".json"))]
    assert table.row(table.replaced(moment), ended.job) == DOCUMENTED[table.replaced(moment)]
    assert host.is_well(f"after {moment}.mp4", good)


@pytest.mark.parametrize("label", table.labels())
def test_a_name(label: str, host: Host, folder: Path, good: bytes) -> None:
    """A name is only a name: the job succeeds, and no terminal sees anything but printable text."""
    for ended in table.run_names(label, host, folder, good):
        assert ended.job.status is Status.SUCCEEDED, ended.job.reason
        assert table.row(table.named(label), ended.job) == DOCUMENTED[table.named(label)]
        shown = status(host, ended.job.id).output
        assert all(char.isprintable() for line in shown.splitlines() for char in line)
        assert "\x1b" not in shown


def test_the_document_lists_every_kind_and_no_other() -> None:
    """``scripts/hostile`` writes its table."""
    wanted = [
        *(kind.name for kind in KINDS),
        *map(table.replaced, table.MOMENTS),
        *map(table.named, table.labels()),
    ]
    assert list(DOCUMENTED) == wanted
    assert set(NAMES) <= set(table.labels())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.falls_for], ids=lambda kind: kind.name)
def test_the_traps_work(kind: Kind, tmp_path: Path) -> None:
    """Without our options the same file does make ffprobe open the other file, or call the address."""
    with Canary(tmp_path / "private.mp4") as canary, Listener() as listener:
        path = kind.make(Place(folder=tmp_path, canary=canary, listener=listener))
        argv = ["ffprobe", "-loglevel", "quiet", *kind.falls_for, "-i", str(path)]
        subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, timeout=30)
    assert (canary.visits > 0, listener.visits > 0) == ("local" in kind.name, "address" in kind.name)
