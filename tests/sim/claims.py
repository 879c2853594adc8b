"""The note's claims, each confirmed or refuted by a figure."""

from collections.abc import Iterator, Mapping

from rugbytx.sim.report.outcome import Mean

Found = Mapping[str, Mapping[str, Mean]]


def claims(found: Found) -> Iterator[str]:
    """Yield a table: what the note says, whether it holds, and the figure."""
    yield "| the note says | | figure |"
    yield "|---|---|---|"
    for claim, holds, figure in _judged(found):
        yield f"| {claim} | {'holds' if holds else '**does not hold**'} | {figure} |"


def _judged(found: Found) -> Iterator[tuple[str, bool, str]]:
    three, six, twelve = found["three"], found["six"], found["twelve"]
    current, raised = three["note-current"], three["note-recommended"]
    yield (
        "The 300 s cooldown kills tasks at work",
        current.of("killed") > 0,
        f"{current.of('killed'):.1f} kills with three matches; what kills is AlarmLow's 15 minutes",
    )
    yield (
        "1500 s prevent mid-job terminations",
        raised.of("killed") == 0,
        (
            f"{raised.of('killed'):.1f} kills with 1500 s, {current.of('killed'):.1f} with 300 s:"
            " the cooldown counts from a scale-in that has completed"
        ),
    )
    yield (
        "Step scaling is more predictable",
        three["note-steps"].of("killed") == 0,
        f"{three['note-steps'].of('killed'):.1f} kills: depth 0 orders 0 while all are at work",
    )
    protected = three["note-protected"]
    yield (
        "Task protection is the alternative",
        protected.of("killed") == 0 and protected.drained == len(protected.runs),
        f"{protected.of('killed'):.1f} kills, with the heartbeat; it is the remedy, not the alternative",
    )
    one = found["one"]["note-recommended"]
    yield (
        "One match is done twice, which is acceptable",
        one.of("duplicates") > 0,
        f"{one.of('duplicates'):.1f} times, ${one.of('usd_hosts'):.2f}: one message never starts an AWS worker",
    )
    down = found["jetson-down"]["note-recommended"]
    yield (
        "AWS acts as backup of the Jetson",
        down.of("never_finished") == 0,
        f'with the Jetson off {down.of("never_finished"):.0f} of 1 upload is never served: the alarm is "> 1"',
    )
    yield (
        "Three matches: optimal, done at 35 min for $0.63",
        raised.drained == len(raised.runs),
        (
            f"last first output at {raised.of('makespan_s') / 60:.0f} min, drained in {raised.drained} of"
            f" {len(raised.runs)}, {raised.of('duplicates'):.0f} starts too many, ${raised.of('usd'):.2f} in eight hours"
        ),
    )
    yield (
        "Six matches: 53 min for $2.27",
        six["note-recommended"].drained > 0,
        (
            f"{six['note-recommended'].of('makespan_s') / 60:.0f} min and not drained; ours, fastest:"
            f" {six['fastest'].of('makespan_s') / 60:.0f} min for ${six['fastest'].of('usd'):.2f}"
        ),
    )
    fastest = twelve["fastest"]
    yield (
        "Twelve matches: all done at 85 min",
        fastest.of("makespan_s") <= 85 * 60,
        f"ours, fastest: {fastest.of('makespan_s') / 60:.0f} min; no policy can before 83 in chunks, 103 with whole jobs",
    )
    heartbeat = three["note-heartbeat"]
    yield (
        "A heartbeat can wait (optimize later)",
        heartbeat.drained < len(heartbeat.runs),
        f"without it {raised.drained}, with it {heartbeat.drained} of {len(heartbeat.runs)} days drain",
    )
    yield (
        "The Jetson costs nothing",
        False,
        "4 GB from S3 are $0.36 beyond 100 GB a month; a whole match on a cold g4dn.xlarge is $0.25, on Spot $0.10",
    )
