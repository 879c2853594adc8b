"""The encoders' options: what each family is told for one rendition.

All of them make closed GOPs of exactly the plan's length, begin each with an
IDR frame, and repeat the parameter sets there: a player that comes from a chunk
of another encoder needs them in the stream.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.plan import Rendition

X264Profile = Literal["high", "main"]

#: What every encoder writes into its headers.
_COLOURS = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")
_IN_BAND = ("-bsf:v", "dump_extra=freq=keyframe")


class Encoder(Protocol):
    """One family's options."""

    def options(self, rendition: Rendition, *, gop: int) -> list[str]:
        """Return the output options that encode one rendition in GOPs of ``gop`` frames."""


@dataclass(frozen=True, kw_only=True)
class X264:
    """libx264, the encoder that runs everywhere."""

    preset: str = "veryfast"
    #: Main has other parameter sets than High, as another encoder would have.
    profile: X264Profile = "high"
    #: 0 leaves it to x264.
    threads: int = 0

    #: What ffmpeg calls it.
    name: ClassVar[str] = "libx264"

    def options(self, rendition: Rendition, *, gop: int) -> list[str]:
        """Return the options."""
        return [
            *("-c:v", self.name, "-preset", self.preset, "-profile:v", self.profile, "-pix_fmt", "yuv420p"),
            *(*_rates(rendition), "-threads", str(self.threads)),
            *("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop", "-bf", "2"),
            # The rate controller begins anew in each chunk; left to itself it misses the rate by
            # several per cent there, and by another few in one long pass (measured on real footage).
            *("-x264-params", "ratetol=0.1"),
            *(*_COLOURS, *_IN_BAND),
        ]


@dataclass(frozen=True, kw_only=True)
class Nvenc:
    """NVIDIA's encoder through the Video Codec SDK.

    Rates and not ``-cq``, with which it would drop the average and the buffer
    (libavcodec/nvenc.c).  It ignores ``-keyint_min``: without scene cuts, with
    forced frames as IDR, ``-g`` alone makes the grid.  Whether an input lies in
    memory or on the GPU is the graph's affair, so there is no ``-pix_fmt``.
    """

    preset: str = "p5"

    name: ClassVar[str] = "h264_nvenc"

    def options(self, rendition: Rendition, *, gop: int) -> list[str]:
        """Return the options."""
        return [
            *("-c:v", self.name, "-preset", self.preset, "-tune", "hq", "-profile:v", "high"),
            *("-rc", "vbr", *_rates(rendition), "-multipass", "qres", "-rc-lookahead", "20"),
            *("-spatial-aq", "1", "-aq-strength", "8", "-bf", "3", "-b_ref_mode", "middle"),
            *("-g", str(gop), "-forced-idr", "1", "-no-scenecut", "1", "-strict_gop", "1"),
            *(*_COLOURS, *_IN_BAND),
        ]


@dataclass(frozen=True, kw_only=True)
class Nvmpi:
    """The Jetson's encoder, through an ffmpeg with the ``nvmpi`` patches.

    ``-max_perf`` lifts the clock governor (jocover/jetson-ffmpeg #65); builds
    that lack it refuse the option, which the trial encode then tells.
    """

    name: ClassVar[str] = "h264_nvmpi"

    def options(self, rendition: Rendition, *, gop: int) -> list[str]:
        """Return the options; it has no buffer size and no B-frames to speak of."""
        return [
            *("-c:v", self.name, "-profile:v", "high", "-pix_fmt", "yuv420p", "-rc", "vbr"),
            *("-b:v", str(rendition.rate_bps), "-maxrate", str(rendition.peak_bps)),
            *("-g", str(gop), "-max_perf", "1"),
            *(*_COLOURS, *_IN_BAND),
        ]


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """The options of every family, as this host's settings have them."""

    x264: X264 = field(default_factory=X264)
    nvenc: Nvenc = field(default_factory=Nvenc)
    nvmpi: Nvmpi = field(default_factory=Nvmpi)

    def of(self, family: Family) -> X264 | Nvenc | Nvmpi:
        """Return one family's."""
        match family:
            case Family.X264:
                return self.x264
            case Family.NVENC:
                return self.nvenc
            case Family.NVMPI:
                return self.nvmpi


def _rates(rendition: Rendition) -> tuple[str, ...]:
    return (
        *("-b:v", str(rendition.rate_bps), "-maxrate", str(rendition.peak_bps)),
        *("-bufsize", str(rendition.buffer_bits)),
    )
