"""Where to look at a published job: windows of its frames, and the bytes that hold them.

::

    start      joins (some)            splices (all)      places by chance
    |-------|       |-----|-----|-----|                        |-------|
                      before  join  after
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rugbytx.core.lease.result import TrackFile, TracksResult, WindowReason
from rugbytx.core.plan.plan import Grid, Plan

#: A window's length; at a join the two neighbours are as long.
WINDOW_S = 2
MOST_SPLICES = 4
MOST_JOINS = 3
#: Places by chance, and how long each is.
CHANCES = 5
CHANCE_S = 4


@dataclass(frozen=True, kw_only=True)
class Window:
    """A run of frames to compare; at a join the middle third is the join's own."""

    place: WindowReason
    frames: range


@dataclass(frozen=True, kw_only=True)
class Part:
    """Bytes of a track file that hold whole segments."""

    key: str
    span: range


def windows(plan: Plan, chunks: Sequence[TracksResult], *, seed: str) -> tuple[Window, ...]:
    """Return the windows, the more telling ones first; one ``seed`` always gives the same."""
    grid = plan.grid
    length, longer = (min(grid.frames, max(1, round(wish * grid.rate))) for wish in (WINDOW_S, CHANCE_S))
    splices = [
        index
        for index, (chunk, other) in enumerate(pairwise(chunks), 1)
        if chunk.fingerprint != other.fingerprint
    ]
    joins = [index for index in range(1, grid.chunks) if index not in splices]
    chosen = sorted(joins, key=lambda index: _chance(seed, f"join {index}"))[:MOST_JOINS]
    chances = [int(_chance(seed, str(number)) * (grid.frames - longer + 1)) for number in range(CHANCES)]
    candidates = (
        Window(place=WindowReason.START, frames=range(length)),
        *(_around(grid, index, length, WindowReason.SPLICE) for index in splices[:MOST_SPLICES]),
        *(_around(grid, index, length, WindowReason.JOIN) for index in chosen),
        *(Window(place=WindowReason.SAMPLE, frames=range(first, first + longer)) for first in chances),
    )
    # A film of two seconds has one window, however often it is hit.
    return tuple({window.frames: window for window in reversed(candidates)}.values())[::-1]


def parts(plan: Plan, files: Sequence[TrackFile], frames: range) -> tuple[int, tuple[Part, ...]]:
    """Return the bytes of one rendition that hold these frames, an init segment first, and which frame they begin with.

    ``files`` are in the order of the chunks.  Whole segments are taken: a
    decoder can begin nowhere else.
    """
    spans: list[tuple[int, TrackFile, range]] = []
    for index, file in enumerate(files):
        at = plan.grid.chunk_frames(index).start
        for segment in file.segments:
            count = segment.duration // plan.grid.frame_ticks
            if at < frames.stop and frames.start < at + count:
                spans.append((at, file, range(segment.offset, segment.offset + segment.size_bytes)))
            at += count
    first, file, _ = spans[0]
    init = Part(key=file.key, span=range(file.init_bytes))
    return first, (init, *(Part(key=file.key, span=span) for _, file, span in spans))


def _around(grid: Grid, chunk: int, length: int, place: WindowReason) -> Window:
    """Return a window three lengths long around a chunk's beginning, shorter where the film is."""
    middle, room = grid.chunk_frames(chunk).start, length + length // 2
    reach = min(room, middle, grid.frames - middle)
    return Window(place=place, frames=range(middle - reach, middle + reach))


def _chance(seed: str, name: str) -> float:
    """Return a number in [0, 1) that is always the same for one seed and name.

    >>> 0.0 <= _chance("7ad4", "0") == _chance("7ad4", "0") < 1.0
    True
    """
    return int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:12], 16) / 16**12
