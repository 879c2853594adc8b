"""`rugbytx monitor`: Flower with the Jobs page, in a browser."""

import os
import sys
from typing import Annotated

import typer

from rugbytx.cli.shared.output import remark


def monitor(
    context: typer.Context,
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one, which it names.")
    ] = 5555,
    address: Annotated[
        str, typer.Option(help="Where to listen; other than on loopback only with authentication.")
    ] = "127.0.0.1",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Without the buttons that cancel and retry.")
    ] = False,
) -> None:
    """Serve Flower and the Jobs page until Ctrl-C.

    Every option of Flower's can be set as FLOWER_...: FLOWER_BASIC_AUTH=USER:PASSWORD asks visitors
    who they are, which is needed where others than this machine can reach it.
    """
    from rugbytx.cli.shared.connection import connection

    connection(context)  # names the system, and puts it into the environment
    argv = [
        *(sys.executable, "-m", "celery", "-A", "rugbytx", "flower"),
        *(f"--port={port}", f"--address={address}", *(["--read_only"] if read_only else [])),
    ]
    remark("Ctrl-C ends it.")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(argv[0], argv)  # noqa: S606  the process becomes Flower, so that its signals and status are Flower's
