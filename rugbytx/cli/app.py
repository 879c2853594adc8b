"""The command line's root: which commands there are, and what becomes of an error."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rugbytx.cli.shared.exit import EPILOG, code_of
from rugbytx.cli.shared.output import complain
from rugbytx.errors import RugbytxError

#: Each command's function, by ``module:name`` under ``rugbytx.cli``, in the order of the help.  A module
#: is imported when its command runs or the help is shown, and imports what is heavy in its function.
COMMANDS = {
    "up": "system.up:up",
    "demo": "system.demo:demo",
    "plan": "job.plan:plan",
    "submit": "job.submit:submit",
    "status": "job.status:status",
    "url": "job.url:url",
    "list": "job.list:list_jobs",
    "watch": "job.watch:watch",
    "workers": "fleet.workers:workers",
    "report": "job.report:report",
    "cost": "fleet.cost:cost",
    "logs": "job.logs:logs",
    "cancel": "job.cancel:cancel",
    "retry": "job.retry:retry",
    "rm": "job.rm:rm",
    "bump": "fleet.steer:bump",
    "unbump": "fleet.steer:unbump",
    "pause": "fleet.steer:pause",
    "resume": "fleet.steer:resume",
    "drain": "fleet.steer:drain",
    "undrain": "fleet.steer:undrain",
    "play": "job.play:play",
    "monitor": "fleet.monitor:monitor",
    "verify": "job.verify:verify",
    "dlq": "fleet.dlq:dlq",
    "webhooks": "fleet.webhooks:webhooks",
    "queue": "fleet.queue:queue",
    "autoscale": "fleet.autoscale:autoscale",
    "replay": "fleet.autoscale:replay",
    "scaling": "fleet.scaling:scaling",
    "simulate": "system.simulate:simulate",
    "metrics": "fleet.metrics:metrics",
    "doctor": "system.doctor:doctor",
    "env": "system.env:env",
    "version": "version:version",
}


class Commands(TyperGroup):
    """Commands that are imported on use, and whose errors are one sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands' names."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, importing it; an unknown name imports all, so that a near one can be offered."""
        wanted = [cmd_name] if cmd_name in COMMANDS else list(COMMANDS)
        for name in wanted:
            if name not in self.commands:
                self.add_command(_load(name), name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what rugbytx raises on purpose ends it without a traceback."""
        try:
            return super().invoke(ctx)
        except RugbytxError as error:
            complain(error)
            raise typer.Exit(code_of(error)) from error


def _load(name: str) -> Any:
    module, _, function = COMMANDS[name].partition(":")
    command = getattr(import_module(f"rugbytx.cli.{module}"), function)
    if isinstance(command, typer.Typer):  # it has commands of its own
        return typer.main.get_command(command)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(command)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=Commands, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, epilog=EPILOG
)


def _version(value: bool) -> None:
    if value:
        from rugbytx.cli.version import version

        version()
        raise typer.Exit


@app.callback()
def root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Transcode videos: submit them, look at them, run the workers."""
