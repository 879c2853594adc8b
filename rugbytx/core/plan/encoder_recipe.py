"""Which encoders a host may have, and which way a source takes through one of them.

::

    nvenc/A   decode, scale and encode on the GPU ─────────┐ what ffmpeg complained of
    nvenc/B   decode on the CPU, scale and encode on it ◄──┤ is about this way,
    nvenc/C   decode and scale on the CPU, encode on it ◄──┤ so the next one is taken
    x264      all on the CPU, where that is allowed     ◄──┘

    nvmpi     decode and scale on the CPU, encode on the Jetson; then x264
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.plan import Rendition
from rugbytx.core.source.media_info import VideoStream


class Recipe(StrEnum):
    """A way of a source's frames through decoder, scaler and encoder."""

    NVENC_A = "nvenc/A"
    NVENC_B = "nvenc/B"
    NVENC_C = "nvenc/C"
    NVMPI = "nvmpi"
    X264 = "x264"

    @property
    def family(self) -> Family:
        """Return the family that encodes.

        >>> Recipe.NVENC_B.family
        <Family.NVENC: 'nvenc'>
        """
        return Family(self.partition("/")[0])


#: What NVENC takes of H.264: the least side since Turing, and the greatest of any (NVENC support matrix).
NVENC_LEAST_SIDE = 146
NVENC_MOST_SIDE = 4096
#: What a Jetson's own encoder takes (gjrtimmer/jetson-ffmpeg, "FAQ Hardware and Platform").  It pads sides that
#: are no multiple of 16, as 1080 is; whether the padding is cut off again the gates see by the picture's size.
NVMPI_MOST_WIDTH = 3840
NVMPI_MOST_HEIGHT = 2160

#: What NVDEC decodes on every GPU that is meant here, by codec: AV1 only from Ampere on.
NVDEC_FORMATS = {
    "h264": frozenset({"yuv420p"}),
    "hevc": frozenset({"yuv420p", "yuv420p10le"}),
    "vp9": frozenset({"yuv420p", "yuv420p10le"}),
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
}
#: Transfer characteristics of high dynamic range: PQ and HLG (ITU-R BT.2100).
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True, kw_only=True)
class Way:
    """A recipe, and why this one."""

    recipe: Recipe
    reason: str


def is_hdr(video: VideoStream) -> bool:
    """Return whether the picture must be mapped to the range of an ordinary screen."""
    return video.colour_transfer in HDR_TRANSFERS


def first(
    family: Family,
    video: VideoStream,
    renditions: Sequence[Rendition],
    *,
    is_bt709: bool,
    is_last: bool,
) -> Way:
    """Return the recipe to begin a chunk with.

    A turn, deinterlacing, a tone mapping and a change of colours are filters of
    the CPU's.  So is the one that repeats the source's last frame in the last chunk: up to
    ffmpeg 5.1 at least, ``tpad`` takes no frames that lie on a GPU.
    ``is_bt709`` says that pixels may pass as they are, in BT.709 and limited range.
    """
    if family is Family.NVMPI and any(
        rendition.width > NVMPI_MOST_WIDTH or rendition.height > NVMPI_MOST_HEIGHT for rendition in renditions
    ):
        return Way(recipe=Recipe.X264, reason="size-outside-nvmpi")
    if family is not Family.NVENC:
        return Way(recipe=Recipe(family.value), reason="one-way-only")
    sides = [side for rendition in renditions for side in (rendition.width, rendition.height)]
    is_outside = min(sides) < NVENC_LEAST_SIDE or max(sides) > NVENC_MOST_SIDE
    is_decodable = video.pixel_format in NVDEC_FORMATS.get(video.codec, ())
    told = (
        (is_outside, Recipe.X264, "size-outside-nvenc"),
        (is_hdr(video), Recipe.NVENC_B, "hdr"),
        (not is_bt709, Recipe.NVENC_C, "colours-change"),
        (video.rotation != 0 or video.mirrored, Recipe.NVENC_B, "rotated"),
        (video.is_interlaced, Recipe.NVENC_B, "interlaced"),
        (not is_decodable, Recipe.NVENC_B, "not-decoded-by-gpu"),
        (is_last, Recipe.NVENC_B, "last-chunk"),
        (True, Recipe.NVENC_A, "all-on-gpu"),
    )
    return next(Way(recipe=recipe, reason=reason) for applies, recipe, reason in told if applies)


def below(recipe: Recipe) -> Recipe | None:
    """Return the recipe to take where this one will not do; None after the last.

    >>> below(Recipe.NVENC_A), below(Recipe.NVMPI), below(Recipe.X264)
    (<Recipe.NVENC_B: 'nvenc/B'>, <Recipe.X264: 'x264'>, None)
    """
    return {
        Recipe.NVENC_A: Recipe.NVENC_B,
        Recipe.NVENC_B: Recipe.NVENC_C,
        Recipe.NVENC_C: Recipe.X264,
        Recipe.NVMPI: Recipe.X264,
    }.get(recipe)
