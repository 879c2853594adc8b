"""Every choice of a plan, and why: what `rugbytx plan --explain` shows."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rugbytx.core.job.profile import Profile
from rugbytx.core.plan import encoder_recipe
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan, Rendition
from rugbytx.core.source.media_info import VideoStream

#: Why a source takes the way it takes, by the constant that ``encoder.first`` gives.
WAYS = {
    "one-way-only": "this family is fed in one way only",
    "size-outside-nvenc": "a rendition has a side that NVENC does not take",
    "hdr": "tone mapping is the CPU's work, so the frames are decoded there",
    "colours-change": "the source's colours are converted to BT.709, which is the CPU's work",
    "rotated": "turning the picture is the CPU's work, so the frames are decoded there",
    "not-decoded-by-gpu": "no GPU that is meant here decodes this codec and pixel format",
    "last-chunk": "the last frame may have to be repeated, which cannot be done on the GPU",
    "all-on-gpu": "nothing about this source needs the CPU, but for the end of its last chunk",
}

#: Why a filter is in the graph.
FILTERS = {
    "transpose": "the source says that it was held so",
    "hflip": "the source says that it was held so",
    "vflip": "the source says that it was held so",
    "fps": "all chunks lie on one grid of constant rate, whatever the source's own timing",
    "tpad": "the last frame may be repeated, as decoders disagree about how long it lasts",
    "trim": "exactly the frames of the chunk",
    "setpts": "frames are moved by less than one, so that each has a place of its own on the grid",
    "bwdif": "interlaced: each field becomes a frame",
    "yadif": "interlaced: each field becomes a frame",
    "bwdif_cuda": "interlaced: each field becomes a frame",
    "yadif_cuda": "interlaced: each field becomes a frame",
    "zscale": "high dynamic range: to linear light and back, to BT.709",
    "tonemap": "high dynamic range does not fit an ordinary screen",
    "sidedata": "what the source says of its own turn and light is not true of what is made of it",
    "format": "8 bits and 4:2:0, which every player decodes",
    "hwupload_cuda": "scaled and encoded on the GPU",
    "split": "the source is decoded once for all renditions",
    "scale": "the rendition's size, in BT.709 and limited range",
    "scale_cuda": "the rendition's size, on the GPU",
    "framestep": "a small picture of a fast source shows every other frame",
    "setsar": "square pixels",
    "setparams": "the colours by their names, which encoders write into the stream",
    "hwdownload": "pictures for the eye are made on the CPU",
    "tile": "thumbnails for scrubbing, on one sheet a chunk",
    "nullsink": "keeps ffmpeg 5.1 from copying what the source's track says of itself",
    "thumbnail": "the poster: the frame that stands best for those of its chunk",
}
DEINTERLACERS = frozenset({"bwdif", "yadif", "bwdif_cuda", "yadif_cuda"})

#: Where filters' arguments end: a graph of ours quotes nothing.
_BETWEEN = re.compile(r"[,;]")
_LABEL = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One choice: about what, which, and why."""

    topic: str
    choice: str
    reason: str


def choices(
    plan: Plan, profile: Profile, *, chunk_s: float | None, graphs: Sequence[str], is_bt709: bool
) -> tuple[Choice, ...]:
    """Return every choice of the plan, from the grid to the encoders.

    ``chunk_s`` is the asked-for chunk length; ``graphs`` are filter graphs of
    the first chunk, one for each way that it may take; ``is_bt709`` is as for
    ``encoder.first``.
    """
    return (
        *_grid(plan, chunk_s),
        *_ladder(plan, profile),
        *_picture(plan.media.video, graphs),
        *_filters(graphs),
        *(_recipe(plan, family, is_bt709=is_bt709) for family in Family),
        _audio(plan, profile),
        _mp4(plan, profile),
    )


def reason_of(plan: Plan, rendition: Rendition) -> str:
    """Return why a rendition is as it is: what the plan notes about it, or that the profile asks for it."""
    told = [note.removeprefix(f"{rendition.name} ") for note in _notes_of(plan, rendition.name)]
    return "; ".join(told) or "as the profile asks"


def filters(graph: str) -> list[str]:
    """Return the filters of a graph, in order and without labels.

    >>> filters("[0:0]fps=fps=25/1,split=2[s0][s1];[s0]scale=2:2[v0];[s1]scale=1:1[v1]")
    ['fps=fps=25/1', 'split=2', 'scale=2:2', 'scale=1:1']
    """
    return [_LABEL.sub("", text) for text in _BETWEEN.split(graph)]


