"""The checks of a progressive MP4: made from the chunks of one rendition and the audio, or found again later."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rugbytx.core.plan.plan import Grid
from rugbytx.core.verify.chunk import AAC_FRAME
from rugbytx.core.verify.finding import Finding, Rule, finding

#: How far from zero a stream may start: the container counts in milliseconds.
START_WITHIN_S = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class Mp4Stream:
    """One stream of an MP4, its edit list applied."""

    packets: int
    start_s: Fraction
    duration_s: Fraction
    #: The sound's sample rate; 0 for pictures.
    sample_rate: int = 0


@dataclass(frozen=True, kw_only=True)
class Mp4:
    """An MP4 as its boxes and its packets tell it."""

    #: The kinds of the outermost boxes, in order.
    boxes: tuple[str, ...]
    #: By kind: ``video``, ``audio``.
    streams: Mapping[str, Mp4Stream]


def check(grid: Grid, mp4: Mp4, *, has_audio: bool, where: str) -> Iterator[Finding]:
    """Yield what is wrong with the MP4 of a film on this grid.

    Pictures and sound both start at zero, and last as long as the film to a
    frame of each, so that neither is shifted against the other.
    """
    order = [kind for kind in mp4.boxes if kind in {"moov", "mdat"}]
    if order != ["moov", "mdat"]:
        yield finding(Rule.FAST_START, where, "an index, then the pictures", ", ".join(order) or "neither")
    wanted = ["audio", "video"] if has_audio else ["video"]
    if sorted(mp4.streams) != wanted:
        kinds = ", ".join(sorted(mp4.streams)) or "nothing"
        yield finding(Rule.TRACK_COUNT, where, ", ".join(wanted), kinds)
    for kind, stream in mp4.streams.items():
        yield from _stream(grid, kind, stream, f"the {kind} of {where}")


def _stream(grid: Grid, kind: str, stream: Mp4Stream, where: str) -> Iterator[Finding]:
    if kind == "video" and stream.packets != grid.frames:
        yield finding(Rule.FRAME_COUNT, where, grid.frames, stream.packets)
    if abs(stream.start_s) > START_WITHIN_S:
        yield finding(Rule.PRESENTATION_TIME, where, "a start at 0 s", f"one at {float(stream.start_s):g} s")
    sound_s = Fraction(AAC_FRAME, stream.sample_rate) if stream.sample_rate else Fraction(0)
    if abs(stream.duration_s - grid.duration_s) > 1 / grid.rate + sound_s:
        yield finding(
            Rule.DURATION, where, f"{float(grid.duration_s):g} s", f"{float(stream.duration_s):g} s"
        )
