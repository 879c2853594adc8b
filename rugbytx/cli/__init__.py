"""The `rugbytx` command."""


def main() -> None:
    """Run the command line of this process."""
    import sys
    from io import TextIOWrapper

    from rugbytx.cli.app import app

    # A terminal or a pipe may know ASCII alone, and a film's name has every letter that there is.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="rugbytx")