def ways(first: Recipe) -> list[Recipe]:
    """Return a recipe and those that are taken one after the other where it fails.

    >>> [str(recipe) for recipe in ways(Recipe.NVENC_B)]
    ['nvenc/B', 'nvenc/C', 'x264']
    """
    found: list[Recipe] = []
    recipe: Recipe | None = first
    while recipe:
        found.append(recipe)
        recipe = encoder_recipe.below(recipe)
    return found


def _grid(plan: Plan, chunk_s: float | None) -> Iterable[Choice]:
    grid = plan.grid
    yield Choice(topic="rate", choice=f"{float(grid.rate):.5g} fps", reason=plan.notes[0])
    yield Choice(
        topic="keyframes",
        choice=f"every {grid.gop} frames, a segment every {grid.segment}",
        reason="a player can begin every 2 s and fetches about 6 s at a time, in every rendition alike",
    )
    if grid.chunks == 1:
        yield Choice(topic="chunks", choice="1", reason="the source is no longer than that")
        return
    why = "asked for" if chunk_s is not None else "the default"
    yield Choice(
        topic="chunks",
        choice=f"{grid.chunks} of {float(grid.chunk / grid.rate):.5g} s",
        reason=f"{why}; a chunk is whole segments, and what a lost worker costs at most",
    )


def _ladder(plan: Plan, profile: Profile) -> Iterable[Choice]:
    made = {rendition.name for rendition in plan.renditions}
    for name in (f"{rung.height}p" for rung in profile.rungs):
        if name not in made:
            told = [note.removeprefix(f"{name} is left out: ") for note in _notes_of(plan, name)]
            yield Choice(topic=name, choice="left out", reason="; ".join(told))
    for rendition in plan.renditions:
        size = f"{rendition.width}x{rendition.height}, {rendition.rate_bps // 1000} kbit/s"
        yield Choice(topic=rendition.name, choice=size, reason=reason_of(plan, rendition))


def _picture(video: VideoStream, graphs: Sequence[str]) -> Iterable[Choice]:
    """Yield what the picture itself asks for, beyond its size."""
    if video.rotation:
        yield Choice(
            topic="turn",
            choice=f"{video.rotation} degrees clockwise",
            reason="the source says that it was held so",
        )
    if video.sample_aspect != 1:
        shape = f"{video.sample_aspect.numerator}:{video.sample_aspect.denominator}"
        width, height = video.display_size
        yield Choice(
            topic="pixels",
            choice=f"made square: {width}x{height}",
            reason=f"the source's are {shape}",
        )
    names = {_name(text) for graph in graphs for text in filters(graph)}
    if video.field_order not in {"progressive", "unknown"} and not names & DEINTERLACERS:
        yield Choice(
            topic="fields",
            choice="left as they are",
            reason=f"the source is interlaced ({video.field_order}), and no way here deinterlaces",
        )


def _filters(graphs: Sequence[str]) -> Iterable[Choice]:
    """Yield each kind of filter once, as it first stands in a graph."""
    seen: dict[str, str] = {}
    for graph in graphs:
        for text in filters(graph):
            seen.setdefault(_name(text), text)
    for name, text in seen.items():
        yield Choice(topic="filter", choice=text, reason=FILTERS.get(name, "part of the way"))


def _recipe(plan: Plan, family: Family, *, is_bt709: bool) -> Choice:
    way = encoder_recipe.first(
        family, plan.media.video, plan.renditions, is_bt709=is_bt709, is_last=plan.grid.chunks == 1
    )
    order = " then ".join(ways(way.recipe))
    return Choice(topic=f"with {family}", choice=order, reason=WAYS.get(way.reason, way.reason))


def _audio(plan: Plan, profile: Profile) -> Choice:
    if plan.audio is None:
        return Choice(topic="audio", choice="none", reason="the source has none")
    sound = f"AAC-LC stereo at {plan.audio.sample_rate // 1000} kHz, {plan.audio.rate_bps // 1000} kbit/s"
    reason = (
        f"stream {plan.audio.stream_index} is the default or the first; the rate is that of {profile.name}"
    )
    return Choice(topic="audio", choice=sound, reason=reason)


def _mp4(plan: Plan, profile: Profile) -> Choice:
    choice = f"of {plan.renditions[0].name}" if plan.mp4 else "none"
    asks = "asks for one" if plan.mp4 else "asks for none"
    return Choice(topic="mp4", choice=choice, reason=f"the profile {profile.name} {asks}")


def _notes_of(plan: Plan, name: str) -> list[str]:
    return [note for note in plan.notes if note.startswith(f"{name} ")]


def _name(text: str) -> str:
    return text.partition("=")[0]
