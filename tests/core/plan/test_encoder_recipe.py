"""Which encoders a host tries, and which way a source takes."""

from fractions import Fraction

import pytest

from rugbytx.core.plan import encoder_family, encoder_recipe
from rugbytx.core.plan.encoder_family import Candidates, Family, Host
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Rendition
from rugbytx.core.source.media_info import VideoStream

NVENC, NVMPI, X264 = Family.NVENC, Family.NVMPI, Family.X264


@pytest.mark.parametrize(
    ("host", "families", "reason"),
    [
        (Host(), (X264,), "no-nvidia-device"),
        (Host(has_nvidia_device=True), (NVENC, X264), "nvidia-device"),
        (
            Host(
                model="NVIDIA Jetson AGX Thor Developer Kit", compatible="nvidia,p3834-0008\nnvidia,tegra264"
            ),
            (NVENC, NVMPI, X264),
            "jetson-with-sdk",
        ),
        # A container may see the release and no device tree.
        (Host(tegra_release="# R38 (release), REVISION: 2.0"), (NVENC, NVMPI, X264), "jetson-with-sdk"),
        (Host(tegra_release="# R36 (release), REVISION: 4.7"), (NVMPI, X264), "jetson"),
        (
            Host(
                model="NVIDIA Jetson AGX Orin Developer Kit",
                compatible="nvidia,p3737-0000+p3701-0005\nnvidia,p3701-0005\nnvidia,tegra234",
            ),
            (NVMPI, X264),
            "jetson",
        ),
        (
            Host(
                model="NVIDIA Jetson Orin Nano Developer Kit",
                compatible="nvidia,p3768-0000+p3767-0005\nnvidia,p3767-0005\nnvidia,tegra234",
                tegra_release="# R36 (release), REVISION: 4.7",
            ),
            (X264,),
            "jetson-without-encoder",
        ),
    ],
)
def test_a_host_tries_what_it_may_have(host: Host, families: tuple[Family, ...], reason: str) -> None:
    """The best first, and x264 always last."""
    assert encoder_family.candidates(host) == Candidates(families=families, reason=reason)


@pytest.mark.parametrize(
    ("wished", "families"), [(NVENC, (NVENC, X264)), (NVMPI, (NVMPI, X264)), (X264, (X264,))]
)
def test_a_wish_goes_before_what_the_host_says(wished: Family, families: tuple[Family, ...]) -> None:
    """Even on a host that would try something else."""
    for host in (Host(), Host(has_nvidia_device=True)):
        assert encoder_family.candidates(host, wished=wished) == Candidates(
            families=families, reason="wished"
        )


def video(**fields: object) -> VideoStream:
    """Return a plain stream of high definition, with some fields of its own."""
    told: dict[str, object] = {
        "index": 0,
        "codec": "h264",
        "pixel_format": "yuv420p",
        "width": 1920,
        "height": 1080,
        "average_rate": Fraction(25),
        "base_rate": Fraction(25),
    }
    return VideoStream.model_validate(told | fields)


def rendition(width: int, height: int) -> Rendition:
    """Return a rendition of some size."""
    return Rendition(name="r", width=width, height=height, rate_bps=1, peak_bps=1, buffer_bits=1)


@pytest.mark.parametrize(
    ("stream", "is_bt709", "is_last", "recipe", "reason"),
    [
        (video(), True, False, Recipe.NVENC_A, "all-on-gpu"),
        (video(codec="hevc", pixel_format="yuv420p10le"), True, False, Recipe.NVENC_A, "all-on-gpu"),
        (video(), True, True, Recipe.NVENC_B, "last-chunk"),
        (video(rotation=90), True, False, Recipe.NVENC_B, "rotated"),
        (video(mirrored=True), True, False, Recipe.NVENC_B, "rotated"),
        (video(field_order="tt"), True, False, Recipe.NVENC_B, "interlaced"),
        (video(field_order="bt"), True, True, Recipe.NVENC_B, "interlaced"),
        (video(colour_transfer="arib-std-b67"), False, False, Recipe.NVENC_B, "hdr"),
        (video(colour_transfer="smpte2084"), False, True, Recipe.NVENC_B, "hdr"),
        (video(), False, False, Recipe.NVENC_C, "colours-change"),
        (video(rotation=180), False, False, Recipe.NVENC_C, "colours-change"),
        (video(pixel_format="yuv422p"), True, False, Recipe.NVENC_B, "not-decoded-by-gpu"),
        (video(pixel_format="yuv420p10le"), True, False, Recipe.NVENC_B, "not-decoded-by-gpu"),
        (video(codec="prores"), True, False, Recipe.NVENC_B, "not-decoded-by-gpu"),
    ],
)
def test_a_source_goes_as_far_as_it_can_on_the_gpu(
    stream: VideoStream, is_bt709: bool, is_last: bool, recipe: Recipe, reason: str
) -> None:
    """What needs a filter of the CPU's is decoded there."""
    way = encoder_recipe.first(NVENC, stream, [rendition(1280, 720)], is_bt709=is_bt709, is_last=is_last)
    assert (way.recipe, way.reason) == (recipe, reason)


@pytest.mark.parametrize(("width", "height"), [(144, 80), (4098, 2160), (160, 144)])
def test_sizes_that_nvenc_does_not_take_go_to_x264(width: int, height: int) -> None:
    """No host's GPU could do them, so it is no host's fault."""
    renditions = [rendition(1280, 720), rendition(width, height)]
    way = encoder_recipe.first(NVENC, video(), renditions, is_bt709=True, is_last=False)
    assert (way.recipe, way.reason) == (Recipe.X264, "size-outside-nvenc")


@pytest.mark.parametrize(("width", "height"), [(4096, 2160), (2160, 3840)])
def test_sizes_that_nvmpi_does_not_take_go_to_x264(width: int, height: int) -> None:
    """A Jetson's own encoder ends at 3840x2160, upright as well."""
    way = encoder_recipe.first(NVMPI, video(), [rendition(width, height)], is_bt709=True, is_last=False)
    assert (way.recipe, way.reason) == (Recipe.X264, "size-outside-nvmpi")


@pytest.mark.parametrize("family", [NVMPI, X264])
def test_other_families_have_one_way(family: Family) -> None:
    """Decoded and scaled on the CPU, whatever the source is."""
    way = encoder_recipe.first(family, video(rotation=90), [rendition(80, 46)], is_bt709=False, is_last=True)
    assert way.recipe == family.value


def test_every_way_down_ends_at_x264() -> None:
    """And no recipe is met twice."""
    for start in Recipe:
        seen = [start]
        while below := encoder_recipe.below(seen[-1]):
            assert below not in seen
            seen.append(below)
        assert seen[-1] is Recipe.X264
