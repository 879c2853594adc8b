"""`rugbytx doctor`: what is right and wrong with this host and its system."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.exit import Code
from rugbytx.cli.shared.output import emit, printable

if TYPE_CHECKING:
    from rugbytx.doctor.check import CheckResult

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    context: typer.Context,
    *,
    first_day: Annotated[
        bool,
        typer.Option(
            "--first-day",
            help="Also try what was never run before on AWS, with an operator's rights, and list what a person must try.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: one object for each finding.")
    ] = False,
) -> None:
    """Look at this host, its encoders and its system, and say what is wrong and what helps.

    Nothing is changed.  Exit status 1 if anything failed; a warning is no
    failure.  Where no system is chosen only the host is judged.
    """
    failed = 0
    for finding in _findings(context, first_day=first_day):
        failed += finding.health == "fail"
        if as_json:
            emit(
                {
                    "check": finding.check,
                    "health": finding.health,
                    "text": finding.text,
                    "remedy": finding.remedy,
                }
            )
        else:
            _show(finding)
    if failed:
        raise typer.Exit(Code.JOB_FAILED)


def _findings(context: typer.Context, *, first_day: bool) -> "Iterable[CheckResult]":
    """Give each finding as soon as it is there: some take seconds."""
    from rugbytx import settings as settings_module
    from rugbytx import system
    from rugbytx.cli.shared.connection import Wiring, describe
    from rugbytx.doctor import check, host
    from rugbytx.doctor import system as doctor_system
    from rugbytx.errors import SettingsError

    wiring = context.obj if isinstance(context.obj, Wiring) else Wiring()
    located = system.locate(wiring.environ)
    environ = {**wiring.environ, **located.environ}
    yield from _unknown(settings_module.unknown(environ))
    try:
        chosen = settings_module.read(environ)
    except SettingsError as error:
        yield check.CheckResult(
            check="settings", health=check.Health.FAIL, text=str(error), remedy="correct the variable"
        )
        chosen = settings_module.Settings()
    yield from check.run(host.checks(chosen))
    if not located.is_local and not system.chosen(wiring.environ):
        yield check.CheckResult(
            check="system",
            health=check.Health.WARN,
            text="no system is chosen, so only this host was looked at",
            remedy="start a local one by `rugbytx up`, or choose one by AWS_PROFILE and RUGBYTX_* settings",
        )
        return
    try:
        connection = wiring.connect(located, chosen)
    except SettingsError as error:
        yield check.CheckResult(
            check="connection",
            health=check.Health.FAIL,
            text=str(error),
            remedy="set AWS_REGION and credentials, or AWS_PROFILE",
        )
        return
    where = describe(located, wiring.environ, address=connection.address, queue=chosen.queue)
    yield check.CheckResult(check="system", health=check.Health.OK, text=where)
    yield from doctor_system.regions(environ)
    yield from check.run(doctor_system.checks(connection))
    if first_day:
        from rugbytx.doctor import first_day as list_of_the_day

        yield from check.run(list_of_the_day.checks(chosen))
        yield from list_of_the_day.by_hand()


def _unknown(sentences: Sequence[str]) -> "Iterable[CheckResult]":
    from rugbytx.doctor.check import CheckResult, Health

    for sentence in sentences:
        yield CheckResult(
            check="settings", health=Health.FAIL, text=sentence, remedy="unset it, or correct its name"
        )
    if not sentences:
        yield CheckResult(check="settings", health=Health.OK, text="every RUGBYTX_* name is known")


def _show(finding: "CheckResult") -> None:
    """Print a finding, and what helps below it."""
    typer.secho(f"{finding.health:<5}", fg=_COLOURS[finding.health], nl=False)
    typer.echo(f"{finding.check:<18} {printable(finding.text)}")
    if finding.remedy and finding.health != "ok":
        typer.echo(f"{'':<5}{'':<18} -> {printable(finding.remedy)}")
