"""Outputs of a plain job, of a spliced one, and of a spliced one without parameter sets in the stream."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.footage import film
from tests.published import SmallMedia, copy, publish
from tests.worker.world import World


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s in which every frame differs, with a tone."""
    return film(tmp_path_factory.mktemp("film") / "film.mp4", rate="10", length_s=24, sound=True)


Made = Callable[..., Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Made:
    """Return a function that runs one job, once, and returns the folder of its outputs."""
    known: dict[str, Path] = {}

    def make(name: str, media: SmallMedia, *, mp4: bool = False) -> Path:
        if name not in known:
            world = World(tmp_path_factory.mktemp("scratch"))
            world.settings = world.settings.model_copy(update={"check_s": 0})
            publish(world, footage, media, chunk_s=12.0, mp4=mp4)
            known[name] = copy(world, tmp_path_factory.mktemp(name)).parent.parent
        return known[name]

    return make


@pytest.fixture
def plain(made: Made, tmp_path: Path) -> Path:
    """Return the master of a copy of a plain job's outputs: two chunks of two segments, and an MP4."""
    return _copied(made("plain", SmallMedia(), mp4=True), tmp_path)


@pytest.fixture
def spliced(made: Made, tmp_path: Path) -> Path:
    """Return the master of outputs whose second chunk is in x264's Main profile."""
    return _copied(made("spliced", SmallMedia(profiles=("high", "main"))), tmp_path)


@pytest.fixture
def bare(made: Made, tmp_path: Path) -> Path:
    """Return the same without the bitstream filter that repeats the parameter sets."""
    return _copied(made("bare", SmallMedia(profiles=("high", "main"), in_band=False)), tmp_path)


def _copied(outputs: Path, folder: Path) -> Path:
    shutil.copytree(outputs, folder / "out")
    [master] = (folder / "out").glob("g1/master*.m3u8")
    return master
