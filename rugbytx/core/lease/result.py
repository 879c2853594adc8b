"""What a finished unit leaves behind: its outputs, as the publishing unit will need them."""

from enum import StrEnum

from rugbytx.core.job.job import Outputs
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.record import Record, Versioned


class Segment(Record):
    """A run of whole fragments inside a track file: what one playlist entry names."""

    offset: int
    size_bytes: int
    #: Ticks of the track's timescale.
    duration: int


class TrackFile(Record):
    """One uploaded CMAF track file."""

    #: The rendition's name, or ``audio``.
    rendition: str
    key: str
    size_bytes: int
    sha256: str
    init_bytes: int
    init_sha256: str
    timescale: int
    codec: str
    #: Of the pictures; 0 for audio, and where a former version did not note it.
    width: int = 0
    height: int = 0
    #: The decode time of the first sample, in ticks.
    start: int
    #: When the first and the last sample are shown, in ticks; 0 where a former version did not note it.
    first_shown: int = 0
    last_shown: int = 0
    samples: int
    #: How many samples say that they are sync samples.
    keyframes: int
    segments: tuple[Segment, ...]
    #: The keyframes by themselves; none of audio.
    iframes: tuple[Segment, ...] = ()


class StillFile(Record):
    """One uploaded picture."""

    picture: Picture
    key: str
    size_bytes: int
    sha256: str


class TracksResult(Versioned):
    """The result of a VIDEO unit (a file for each rendition) or of the AUDIO unit (one file)."""

    #: Hash over the init segments: chunks of one fingerprint can stand in one run.
    fingerprint: str
    files: tuple[TrackFile, ...]
    stills: tuple[StillFile, ...] = ()
    #: Frames, or packets of sound, of the source that could not be decoded whole.
    damaged: int = 0


class Mp4Result(Versioned):
    """The result of the MP4 unit."""

    key: str
    size_bytes: int
    sha256: str


class Metric(StrEnum):
    """How alike two pictures are."""

    #: From 0 to 100, as people see it (Netflix).
    VMAF = "vmaf"
    #: From 0 to 1, by structure.
    SSIM = "ssim"


class WindowReason(StrEnum):
    """Why a window lies where it lies."""

    START = "start"
    #: Chunks of one encoder meet.
    JOIN = "join"
    #: Chunks of unlike encoders meet.
    SPLICE = "splice"
    #: A place that a hash of the job's id names.
    SAMPLE = "sample"


class QualitySample(Record):
    """What one window came to."""

    place: WindowReason
    first_frame: int
    frames: int
    at_s: float
    #: Of the window, at a join of its middle third.
    mean: float
    #: The lowest of a single frame.
    worst: float
    #: At a join, the lower mean of its neighbours.
    beside: float | None = None
    #: At a join, the lowest of a single frame of its neighbours.
    worst_beside: float | None = None
    #: By how many frames it shows the source too late, at a join behind it, and before it; negative for too early.
    late: int = 0
    late_before: int = 0
    #: How far its most unlike small picture is off the source's, in grey levels of 256.
    strangest: float = 0.0


class Quality(Versioned):
    """The result of the CHECK unit, and the content of ``quality-f<fence>.json``."""

    job_id: str
    generation: int
    #: ``vmaf`` or ``ssim``.
    metric: Metric
    #: The rendition that was looked at: the first.
    rendition: str
    samples: tuple[QualitySample, ...]
    #: Windows that there was no time for.
    left_out: int
    #: Of all frames that were compared.
    mean: float
    #: The lowest mean of a window, and where that is.
    worst: float
    worst_at_s: float
    #: A sentence for each window that is too bad; empty if all is well.
    alarms: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return it in short, without a full stop."""
        worst = min(self.samples, key=lambda sample: sample.mean)
        return (
            f"{self.metric} {self.mean:g} on average in {len(self.samples)} samples of {self.rendition},"
            f" lowest {self.worst:g} at {self.worst_at_s:g} s ({worst.place})"
        )


#: A PLAN's, a VIDEO's or an AUDIO's, an MP4's, a PUBLISH's, a CHECK's.
Result = Plan | TracksResult | Mp4Result | Outputs | Quality
