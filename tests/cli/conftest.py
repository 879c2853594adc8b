"""The command line on a system of fakes."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rugbytx.cli.app import app
from rugbytx.cli.shared.connection import Wiring
from rugbytx.settings import Settings
from rugbytx.system import Connection, System
from tests.connection import Fakes, Run


@pytest.fixture
def fakes() -> Fakes:
    """Return a system of fakes with nothing in it."""
    return Fakes()


@pytest.fixture
def run(fakes: Fakes, tmp_path: Path) -> Run:
    """Return a function that runs a command on the fakes."""

    def connect(_found: System, settings: Settings) -> Connection:
        return Connection(
            store=fakes.store,
            queue=fakes.queue,
            storage=fakes.storage,
            settings=settings,
            address=fakes.connection.address,
            permissions=fakes.permissions,
        )

    def invoke(*args: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Result:
        wiring = Wiring(environ={"HOME": str(tmp_path), **(environ or {})}, connect=connect)
        return CliRunner().invoke(app, args, obj=wiring, input=stdin, catch_exceptions=False)

    return invoke
