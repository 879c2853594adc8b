"""Samples of a published job, held against its source: where to look, and what the scores mean.

Looking is never in anybody's way: it is done by the lane that published, while
the source still lies on its disk, only if no message waits, and for a bounded
time.  A look that was left out or cut off is not made up for, because that
would mean downloading the source again.

::

    start      joins (some)            splices (all)      places by chance
    |-------|       |-----|-----|-----|                        |-------|
                      before  join  after: a bad join is worse than both its neighbours

Scores alone are not enough: a chunk that is some frames late is as bad before as
behind the middle of its window, and where little moves it is hardly worse at all.
So small pictures of both sides are compared too (``core.pairing``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rugbytx.core.lease.result import Metric, Quality, QualitySample, WindowReason
from rugbytx.core.lease.unit import CHECK, State, Unit, UnitKey
from rugbytx.core.plan.plan import Grid, Plan
from rugbytx.core.verify import frame_pairing
from rugbytx.core.verify.frame_pairing import Pair
from rugbytx.core.verify.sample_windows import Window


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What gives an alarm."""

    #: A window whose mean is below this shows other frames than the source, or next to nothing of them.
    floor: float
    #: A join may be so much below the worse of its neighbours.
    dip: float
    #: A join's worst frame may be so much below the worst of its neighbours: each begins with a keyframe.
    fall: float


BOUNDS: Mapping[Metric, Bounds] = {
    Metric.VMAF: Bounds(floor=40.0, dip=10.0, fall=40.0),
    Metric.SSIM: Bounds(floor=0.8, dip=0.03, fall=0.15),
}


@dataclass(frozen=True, kw_only=True)
class SamplingDecision:
    """Whether to sample the quality, and why."""

    samples: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a comparison gave: a score for each frame, in order, and small pictures of both sides."""

    metric: Metric
    values: tuple[float, ...]
    #: For each frame; empty where none were made.
    pairs: tuple[Pair, ...] = ()


def decide(
    units: Mapping[UnitKey, Unit], *, has_source: bool, waiting: int, budget_s: float
) -> SamplingDecision:
    """Return whether the lane that has just published samples the quality of what it published."""
    if budget_s <= 0:
        return SamplingDecision(samples=False, reason="not-wanted")
    if CHECK in units:
        return SamplingDecision(samples=False, reason="looked-before")
    if waiting:
        return SamplingDecision(samples=False, reason="other-work-waits")
    if not has_source:
        return SamplingDecision(samples=False, reason="source-not-here")
    return SamplingDecision(samples=True, reason="published")


def judge(
    plan: Plan, looked: Sequence[tuple[Window, Scores]], *, job_id: str, generation: int, left_out: int
) -> Quality:
    """Return what the scores say; ``looked`` holds at least one window."""
    samples = tuple(_sample(plan.grid, window, scores) for window, scores in looked)
    metric = looked[0][1].metric
    worst = min(samples, key=lambda sample: sample.mean)
    values = [value for _, scores in looked for value in scores.values]
    return Quality(
        job_id=job_id,
        generation=generation,
        metric=metric,
        rendition=plan.renditions[0].name,
        samples=samples,
        left_out=left_out,
        mean=round(_mean(values), 5),
        worst=worst.mean,
        worst_at_s=worst.at_s,
        alarms=tuple(_alarms(samples, BOUNDS[metric], metric)),
    )


def quality_of(units: Mapping[UnitKey, Unit]) -> Quality | None:
    """Return what the samples said, or None where nobody looked."""
    unit = units.get(CHECK)
    if unit is None or unit.state is not State.DONE:
        return None
    result = unit.result
    return result if isinstance(result, Quality) else None


def _sample(grid: Grid, window: Window, scores: Scores) -> QualitySample:
    values, pairs = scores.values, scores.pairs
    own, beside, worst_beside = values, None, None
    is_join = window.place in {WindowReason.JOIN, WindowReason.SPLICE} and len(values) >= 3
    if is_join:
        third = len(values) // 3
        own = values[third : len(values) - third]
        before, after = values[:third], values[len(values) - third :]
        beside, worst_beside = round(min(_mean(before), _mean(after)), 5), round(min(*before, *after), 5)
    middle = len(pairs) // 2 if is_join else 0
    most = min(round(grid.rate), len(pairs) // 4)
    return QualitySample(
        place=window.place,
        first_frame=window.frames.start,
        frames=len(values),
        at_s=round(float(Fraction(window.frames.start + len(values) // 2) / grid.rate), 3),
        mean=round(_mean(own), 5),
        worst=round(min(own), 5),
        beside=beside,
        worst_beside=worst_beside,
        late=frame_pairing.lateness(pairs, range(middle, len(pairs)), most=most),
        late_before=frame_pairing.lateness(pairs, range(middle), most=most),
        strangest=round(max((pair.difference for pair in pairs), default=0.0), 2),
    )


def _alarms(samples: Sequence[QualitySample], bounds: Bounds, metric: Metric) -> Iterator[str]:
    """Yield a sentence for each sample that is bad: the first thing that is wrong with it."""
    for sample in samples:
        where = f"the {sample.place} at {sample.at_s:g} s"
        if sample.mean < bounds.floor:
            yield f"{where} has {metric} {sample.mean:g}, below {bounds.floor:g}"
        elif sample.beside is not None and sample.mean < sample.beside - bounds.dip:
            yield f"{where} has {metric} {sample.mean:g}, and beside it are {sample.beside:g}"
        elif sample.worst_beside is not None and sample.worst < sample.worst_beside - bounds.fall:
            yield (
                f"{where} has a frame of {metric} {sample.worst:g}, and the worst beside it has {sample.worst_beside:g}"
            )
        elif sample.strangest > frame_pairing.STRANGE:
            yield f"{where} has a frame that is {sample.strangest:g} grey levels off the source's"
        yield from _misplaced(sample, where)


def _misplaced(sample: QualitySample, where: str) -> Iterator[str]:
    """Yield where the source's frames stand in other places than their own."""
    behind = " behind it" if sample.beside is not None else ""
    for late, side in ((sample.late_before, " before it"), (sample.late, behind)):
        if late:
            yield f"{where} shows the source's frames{side} {abs(late)} too {'late' if late > 0 else 'early'}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
