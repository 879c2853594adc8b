"""`rugbytx whatif`: what the past would have cost and taken under other settings."""

from pathlib import Path
from typing import Annotated

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.system.simulate import AsJson, Html, Prices, Runs, Seed, Sets, answer, cases_of


def whatif(  # noqa: PLR0913  options are arguments
    *,
    report: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="What `rugbytx report --export FILE.json` wrote.")
    ],
    policy: Annotated[list[str] | None, typer.Option("--policy", help="A policy; again for another.")] = None,
    deadline: Annotated[
        float,
        typer.Option(
            parser=duration.option, metavar="DURATION", help="Each job's deadline after its upload."
        ),
    ] = "1h",  # type: ignore[assignment]  # the parser makes it seconds
    runs: Runs = 1,
    seed: Seed = 1,
    sets: Sets = None,
    prices: Prices = None,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Simulate the uploads of a report as they came, under the policies and settings that are asked for.

    Each upload is taken as a match, half a match or a clip, whichever is nearest.
    """
    from rugbytx.sim.input import history

    answer(
        cases_of(history.scenario(report, deadline_s=deadline), policy, sets, prices, seed),
        runs,
        as_json=as_json,
        html=html,
    )
