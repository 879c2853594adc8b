"""`rugbytx version`."""

from importlib.metadata import version as version_of

import typer


def version() -> None:
    """Show the version."""
    typer.echo(f"rugbytx {version_of('rugbytx')}")
