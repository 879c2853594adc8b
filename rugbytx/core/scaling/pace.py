"""How long work takes: its size in pixels, and how many of them a slot makes in a second.

The pixels are those of all renditions together (``forecast.frame_px`` times the
frames), because that is what encoders are slow at, whatever the source.  They are
known once a job is planned, and guessed from the source's size before that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rugbytx.core.fleet.worker_class import Evidence, WorkerClass

#: The match of the note (docs/origin/note.md): 4 GB, 2 h, taken as 1080p at 30 frames a second in the renditions of ``match``.
MATCH_BYTES = 4e9
MATCH_PX = 216_000 * 3_744_000
PX_PER_BYTE = MATCH_PX / MATCH_BYTES
#: The number of chunks that it is cut into.
MATCH_CHUNKS = 120

#: How many measured chunks weigh as much as the assumed pace.
PRIOR_CHUNKS = 3
#: The latest chunks that a speed is taken from.
MOST_SAMPLES = 32
#: One chunk in ten is slower than this share of the assumed speed; the simulator's service times vary as much.
SLOW_SHARE = 1 / 1.2


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast one slot of a class works, everything included: fetching, encoding, checking, uploading."""

    px_per_s: float
    #: Nine chunks in ten are faster.
    slow_px_per_s: float
    #: How many finished chunks it rests on.
    chunks: int = 0

    @property
    def evidence(self) -> Evidence:
        """Return how well it is known."""
        return Evidence.MEASURED if self.chunks >= PRIOR_CHUNKS else Evidence.ASSUMED

    def service_s(self, work_px: float) -> float:
        """Return how long one slot takes for so much work, as often longer as shorter."""
        return work_px / self.px_per_s

    def slow_service_s(self, work_px: float) -> float:
        """Return what is exceeded one time in ten."""
        return work_px / self.slow_px_per_s


def assumed(px_per_s: float) -> Pace:
    """Return the pace of a class that nobody has measured."""
    return Pace(px_per_s=px_per_s, slow_px_per_s=px_per_s * SLOW_SHARE)


def priors(*, jetson_px_per_s: float, aws_px_per_s: float) -> dict[WorkerClass, Pace]:
    """Return the paces of the classes before anybody has measured one."""
    return {WorkerClass.JETSON: assumed(jetson_px_per_s), WorkerClass.AWS: assumed(aws_px_per_s)}


#: The note has a match of 4 GB take 35 minutes on the Jetson and 25 on a GPU host.
PRIORS: Mapping[WorkerClass, Pace] = priors(
    jetson_px_per_s=MATCH_PX / (35 * 60), aws_px_per_s=MATCH_PX / (25 * 60)
)


def learned(samples: Sequence[float], prior: Pace) -> Pace:
    """Return the pace that finished chunks show; ``samples`` are their speeds in px/s, the latest last.

    The median, because a neighbour's load or a cold disk spoils single chunks.
    While there are few, the seconds per pixel are mixed with the prior's.

    >>> learned([200.0, 210.0, 190.0], assumed(100.0)).px_per_s
    133.33333333333334
    >>> learned([200.0] * 30, assumed(100.0)).px_per_s
    183.33333333333334
    """
    latest = sorted(sample for sample in samples[-MOST_SAMPLES:] if sample > 0)
    if not latest:
        return prior
    slow = latest[len(latest) // 10]
    return Pace(
        px_per_s=_mixed(median(latest), prior.px_per_s, len(latest)),
        slow_px_per_s=_mixed(slow, prior.slow_px_per_s, len(latest)),
        chunks=len(latest),
    )


def _mixed(measured_px_per_s: float, assumed_px_per_s: float, chunks: int) -> float:
    whole = chunks + PRIOR_CHUNKS
    return whole / (chunks / measured_px_per_s + PRIOR_CHUNKS / assumed_px_per_s)


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What is assumed of a job's work."""

    px_per_byte: float = PX_PER_BYTE
    #: What each job costs besides its pictures, as work of one Jetson slot: planning, joining, publishing.
    #: The note's clip takes 45 s there, of which its pictures are 15.
    overhead_px: float = 0.0


def px_per_byte(planned: Sequence[tuple[float, int]], *, prior: float = PX_PER_BYTE) -> float:
    """Return how much work a byte of a source is; ``planned`` are work in pixels and size of known jobs.

    The median of those and of the prior, which counts once.

    >>> px_per_byte([(500.0, 10), (600.0, 10)], prior=40.0)
    50.0
    """
    return median([prior, *(work / size for work, size in planned if size > 0 and work > 0)])
