"""How long a plan would take on one worker of a class; what that would cost is in ``quote``.

The engines of a host work side by side, and the slowest sets the pace::

    CPU   decode ─ tone-map ─ scale ─┐            (x264 too, where that encodes)
    GPU                              └─ encode    (all of it, by recipe nvenc/A)

    encode_s = the longer of the two;   busy_s = encode_s + audio_s

Waiting in the queue, bringing the source to the host and publishing are not in
it.  A job's chunks may be spread over several workers: that divides the time,
not the cost.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rugbytx.core.fleet.worker_class import Evidence, Figure, HostFigures, WorkerClass
from rugbytx.core.lease.unit import Kind, State, Unit
from rugbytx.core.plan import encoder_recipe
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe, Way
from rugbytx.core.plan.plan import Plan

_ON_CPU = frozenset({Recipe.NVENC_B, Recipe.NVENC_C, Recipe.NVMPI, Recipe.X264})
_SCALED_ON_CPU = frozenset({Recipe.NVENC_C, Recipe.NVMPI, Recipe.X264})


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What finished chunks of one class and recipe say."""

    px_per_s: float
    chunks: int


#: By class and recipe.
Observations = Mapping[tuple[WorkerClass, Recipe], Observed]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How long one worker would be at a whole plan."""

    host: HostFigures
    way: Way
    encode_s: float
    audio_s: float
    #: Which engine sets the pace: ``gpu`` or ``cpu``, or empty where the speed was measured as a whole.
    narrowest: str
    #: What the encoding time rests on.
    speed: Figure

    @property
    def busy_s(self) -> float:
        """Return how long the worker is at it."""
        return self.encode_s + self.audio_s


def decide(
    plan: Plan, host: HostFigures, *, is_bt709: bool, observed: Observations | None = None
) -> Forecast:
    """Return the forecast for one class.

    What finished chunks of the same class and recipe measured goes before what
    is assumed.  ``is_bt709`` is as for ``encoder.first``.
    """
    observations = observed or {}
    family = _usual_family(host, observations)
    # A plan of one chunk is its own last; otherwise one chunk in many is not worth telling.
    is_last = plan.grid.chunks == 1
    way = encoder_recipe.first(family, plan.media.video, plan.renditions, is_bt709=is_bt709, is_last=is_last)
    encode_s, narrowest, speed = _encode(plan, host, way.recipe, observations)
    audio_s = float(plan.grid.duration_s) / host.cpu.audio_s_per_s.value if plan.audio else 0.0
    return Forecast(host=host, way=way, encode_s=encode_s, audio_s=audio_s, narrowest=narrowest, speed=speed)


def observe(jobs: Iterable[tuple[Plan, Sequence[Unit]]]) -> Observations:
    """Return how fast the finished chunks of some jobs were encoded, by class and recipe.

    The median, because a neighbour's load or a cold disk spoils single chunks.
    """
    speeds_px_per_s: defaultdict[tuple[WorkerClass, Recipe], list[float]] = defaultdict(list)
    for plan, units in jobs:
        for unit in units:
            measured = unit.measured
            is_chunk = unit.state is State.DONE and unit.key.kind is Kind.VIDEO
            if (
                is_chunk
                and measured.worker_class
                and measured.encode_s > 0
                and measured.encoder in set(Recipe)
            ):
                speed = measured.frames * frame_px(plan) / measured.encode_s
                speeds_px_per_s[measured.worker_class, Recipe(measured.encoder)].append(speed)
    return {
        key: Observed(px_per_s=median(speeds), chunks=len(speeds)) for key, speeds in speeds_px_per_s.items()
    }


def frame_px(plan: Plan) -> float:
    """Return the pixels that one frame of the grid has in all renditions together, on average."""
    return sum(rendition.width * rendition.height / rendition.frame_step for rendition in plan.renditions)


def work_px(plan: Plan) -> float:
    """Return the pixels of all frames in all renditions together."""
    return frame_px(plan) * plan.grid.frames


def source_px(plan: Plan) -> float:
    """Return the pixels that are decoded: all of the source's frames, also those that the grid drops."""
    video = plan.media.video
    return float(video.width * video.height * video.average_rate * plan.media.end_s)


def _usual_family(host: HostFigures, observed: Observations) -> Family:
    """Return the family that most of the class's finished chunks came from, or else the class's own."""
    counts: Counter[Family] = Counter()
    for (name, recipe), observation in observed.items():
        if name == host.worker_class:
            counts[recipe.family] += observation.chunks
    return counts.most_common(1)[0][0] if counts else host.family


def _encode(
    plan: Plan, host: HostFigures, recipe: Recipe, observed: Observations
) -> tuple[float, str, Figure]:
    """Return how long encoding takes, which engine sets the pace, and what that rests on."""
    made_px = work_px(plan)
    observation = observed.get((host.worker_class, recipe))
    if observation:
        source = f"{observation.chunks} finished chunks of class {host.worker_class} by {recipe}"
        return (
            made_px / observation.px_per_s,
            "",
            Figure(value=observation.px_per_s, evidence=Evidence.MEASURED, source=source),
        )
    cpu = host.cpu
    cpu_s = 0.0
    if recipe in _ON_CPU:
        cpu_s += source_px(plan) / cpu.decode_px_per_s.value
        if encoder_recipe.is_hdr(plan.media.video):
            cpu_s += source_px(plan) / cpu.tone_map_px_per_s.value
    if recipe in _SCALED_ON_CPU:
        cpu_s += made_px / cpu.scale_px_per_s.value
    if recipe is Recipe.X264:
        return cpu_s + made_px / cpu.x264_px_per_s.value, "cpu", cpu.x264_px_per_s
    gpu_s = made_px / host.gpu_px_per_s.value
    if cpu_s > gpu_s:
        is_hdr = encoder_recipe.is_hdr(plan.media.video)
        return cpu_s, "cpu", cpu.tone_map_px_per_s if is_hdr else cpu.decode_px_per_s
    return gpu_s, "gpu", host.gpu_px_per_s
