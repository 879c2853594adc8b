"""`rugbytx status`: one job in full."""

import typer

from rugbytx.cli.shared.output import JobId, Json, console, emit


def status(context: typer.Context, job_id: JobId, *, as_json: Json = False) -> None:
    """Show a job: how far it is, who works on it, and where its outputs are."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.cli.shared.job_view import COLOURS, facts, object_url, quality, snapshot, units_table
    from rugbytx.cli.shared.job_view import as_json as to_json

    system = connection(context)
    standing = snapshot(system.store, job_id)
    sampled = quality(standing.job, system.store.units)
    if as_json:
        emit(to_json(standing.job, standing.outlook, system, sampled))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in facts(standing).items():
        table.add_row(label, text, style=COLOURS[standing.job.status] if label == "status" else None)
    if sampled:
        table.add_row("quality", sampled.sentence, style="red" if sampled.alarms else None)
        for alarm in sampled.alarms:
            table.add_row("alarm", alarm, style="red")
    screen = console()
    screen.print(table)
    if outputs := standing.job.outputs:
        # Outside the table, so that an address is never broken into two lines.
        for label, key in (("master", outputs.master_key), ("mp4", outputs.mp4_key)):
            if key:
                screen.print(f"{label:<12}{object_url(key, system)}", soft_wrap=True)
    elif units := units_table(standing.units, at=standing.at):
        screen.print()
        screen.print(units)
