"""The report for a browser: one file, with every figure in it and nothing from elsewhere."""

from collections.abc import Sequence
from html import escape

from rugbytx.sim import simulation
from rugbytx.sim.report import chart
from rugbytx.sim.report.chart import COLOURS, GREY, Bar, Dot, StepLine
from rugbytx.sim.report.outcome import Bound, Mean
from rugbytx.sim.simulation import Case, Run

#: More rows and bars than these tell nobody anything; the figures above them count all.
MOST_BARS = 4000
MOST_ROWS = 40
PARTS = (
    ("busy", COLOURS[0]),
    ("cold start", COLOURS[4]),
    ("idle", COLOURS[1]),
    ("egress", COLOURS[3]),
    ("requests", COLOURS[6]),
)

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%;font-size:13px}
th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child,td.left{text-align:left}
svg{width:100%;height:auto;display:block;margin:.5rem 0}
svg text{font:11px system-ui,sans-serif;fill:currentColor}
.legend span{margin-right:1.2rem;white-space:nowrap}.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
.scroll{overflow-x:auto}h2{margin-top:2.2rem}small{opacity:.75}
"""
_HATCH = (
    '<svg width="0" height="0" aria-hidden="true" style="position:absolute"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="3" height="6" fill="#0008"/></pattern></defs></svg>'
)


def report(cases: Sequence[Case], means: Sequence[Mean], best: Bound) -> str:
    """Return the page: the figures of all policies, and the first day's timeline under each."""
    scenario = cases[0].scenario
    runs = len(means[0].runs)
    days = "one day" if runs == 1 else f"{runs} days, means of them"
    parts = [
        f"<h1>{escape(scenario.title)}</h1>",
        (
            f"<p>{escape(scenario.says)} Scenario <code>{escape(scenario.name)}</code>, {days}; prices of"
            f" {escape(cases[0].prices.region)}, {escape(cases[0].prices.as_of)}. Simulated, not measured.</p>"
        ),
        _HATCH,
        "<h2>Cost against time</h2>",
        (
            "<p>Dashed: the least that AWS hosts can cost with whole jobs, by anybody who knows the future."
            f" Cut into chunks the work takes {best.fluid_s / 60:.1f} min at least, and hosts that meet every"
            f" deadline cost ${best.usd:.3f} at least.</p>"
        ),
        _frontier(means, best),
        "<h2>What it costs</h2>",
        chart.stacked([(mean.policy, _costs(mean)) for mean in means], PARTS, label="cost by policy"),
        "<h2>All figures</h2>",
        _table(means),
    ]
    for case in cases:
        parts += _timeline(simulation.run(case))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(scenario.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _costs(mean: Mean) -> list[float]:
    return [mean.of(name) for name in ("usd_busy", "usd_cold", "usd_idle", "usd_egress", "usd_requests")]


def _frontier(means: Sequence[Mean], best: Bound) -> str:
    dots = [
        Dot(
            name=mean.policy,
            x=mean.of("makespan_s") / 60,
            y=mean.of("usd_hosts"),
            colour=COLOURS[index % len(COLOURS)],
        )
        for index, mean in enumerate(means)
        if mean.of("makespan_s") < float("inf")
    ]
    line = [(point.makespan_s / 60, point.usd) for point in best.frontier]
    line = line or [(best.fluid_s / 60, 0.0)]
    return chart.plane(
        dots, line, label="cost against time", x_title="min to the last end", y_title="$ for AWS hosts"
    )


def _table(means: Sequence[Mean]) -> str:
    heads = (
        "policy",
        "min",
        "p50",
        "p95",
        "late",
        "never",
        "drained",
        "$",
        "twice",
        "wasted min",
        "killed at work",
    )
    rows = []
    for mean in means:
        makespan_s = mean.of("makespan_s")
        kills = ", ".join(f"{count:.3g} {cause}" for cause, count in mean.kills().items()) or "-"
        cells = (
            mean.policy,
            "never" if makespan_s == float("inf") else f"{makespan_s / 60:.1f}",
            *(_minutes(mean.of(name)) for name in ("p50_s", "p95_s")),
            f"{mean.of('missed'):.3g}",
            f"{mean.of('never_finished'):.3g}",
            f"{mean.drained}/{len(mean.runs)}",
            f"{mean.of('usd'):.3f}",
            f"{mean.of('duplicates'):.3g}",
            f"{mean.of('wasted_s') / 60:.1f}",
            kills,
        )
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _minutes(seconds: float) -> str:
    return "never" if seconds == float("inf") else f"{seconds / 60:.1f}"


def _timeline(run: Run) -> list[str]:
    """Return the workers, the queue and the fleet of one day under one policy."""
    policy, book = run.case.policy, run.book
    end = max([run.ended_at / 60, *(span.end / 60 for span in book.spans)])
    bars = [
        Bar(
            row=span.worker,
            start=span.start / 60,
            end=span.end / 60,
            colour=GREY if span.job < 0 else COLOURS[span.job % len(COLOURS)],
            title=_title(span.job, span.start, span.end, is_wasted=span.is_wasted),
            is_hatched=span.is_wasted,
        )
        for span in sorted(
            book.spans, key=lambda span: (span.worker != simulation.JETSON_NAME, span.worker, span.start)
        )
    ]
    counts = [
        StepLine(
            name=name,
            colour=colour,
            points=[(sample.at / 60, getattr(sample, field)) for sample in book.samples],
        )
        for name, field, colour in (
            ("visible messages", "visible", COLOURS[0]),
            ("in flight", "in_flight", COLOURS[4]),
            ("desired tasks", "desired", COLOURS[5]),
            ("running tasks", "running", COLOURS[2]),
        )
    ]
    shown = f"; the first {MOST_BARS} of {len(bars)} spells are drawn" if len(bars) > MOST_BARS else ""
    parts = [
        (
            f"<h2>{escape(policy.name)}</h2><p>{escape(policy.says)}. Grey: starting, waiting; hatched: came to"
            f" nothing{shown}.</p>"
        ),
        chart.gantt(bars[:MOST_BARS], end=end, label=f"workers under {policy.name}"),
        chart.gantt(_messages(run)[:MOST_BARS], end=end, label=f"uploads under {policy.name}"),
        chart.steps(counts, end=end, label=f"queue and fleet under {policy.name}"),
    ]
    if book.said:
        lines = "".join(
            f"<tr><td>{decision.at / 60:.1f}</td><td>{decision.desired}</td><td>{decision.wanted}</td>"
            f'<td class="left">{escape(decision.reason)}</td></tr>'
            for decision in book.said[:200]
        )
        parts.append(
            "<details><summary>Scaling decisions</summary><table><tr><th>min</th><th>desired</th><th>wanted</th>"
            f'<th style="text-align:left">reason</th></tr>{lines}</table></details>'
        )
    return parts


def _messages(run: Run) -> list[Bar]:
    """Return each upload's row: waiting, and who was at it."""
    book, bars = run.book, []
    for ticket in book.tickets[:MOST_ROWS]:
        started_at = run.ended_at if ticket.started_at is None else ticket.started_at
        row = f"upload {ticket.number}"
        waits = f"upload {ticket.number} waits {(started_at - ticket.at) / 60:.1f} min"
        bars.append(Bar(row=row, start=ticket.at / 60, end=started_at / 60, colour=GREY, title=waits))
    workers = list(dict.fromkeys(span.worker for span in book.spans))
    for span in book.spans:
        if 0 <= span.job < MOST_ROWS:
            colour = COLOURS[workers.index(span.worker) % len(COLOURS)]
            title = f"{span.worker}, {_title(span.job, span.start, span.end, is_wasted=span.is_wasted)}"
            row = f"upload {span.job}"
            start, end = span.start / 60, span.end / 60
            bars.append(
                Bar(row=row, start=start, end=end, colour=colour, title=title, is_hatched=span.is_wasted)
            )
    return bars


def _title(job: int, start: float, end: float, *, is_wasted: bool) -> str:
    what = "cold start" if job < 0 else f"upload {job}"
    lost = ", came to nothing" if is_wasted else ""
    return f"{what}: {start / 60:.1f} to {end / 60:.1f} min{lost}"
