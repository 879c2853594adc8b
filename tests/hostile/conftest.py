"""One host for all kinds, so that each meets a lane that has met the others; and what must not be touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import table
from tests.hostile.host import Host
from tests.hostile.source import Place
from tests.hostile.trap import Canary, Listener


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where films are made."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="session")
def place(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return where kinds are made, with the traps under watch."""
    canary = tmp_path_factory.mktemp("canary") / "private.mp4"
    with Canary(canary) as watched, Listener() as listener:
        yield Place(folder=folder, canary=watched, listener=listener)


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Return the host."""
    return Host(tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="session")
def good(folder: Path) -> bytes:
    """Return a film that is in order."""
    return table.good_film(folder)
