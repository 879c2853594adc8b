"""docs/reference/scenarios.md: the note held against simulated days, as a run of all of them gives it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rugbytx import prices
from rugbytx.sim import batch
from rugbytx.sim.input import policy, scenario
from rugbytx.sim.report.outcome import Mean, bound, mediaconvert_usd
from rugbytx.sim.simulation import Case
from tests.sim.claims import claims
from tests.sim.note import SCENARIOS, Told

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md"
RUNS = 10
MONTHS = 3
#: Chunks under the policies that need no deadline to be told apart.
SHOWN = ("note-current", "note-recommended", "note-heartbeat", "note-protected", "note-steps")
SHOWN_OURS = (
    "tracking-in-flight",
    "deadline",
    "fastest",
    "cheapest",
    "deadline-provider",
    "fastest-provider",
    "jetson-only",
    "aws-only",
)
TROUBLES = ("jetson-down", "jetson-dies", "deploy", "spot-storm", "match-day")

HEAD = """# The note's scenarios, simulated

[The note](../origin/note.md) is the paper that this project began from. Written by `scripts/simulate`; do not edit. Everything here was **simulated, nothing was measured on AWS or on a
Jetson**: the world follows AWS's documents, and `tests/sim` names the source of each rule. Service times are the note's
(35 minutes on the Jetson, 25 on a g4dn.xlarge, for a match of 4 GB), ten percent spread; a host starts in 3 minutes.
Prices are those of {region}, {as_of}. Figures are means over {runs} seeds.

*min*: from the first upload to the last end. *twice*: starts of what was done or under way already. *killed*: tasks
stopped while they worked. *drained*: seeds in which everything was done and the queue was empty within eight hours.
*$*: AWS hosts from launch to end, egress beyond 100 GB a month, requests. The note's policies,
`tracking-in-flight` and the two `-provider` rows have an ECS capacity provider, which starts two hosts from none and
keeps an empty one for 15 minutes: that is what `deploy/aws` makes. In our other rows a host ends with its task, which
that template cannot do yet.

The lower bound knows the future and needs no time to notice anything. *Whole jobs*: a match stays on one host. *Chunks*:
work flows like a fluid through all hosts.
"""


def table(means: Sequence[Mean]) -> Iterator[str]:
    """Yield a table of policies."""
    yield "| policy | min | p95 | late | twice | wasted min | killed | drained | $ | busy | cold | idle | egress |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for mean in means:
        yield row(mean)


def row(mean: Mean) -> str:
    """Return one policy's row."""
    kills = ", ".join(f"{count:.1f} {cause}" for cause, count in mean.kills().items()) or "0"
    cells = (
        mean.policy,
        minutes(mean.of("makespan_s")),
        minutes(mean.of("p95_s")),
        f"{mean.of('missed'):.1f}",
        f"{mean.of('duplicates'):.1f}",
        f"{mean.of('wasted_s') / 60:.0f}",
        kills,
        f"{mean.drained} of {len(mean.runs)}",
        *(f"{mean.of(name):.2f}" for name in ("usd", "usd_busy", "usd_cold", "usd_idle", "usd_egress")),
    )
    return "| " + " | ".join(cells) + " |"


def minutes(seconds: float) -> str:
    """Return seconds in minutes."""
    return "never" if seconds == float("inf") else f"{seconds / 60:.1f}"


def cases_of(name: str, policies: Sequence[str], **changes: str) -> list[Case]:
    """Return a scenario's cases."""
    found, list_prices = scenario.load(name), prices.load()
    return [batch.case_of(found, policy.of(one), list_prices, changes) for one in policies]


def simulate(cases: Sequence[Case], runs: int) -> list[Mean]:
    """Return the means of each case under so many seeds."""
    drawn = [one for case in cases for one in batch.seeds(case, runs)]
    return batch.means(list(batch.run_all(drawn)), runs)


