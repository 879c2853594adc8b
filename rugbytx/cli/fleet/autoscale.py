"""`rugbytx autoscale`: decide how many AWS workers there are, every few seconds or once."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.output import emit, remark, say

if TYPE_CHECKING:
    from rugbytx.core.scaling.decision_record import Recorded


def autoscale(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Decide once and end.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show facts, decision and reason, and do nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each decision with its facts: one line of JSON.")
    ] = False,
) -> None:
    """Decide how many AWS workers are wanted, set the fleet, send assists, run the sweep.

    What --json prints `rugbytx replay` decides again.
    """
    import threading

    from rugbytx import logs
    from rugbytx.autoscaler import Autoscaler, name
    from rugbytx.cli.shared.connection import connection, fleet
    from rugbytx.notify.notifier import can_deliver, notifier_of

    system = connection(context)
    autoscaler = Autoscaler(
        store=system.store,
        queue=system.queue,
        storage=system.storage,
        fleet=fleet(system),
        settings=system.settings,
    )
    if explain:
        _show(autoscaler.decide(), as_json=as_json)
        return
    logs.set_up("INFO", None, stream=sys.stderr)
    notifier = notifier_of(system.settings, system.store) if can_deliver(system.settings) else None
    if once:
        recorded = autoscaler.once(name())
        if notifier:
            notifier.once(name())
        if recorded is None:
            remark("another autoscaler decides at the moment")
        else:
            _show(recorded, as_json=as_json)
        return
    if notifier:
        notifier.start(owner=name())
    autoscaler.run(
        name(),
        until=threading.Event(),
        on_decision=lambda recorded: _print_decision(recorded, as_json=as_json),
    )


def _print_decision(recorded: "Recorded", *, as_json: bool) -> None:
    from rugbytx.cli.shared.job_view import local_time
    from rugbytx.core.scaling import decision_record

    if as_json:
        say(decision_record.to_json(recorded))
        return
    decision = recorded.decision
    say(
        f"{local_time(recorded.facts.now)}  desired {decision.desired} (busy {decision.busy}, "
        f"wanted {decision.wanted})  {decision.reason}"
        + "".join(f"  assist {assist.job_id} +{assist.count}" for assist in decision.assists)
        + "".join(f"  ALARM {alarm}" for alarm in decision.alarms)
    )


def _show(recorded: "Recorded", *, as_json: bool) -> None:
    from rugbytx.core.scaling import decision_record, decision_text

    if as_json:
        say(decision_record.to_json(recorded))
        return
    for line in decision_text.lines(recorded):
        say(line)


def replay(
    path: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="Lines of `rugbytx autoscale --json`, or a log of one."),
    ],
) -> None:
    """Decide recorded facts again and print what would be decided otherwise by this version.

    Ends with 1 where anything would, and with 2 for a line that is no decision.
    """
    from rugbytx.cli.shared.exit import Code
    from rugbytx.core.scaling import decision_record

    changed, count = 0, 0
    for number, line in enumerate(path, start=1):
        text = _recorded_in(line)
        if not text:
            continue
        try:
            recorded = decision_record.from_json(text)
        except ValueError as error:
            raise typer.BadParameter(f"line {number} is no recorded decision of this version") from error
        count += 1
        differences = list(decision_record.differences(recorded))
        changed += bool(differences)
        for difference in differences:
            emit({"line": number, "at": recorded.facts.now, "difference": difference})
    remark(f"{count} decisions, {changed} of which would be others")
    if changed:
        raise typer.Exit(Code.JOB_FAILED)


def _recorded_in(line: str) -> str:
    """Return the decision in a line: the line itself, or the field of a log's event."""
    import json

    if not line.strip():
        return ""
    try:
        value = json.loads(line)
    except ValueError:
        return line
    if isinstance(value, dict) and "event" in value:
        return str(value.get("recorded", ""))
    return line
