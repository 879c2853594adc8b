"""The `rugbytx` command."""


def main() -> None:
    """Run the command line of this process."""
    from rugbytx.cli.app import app

    app(prog_name="rugbytx")