def bounds(case: Case) -> str:
    """Return a sentence of the scenario's lower bounds."""
    best, late = bound(case), bound(case, detect_s=120.0)
    trades = ", ".join(f"{point.makespan_s / 60:.0f} min ${point.usd:.2f}" for point in best.frontier)
    whole = f" Whole jobs: {trades}." if trades else ""
    return (
        f"Lower bound in chunks: {best.fluid_s / 60:.1f} min, {late.fluid_s / 60:.1f} with two minutes to notice;"
        f" hosts that meet every deadline of an hour: ${best.usd:.2f},"
        f" ${best.usd_chunks:.2f} with the half second that each chunk costs besides.{whole}"
        f" MediaConvert would ask ${mediaconvert_usd(case):.2f}."
    )


def told(one: Told, means: Sequence[Mean]) -> Iterator[str]:
    """Yield a scenario of the note."""
    yield f"\n## {one.heading}\n"
    yield f"The note: *{one.timeline}* {one.end_min:g} min, ${one.usd:.2f}.\n"
    yield from table(means)
    yield f"\n{bounds(cases_of(one.scenario, ['deadline'])[0])}"


def month() -> Iterator[str]:
    """Yield the month worked out."""
    listed = prices.load()
    yield "\n## The month: $5-8 against $27?\n"
    yield (
        "About 50 matches, a third of them of half the length, and ten clips a day; a deadline of an hour. The mean of"
        f" {MONTHS} months. The Jetson fetches what it works on from S3:"
        f" ${listed.egress_gb.usd:g} a gigabyte beyond the account's free {listed.egress_free_gb_a_month:g} GB.\n"
    )
    yield "| how | $ | hosts | egress | late | p95 min | Jetson h | AWS h |"
    yield "|---|---|---|---|---|---|---|---|"
    ways: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("deadline, on-demand", "deadline", {}),
        ("deadline, Spot", "deadline", {"purchase": "spot"}),
        ("deadline, Spot, capacity provider", "deadline-provider", {"purchase": "spot"}),
        ("fastest, Spot", "fastest", {"purchase": "spot"}),
        ("Jetson only", "jetson-only", {}),
        ("AWS only, on-demand", "aws-only", {"mode": "deadline"}),
        ("AWS only, Spot", "aws-only", {"mode": "deadline", "purchase": "spot"}),
        ("the note's recommendation", "note-recommended", {}),
        ("and heartbeat and protection", "note-protected", {}),
    )
    for name, way, changes in ways:
        [mean] = simulate(cases_of("month", [way], **changes), MONTHS)
        yield (
            f"| {name} | {mean.of('usd'):.2f} | {mean.of('usd_hosts'):.2f} | {mean.of('usd_egress'):.2f}"
            f" | {mean.of('missed'):.1f} | {mean.of('p95_s') / 60:.1f}"
            f" | {mean.of('jetson_h'):.1f} | {mean.of('aws_h'):.1f} |"
        )
    asked = mediaconvert_usd(cases_of("month", ["deadline"])[0])
    yield f"| MediaConvert, by its list price | {asked:.2f} | | | | | | |"
    yield (
        "\nWhat the Jetson fetches from S3 is most of the bill: where its sources are on its own network, or come"
        " through a CDN whose first terabyte is free, the egress column is nothing. AWS alone pays a start for nearly"
        " every clip."
    )


def document() -> str:
    """Return the whole document."""
    list_prices = prices.load()
    lines = [HEAD.format(region=list_prices.region, as_of=list_prices.as_of, runs=RUNS)]
    found: dict[str, Mapping[str, Mean]] = {}
    for one in SCENARIOS:
        means = simulate(cases_of(one.scenario, [*SHOWN, *SHOWN_OURS]), RUNS)
        found[one.scenario] = {mean.policy: mean for mean in means}
        lines += told(one, means)
    lines.append(
        "\n## What goes wrong\n\nOurs, and the note's recommendation with its heartbeat and protection."
    )
    for name in TROUBLES:
        cases = cases_of(name, ["note-recommended", "note-protected", *policy.OURS])
        means = simulate(cases, RUNS)
        found[name] = {mean.policy: mean for mean in means}
        title = cases[0].scenario
        lines += [f"\n### {title.title}\n", f"{title.says}\n", *table(means)]
    lines += ["\n## The note's claims\n", *claims(found)]
    lines += month()
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.relative_to(Path.cwd())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
