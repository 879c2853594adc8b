"""`rugbytx simulate`: a day of uploads under the policies, without paying for it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from rugbytx.cli.shared.output import console, remark, say
from rugbytx.errors import SettingsError

if TYPE_CHECKING:
    from rich.table import Table

    from rugbytx.sim.report.outcome import Bound, Mean, Outcome
    from rugbytx.sim.simulation import Case

#: Figures of other policies are read from one day; of ours, which are drawn, from as many as are asked for.
DEFAULT_POLICIES = ("deadline", "fastest", "cheapest")


class Simulations(TyperGroup):
    """The commands below; what is none of them is a scenario for ``run``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` before a scenario's name."""
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


simulate = typer.Typer(
    cls=Simulations,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Try policies on a day of uploads: `rugbytx simulate SCENARIO`, `simulate compare`, `sweep`, `list`.",
)

Scenario = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A name from `simulate list`, or a .toml file.")
]
Runs = Annotated[int, typer.Option(min=1, max=10_000, help="Days to draw; figures are their means.")]
Seed = Annotated[int, typer.Option(help="The first day's seed: the same seed is the same day.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change a figure of the world or a setting of the policy."
    ),
]
Prices = Annotated[
    Path | None,
    typer.Option("--prices", exists=True, dir_okay=False, help="A price list in place of the built-in one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object for each run.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report for a browser.")]


@simulate.command("run", hidden=True)
def run_scenario(  # noqa: PLR0913  options are arguments
    scenario: Scenario,
    *,
    policy: Annotated[list[str] | None, typer.Option("--policy", help="A policy; again for another.")] = None,
    runs: Runs = 1,
    seed: Seed = 1,
    sets: Sets = None,
    prices: Prices = None,
    jobs: Annotated[bool, typer.Option("--jobs", help="Show each upload of the first day too.")] = False,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Try a scenario under one policy or several; ours in its three modes if none is named."""
    cases = _cases(scenario, policy, sets, prices, seed)
    _answer(cases, runs, as_json=as_json, html=html)
    if jobs:
        _show_jobs(cases, as_json=as_json)


@simulate.command("compare")
def compare(  # noqa: PLR0913  options are arguments
    scenario: Scenario,
    *,
    runs: Runs = 1,
    seed: Seed = 1,
    sets: Sets = None,
    prices: Prices = None,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Try a scenario under every policy, side by side, with the best that any could do."""
    from rugbytx.sim.input.policy import POLICIES

    _answer(_cases(scenario, list(POLICIES), sets, prices, seed), runs, as_json=as_json, html=html)


@simulate.command("sweep")
def sweep(  # noqa: PLR0913  options are arguments
    scenario: Scenario,
    *,
    vary: Annotated[
        str, typer.Option(metavar="NAME=V1,V2,...", help="The figure or setting to vary, and its values.")
    ],
    policy: Annotated[str, typer.Option("--policy", help="The policy.")] = "deadline",
    runs: Runs = 5,
    seed: Seed = 1,
    sets: Sets = None,
    prices: Prices = None,
    as_json: AsJson = False,
) -> None:
    """Try a scenario under one policy with several values of one figure or setting."""
    name, values = _pair(vary)
    listed = [value for value in values.split(",") if value]
    cases = [
        case
        for value in listed
        for case in _cases(scenario, [policy], [*(sets or []), f"{name}={value}"], prices, seed)
    ]
    outcomes, means = _run(cases, runs)
    if as_json:
        for index, outcome in enumerate(outcomes):
            say(json.dumps({name: listed[index // runs], **outcome.as_json()}))
        return
    table = _columns(name)
    for value, mean in zip(listed, means, strict=True):
        _add(table, value, mean)
    console().print(table)


@simulate.command("list")
def list_all() -> None:
    """List the scenarios, the policies, and what `--set` can change."""
    from dataclasses import fields

    from rugbytx.settings import Settings
    from rugbytx.sim.input import scenario
    from rugbytx.sim.input.assumptions import Figures
    from rugbytx.sim.input.policy import HEEDED, POLICIES, FleetPolicy

    for name in scenario.names():
        say(f"scenario  {name:20} {scenario.load(name).title}")
    for policy in POLICIES.values():
        say(f"policy    {policy.name:20} {policy.says}")
    values = {
        field.name: getattr(value, field.name)
        for value in (Figures(), FleetPolicy())
        for field in fields(value)
    }
    values |= {name: getattr(Settings(), name) for name in sorted(HEEDED)}
    for name, value in values.items():
        if name not in {"name", "says", "settings"}:
            say(f"setting   {name:20} {value}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise SettingsError(f"{text!r} is no NAME=VALUE")
    return name.strip().replace("-", "_"), value.strip()


def _cases(
    scenario: str, policies: Sequence[str] | None, sets: Sequence[str] | None, own: Path | None, seed: int
) -> "list[Case]":
    """Return a scenario under each policy, ours in three modes if none is named; raises SettingsError."""
    from rugbytx import prices as price_list
    from rugbytx.sim import batch
    from rugbytx.sim.input import policy
    from rugbytx.sim.input import scenario as scenarios

    days = scenarios.load(scenario)
    prices = price_list.load(own)
    changes = dict(_pair(assignment) for assignment in sets or [])
    names = policies or DEFAULT_POLICIES
    return [batch.case_of(days, policy.of(name), prices, changes, seed=seed) for name in names]


def _run(cases: "Sequence[Case]", runs: int) -> "tuple[list[Outcome], list[Mean]]":
    """Run each case under so many seeds on all cores, showing on stderr how far it is."""
    from rich.progress import Progress

    from rugbytx.sim import batch

    drawn = [day for case in cases for day in batch.seeds(case, runs)]
    with Progress(console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("days", total=len(drawn))
        outcomes = list(
            batch.run_all(
                drawn, on_part=lambda done, total: progress.update(task, completed=done, total=total)
            )
        )
    return outcomes, batch.means(outcomes, runs)


def _answer(cases: "Sequence[Case]", runs: int, *, as_json: bool, html: Path | None) -> None:
    """Run the cases and show what they come to."""
    from rugbytx.sim.report.outcome import bound, mediaconvert_usd

    outcomes, means = _run(cases, runs)
    best = bound(cases[0])
    if as_json:
        for outcome in outcomes:
            say(json.dumps(outcome.as_json()))
    else:
        table = _columns("policy")
        for mean in means:
            _add(table, mean.policy, mean)
        console().print(table)
        say(_sentence(best, mediaconvert_usd(cases[0])))
    cpu_s = sum(outcome.cpu_s for outcome in outcomes)
    events = sum(outcome.events for outcome in outcomes)
    speed = f", {events / cpu_s:,.0f} a second of processor time" if cpu_s > 0 else ""
    remark(f"{len(outcomes)} runs, {events:,} deliveries, units and scaling decisions{speed}")
    if html:
        from rugbytx.sim.report import page

        html.write_text(page.report(cases, means, best), encoding="utf-8")
        remark(f"report: {html}")


def _sentence(best: "Bound", mediaconvert_usd: float) -> str:
    atomic = f", {best.atomic_s / 60:.1f} min with whole jobs" if best.atomic_s is not None else ""
    return (
        f"lower bound: {best.fluid_s / 60:.1f} min{atomic}; AWS hosts that meet every deadline cost"
        f" ${best.usd:.3f} at least, ${best.usd_chunks:.3f} in chunks; MediaConvert would ask ${mediaconvert_usd:.2f}"
    )


def _columns(first: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first)
    for heading in ("min", "p50", "p95", "late", "never", "drained", "$", "busy", "cold", "idle", "egress"):
        table.add_column(heading, justify="right")
    for heading in ("twice", "wasted min", "killed at work", "Jetson h", "AWS h"):
        table.add_column(heading, justify="right")
    return table


def _add(table: "Table", name: str, mean: "Mean") -> None:
    """Add a policy's row: times in minutes, money in dollars."""
    kills = ", ".join(f"{count:.3g} {cause}" for cause, count in mean.kills().items())
    table.add_row(
        name,
        *(_minutes(mean.of(figure)) for figure in ("makespan_s", "p50_s", "p95_s")),
        *(f"{mean.of(figure):.3g}" for figure in ("missed", "never_finished")),
        f"{mean.drained}/{len(mean.runs)}",
        f"{mean.of('usd'):.3f}",
        *(f"{mean.of(figure):.3f}" for figure in ("usd_busy", "usd_cold", "usd_idle", "usd_egress")),
        f"{mean.of('duplicates'):.3g}",
        f"{mean.of('wasted_s') / 60:.1f}",
        kills or "-",
        f"{mean.of('jetson_h'):.2f}",
        f"{mean.of('aws_h'):.2f}",
    )


def _minutes(seconds: float) -> str:
    return "never" if seconds == float("inf") else f"{seconds / 60:.1f}"


def _show_jobs(cases: "Sequence[Case]", *, as_json: bool) -> None:
    from rugbytx.sim import simulation
    from rugbytx.sim.report.outcome import job_rows

    for case in cases:
        for row in job_rows(simulation.run(case)):
            say(json.dumps(row) if as_json else _job_line(row))


def _job_line(row: dict[str, Any]) -> str:
    done = "never" if row["done_s"] is None else f"{row['done_s'] / 60:.1f}"
    late = " late" if row["is_late"] else ""
    return (
        f"{row['policy']:20} {row['job']:4} {row['size']:6} at {row['at_s'] / 60:7.1f}"
        f" done {done:>7} by {row['done_by'] or '-'}{late}"
    )
