"""The worker classes: what kind of host each is, and how fast it works; what it costs is in the price list.

Each figure says where it comes from.  None of them was measured on the host
that it is about, so all are ASSUMED; what finished units measured goes before
them (``core.forecast``).
"""

from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.plan.encoder_family import Family


class WorkerClass(StrEnum):
    """What kind of host a worker runs on: what it costs and when it is there depends on it."""

    #: On the premises, and always on.
    JETSON = "jetson"
    #: Rented, and there while it is wanted.
    AWS = "aws"


class Evidence(StrEnum):
    """How well a figure is known."""

    #: By workers of this class, on finished units of this system.
    MEASURED = "measured"
    #: From a price list, a vendor's page, another host or a note.
    ASSUMED = "assumed"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number, how well it is known, and from where."""

    value: float
    evidence: Evidence = Evidence.ASSUMED
    source: str


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """What a host's processor does in a second, with all its cores."""

    #: Pixels of the source.
    decode_px_per_s: Figure
    tone_map_px_per_s: Figure
    #: Pixels of all renditions together.
    scale_px_per_s: Figure
    x264_px_per_s: Figure
    #: Seconds of sound in a second.
    audio_s_per_s: Figure


@dataclass(frozen=True, kw_only=True)
class HostFigures:
    """What a class's host has and how fast it is."""

    worker_class: WorkerClass
    #: The host that it is, for people.
    hardware: str
    #: The encoder that it most likely has; a trial on the host decides.
    family: Family
    #: Pixels of all renditions together that the GPU encodes in a second, decoding and scaling included.
    gpu_px_per_s: Figure
    cpu: Cpu
    #: The time from the order of a host until it works, paid like work; 0 for a host that is always on.
    start_s: float


_TWO_CORES = "two x86-64 cores (AMD EPYC, ffmpeg 5.1.9, 1080p at 30 frames a second), November 2026"

#: g4dn.xlarge has two cores as well; that a Jetson's six or eight are as good as these is a guess.
TWO_CORES = Cpu(
    decode_px_per_s=Figure(value=650e6, source=f"H.264, on {_TWO_CORES}"),
    tone_map_px_per_s=Figure(value=115e6, source=f"zscale and tonemap, on {_TWO_CORES}"),
    scale_px_per_s=Figure(value=900e6, source=f"lanczos, on {_TWO_CORES}"),
    x264_px_per_s=Figure(value=155e6, source=f"preset veryfast, on {_TWO_CORES}"),
    audio_s_per_s=Figure(value=91, source="AAC at 128 kbit/s, on two x86-64 cores, November 2026"),
)

#: The note that this system began from has whole matches of 2 h take 35 and 25 minutes, and does not say
#: of which size and rate.  Taken as 1080p at 30 frames a second in the renditions of ``match``, less
#: the audio's 79 s: 216,000 frames x 3,744,000 pixels in 2021 s and in 1421 s.
_NOTE = "the note's {} min for a match of 2 h, taken as 1080p at 30 frames a second"

JETSON_HOST = HostFigures(
    worker_class=WorkerClass.JETSON,
    hardware="NVIDIA Jetson (Orin NX or AGX Orin) on the premises",
    family=Family.NVMPI,
    # A lead for comparison: AGX Orin does 150 frames of 1080p a second (NVIDIA forum 350978), or 311e6.
    gpu_px_per_s=Figure(value=400e6, source=_NOTE.format(35)),
    cpu=TWO_CORES,
    start_s=0.0,
)

AWS_HOST = HostFigures(
    worker_class=WorkerClass.AWS,
    hardware="EC2 g4dn.xlarge (one T4) in us-east-1",
    family=Family.NVENC,
    # A lead for comparison: Thor's encoder does 230 frames of 1080p a second at p5 (Video Codec SDK 13.0), or 477e6.
    gpu_px_per_s=Figure(value=570e6, source=_NOTE.format(25)),
    cpu=TWO_CORES,
    # With the image baked into the AMI; 2 to 8 minutes are seen.
    start_s=180.0,
)

HOSTS = (JETSON_HOST, AWS_HOST)
