"""Our runner beside bare ffmpeg: what it costs to watch an encoder, and to check what it wrote."""

import subprocess
from pathlib import Path

from rugbytx import profiles
from rugbytx.core.job.job import Source
from rugbytx.core.plan import encoder_recipe, planner, thumbnails
from rugbytx.core.plan.plan import Plan
from rugbytx.media.encode import command_line
from rugbytx.media.process import ffmpeg, resource_limits
from rugbytx.media.transcoder import FfmpegMedia
from tests.bench import footage, turn
from tests.bench.figure import Figure, Result, ratios
from tests.bench.turn import Scale
from tests.pulse import FakePulse


def measure(folder: Path, scale: Scale) -> Result:
    """Run one chunk's command by our runner and bare, and once more with all that is done to a chunk."""
    footage.write_profiles(folder)
    source = footage.film(folder, scale.of(60, 2), size="640x360" if scale is Scale.FULL else "320x180")
    media = FfmpegMedia()
    media.family()  # the trial is a worker's, once, and not a chunk's
    plan = _plan(media, source, folder)
    places = {name: folder / name for name in ("runner", "chunk", "bare")}
    for place in places.values():
        place.mkdir()
    watched, bare = (_argv(plan, source, places[name]) for name in ("runner", "bare"))

    def ours() -> tuple[turn.Cost, turn.Cost]:
        return (
            turn.cost_of(
                lambda: ffmpeg.run(
                    watched, pulse=FakePulse(), limits=resource_limits.chunk(plan, 0, on_gpu=False)
                )
            ),
            turn.cost_of(lambda: media.encode_chunk(plan, 0, source, places["chunk"], pulse=FakePulse())),
        )

    pairs = turn.in_turn(
        ours,
        lambda: turn.cost_of(lambda: _run(bare)),
        rounds=scale.of(5, 1),
        warm=scale is Scale.FULL,
    )
    runs = [(mine, other) for (mine, _), other in pairs]
    checked = [(mine, other) for (_, mine), other in pairs]
    return Result(
        name="runner",
        ours="one chunk by our runner",
        reference="bare ffmpeg with the same arguments",
        figures=(
            Figure(name="wall", ratios=ratios([(a.wall_s, b.wall_s) for a, b in runs]), goal=1.02),
            Figure(name="CPU", ratios=ratios([(a.cpu_s, b.cpu_s) for a, b in runs]), goal=1.01),
            Figure(name="CPU, both ends decoded", ratios=ratios([(a.cpu_s, b.cpu_s) for a, b in checked])),
        ),
        details={
            "wall_s": [round(a.wall_s, 2) for a, _ in runs],
            "reference_wall_s": [round(b.wall_s, 2) for _, b in runs],
            "renditions": [rendition.name for rendition in plan.renditions],
        },
    )


def _plan(media: FfmpegMedia, source: Path, folder: Path) -> Plan:
    pinned = Source(bucket="b", key="k", etag="e", size_bytes=source.stat().st_size)
    probed = media.probe(source, pulse=FakePulse())
    return planner.decide(probed, pinned, profiles.load("bench", folder), chunk_s=None)


def _argv(plan: Plan, source: Path, folder: Path) -> list[str]:
    return command_line.chunk(
        plan,
        0,
        source,
        [folder / f"{rendition.name}.mp4" for rendition in plan.renditions],
        pictures={picture: folder / f"{picture}.jpg" for picture in thumbnails.pictures(plan, 0)},
        recipe=encoder_recipe.Recipe.X264,
    )


def _run(argv: list[str]) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(argv, check=True, stdin=nothing, stdout=nothing, stderr=nothing, timeout=600)
