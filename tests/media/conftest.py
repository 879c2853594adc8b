"""A pulse, and films for the whole session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pulse import FakePulse


@pytest.fixture
def pulse() -> FakePulse:
    """Return a pulse that lets everything go on."""
    return FakePulse()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a function that makes a file of some name once in the session and returns its path."""
    folder = tmp_path_factory.mktemp("films")

    def path_of(name: str, write: Callable[[Path], object]) -> Path:
        path = folder / name
        if not path.exists():
            write(path)
        return path

    return path_of
