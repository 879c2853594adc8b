"""One host for all kinds, and one folder for what they are made from."""

import pytest

from tests.hostile.host import Host
from tests.source.kind import Place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return where films are made."""
    return Place(folder=tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Return the host."""
    return Host(tmp_path_factory.mktemp("scratch"))
