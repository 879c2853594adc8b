"""The plan of a job: the frame grid, the renditions, and why.

All chunks lie on one absolute grid of constant rate, so that a chunk is a fixed
run of frames whoever encodes it, and whenever::

    frames      0 ........ gop ........ segment .................. chunk ...... frames
                |-- GOP --|-- GOP --|-- GOP --|                       |
                |--------- segment 0 --------|--- segment 1 ---| ... |
                |---------------------- chunk 0 ---------------------|-- chunk 1 --|
"""

import hashlib
from fractions import Fraction

from rugbytx.core.job.job import Source
from rugbytx.core.record import Record, Versioned
from rugbytx.core.source.media_info import MediaInfo

#: Every track's timeline starts here, in seconds.  Encoders put their first
#: decode times and their priming samples before the first shown frame, and a
#: CMAF track has no room before zero.
BASE_OFFSET_S = 10


class Grid(Record):
    """The frame grid: everything is counted in frames."""

    rate: Fraction
    frames: int
    gop: int
    segment: int
    chunk: int
    chunks: int
    #: How far the film is moved, audio and all, by less than a frame, so that its frames lie on the grid.
    move_s: Fraction = Fraction(0)

    @property
    def duration_s(self) -> Fraction:
        """Return the whole duration in seconds, exactly."""
        return self.frames / self.rate

    @property
    def timescale(self) -> int:
        """Return the video tracks' ticks a second: one that makes a frame a whole number of them.

        >>> grid = Grid(rate=Fraction(30000, 1001), frames=1, gop=60, segment=180, chunk=1800, chunks=1)
        >>> grid.timescale, grid.frame_ticks
        (30000, 1001)
        """
        numerator = self.rate.numerator
        return numerator * -(-10_000 // numerator)

    @property
    def frame_ticks(self) -> int:
        """Return a frame's duration in ticks."""
        return int(self.timescale / self.rate)

    def thinned(self, step: int) -> "Grid":
        """Return the grid of every ``step``-th frame; GOPs and chunks hold whole steps, so the times are the same.

        >>> grid = Grid(rate=Fraction(50), frames=400, gop=100, segment=300, chunk=300, chunks=1)
        >>> grid.thinned(2).rate, grid.thinned(2).gop, grid.thinned(2).duration_s == grid.duration_s
        (Fraction(25, 1), 50, True)
        """
        return Grid(
            rate=self.rate / step,
            frames=-(-self.frames // step),
            gop=self.gop // step,
            segment=self.segment // step,
            chunk=self.chunk // step,
            chunks=self.chunks,
        )

    def chunk_frames(self, index: int) -> range:
        """Return the frames of chunk ``index``; the last chunk takes what is left."""
        first = index * self.chunk
        return range(first, self.frames if index == self.chunks - 1 else first + self.chunk)


class Rendition(Record):
    """One size and rate of the video."""

    #: Unique within the plan, e.g. ``720p``.
    name: str
    width: int
    height: int
    rate_bps: int
    #: The rate controller's ceiling, and the window in bits it may fill.
    peak_bps: int
    buffer_bits: int
    #: It shows every so many-th frame of the grid.
    frame_step: int = 1


class AudioPlan(Record):
    """The audio rendition: AAC-LC stereo at 48 kHz."""

    stream_index: int
    rate_bps: int
    sample_rate: int = 48_000
    channels: int = 2


class Stills(Record):
    """The still pictures: thumbnails for scrubbing, and a poster.  Sizes are in pixels."""

    #: Frames of the grid from one thumbnail of a chunk to the next: whole GOPs.
    every: int
    width: int
    height: int
    #: The chunk that makes the poster.
    poster_chunk: int
    poster_width: int
    poster_height: int


class Plan(Versioned):
    """What is to be made of one source: written once, by the PLAN unit, and never changed."""

    source: Source
    media: MediaInfo
    grid: Grid
    #: From the largest to the smallest.
    renditions: tuple[Rendition, ...]
    audio: AudioPlan | None
    #: Make a progressive MP4 of the first rendition.
    mp4: bool = False
    stills: Stills | None = None
    #: Why the plan is what it is, a sentence each.
    notes: tuple[str, ...] = ()

    def grid_of(self, rendition: Rendition) -> Grid:
        """Return the grid of the frames that a rendition shows."""
        return self.grid.thinned(rendition.frame_step)

    def digest(self) -> str:
        """Return the SHA-256 of what an encoder is asked to do, in hex."""
        asked = self.model_dump_json(include={"grid", "renditions", "audio", "source", "stills"})
        return hashlib.sha256(asked.encode()).hexdigest()
