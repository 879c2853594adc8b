"""`rugbytx verify` on a folder and on a job."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from rugbytx.core.job.job import Outputs, Status
from rugbytx.errors import NotFound, ScratchFull, VerificationError
from rugbytx.verify import fetch
from tests.connection import Fakes, Run, make_job
from tests.footage import film
from tests.published import SmallMedia, copy, publish
from tests.worker.world import BUCKET, World

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a system that has published one job."""
    folder = tmp_path_factory.mktemp("job")
    made = World(folder)
    made.settings = made.settings.model_copy(update={"check_s": 0})
    publish(made, film(folder / "film.mp4", length_s=6, sound=True), SmallMedia(), chunk_s=6.0)
    return made


@pytest.fixture
def job(world: World, fakes: Fakes) -> str:
    """Return the job's id, in a system of the command's own."""
    fakes.store, fakes.storage.objects = world.store, dict(world.storage.objects)
    return world.job_id


def test_a_folder_that_is_whole(world: World, run: Run, tmp_path: Path) -> None:
    """One sentence, exit status 0; the folder or its master will do."""
    master = copy(world, tmp_path)
    for target in (master, master.parent):
        result = run("verify", str(target))
        assert result.exit_code == 0
        assert result.stdout == (
            "All is well: 13 files, 3 segments, 300 frames, decoded without a complaint; held against the manifest.\n"
        )


def test_a_folder_that_is_not(world: World, run: Run, tmp_path: Path) -> None:
    """Each finding is a sentence that names file and gate, and the exit status is 1."""
    master = copy(world, tmp_path)
    (master.parent / "64p/00000-f1.mp4").unlink()
    result = run("verify", str(master.parent), "--quick")
    assert result.exit_code == 1
    assert "64p/00000-f1.mp4 fails the manifest check: expected a file, saw none.\n" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("findings in 12 files, 3 segments, 150 frames.")


def test_findings_in_json(world: World, run: Run, tmp_path: Path) -> None:
    """One object, with the rule by itself."""
    master = copy(world, tmp_path)
    (master.parent / "64p-f1.m3u8").unlink()
    result = run("verify", str(master), "--json", "--quick")
    assert result.exit_code == 1
    [said] = map(json.loads, result.stdout.splitlines())
    assert (said["passed"], said["decoded"], said["has_manifest"]) == (False, False, True)
    assert [(one["rule"], one["where"]) for one in said["findings"]] == [
        ("manifest", "64p-f1.m3u8"),
        ("playlist", "64p-f1.m3u8"),
    ]


def test_a_jobs_outputs_are_fetched_and_left_nowhere(run: Run, job: str, tmp_path: Path) -> None:
    """Into a folder that goes again."""
    result = run("verify", job, "--json")
    assert result.exit_code == 0, result.stdout
    assert json.loads(result.stdout)["frames"] == 300
    assert not list(tmp_path.rglob("*.mp4"))


def test_an_object_that_is_gone_is_a_finding(fakes: Fakes, run: Run, job: str) -> None:
    """The rest is looked at all the same."""
    del fakes.storage.objects[BUCKET, "out/7ad4/g1/audio/00000-f1.mp4"]
    result = run("verify", job, "--quick")
    assert result.exit_code == 1
    assert "audio/00000-f1.mp4 fails the manifest check: expected a file, saw none.\n" in result.stdout


def test_what_there_is_not(run: Run, fakes: Fakes, tmp_path: Path) -> None:
    """No such job, a job without outputs, a folder without a master: exit status 3."""
    queued = fakes.store.jobs.create(make_job())
    for target in ("f" * 20, queued.id, str(tmp_path)):
        result = run("verify", target)
        assert result.exit_code == 3, target
    assert "holds 0" in result.stderr


def outputs_of(world: World) -> Outputs:
    """Return what the job published."""
    return fetch.outputs_of(world.job())


def test_another_manifest_is_not_believed(world: World, tmp_path: Path) -> None:
    """The job's record says which one is true."""
    other = outputs_of(world).model_copy(update={"manifest_sha256": "0" * 64})
    with pytest.raises(VerificationError, match="is not the manifest that was committed"):
        fetch.fetch(world.storage, BUCKET, other, tmp_path, on_bytes=lambda _: None)


def test_outputs_need_room(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first of them is copied."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=300 << 20))
    monkeypatch.setattr(fetch, "MARGIN_BYTES", 300 << 20)
    with pytest.raises(ScratchFull, match="has 300 MiB free"):
        fetch.fetch(world.storage, BUCKET, outputs_of(world), tmp_path, on_bytes=lambda _: None)
    assert not list(tmp_path.iterdir())


def test_a_job_that_published_nothing(fakes: Fakes) -> None:
    """Says what it is instead."""
    job = fakes.store.jobs.create(make_job(status=Status.CANCELLED))
    with pytest.raises(NotFound, match="has no output: it is CANCELLED"):
        fetch.outputs_of(job)
