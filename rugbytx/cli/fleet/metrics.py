"""`rugbytx metrics`: the system's figures, as Prometheus reads them."""

from typing import Annotated

import typer

from rugbytx.cli.shared.output import say


def metrics(
    context: typer.Context,
    *,
    jobs: Annotated[
        int,
        typer.Option(min=0, max=1000, help="Medians are over so many jobs of each status, the last ones."),
    ] = 100,
    units: Annotated[
        int, typer.Option(min=0, max=100, help="And those of units over the last so many of these.")
    ] = 10,
) -> None:
    """Print the system's figures in Prometheus' text format, e.g. for node_exporter's textfile collector."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.core.status.prometheus import families
    from rugbytx.monitor.system_metrics import collect, text

    say(text(families(collect(connection(context), jobs=jobs, units=units))).rstrip())
