"""Which recipe is taken after which failure, with a stand-in for ffmpeg in the real runner."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.verify import chunk, finding
from rugbytx.errors import HostUnfit, ScratchFull, Stalled, TranscodeError
from rugbytx.media.encode.faults import Faults
from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import film, plan_for
from tests.gpu_plan import gpu_plan
from tests.pulse import FakePulse
from tests.stand_in import GOOD, Scene, StandIn, make_trial, recipe_of

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

REFUSED = Scene(
    stderr="[h264_nvenc @ 0x5] [error] InitializeEncoder failed: invalid param (8): Invalid Level."
)
NO_DRIVER = Scene(stderr="[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1")
SICK = Scene(stderr="[h264_nvenc @ 0x5] [error] EncodePicture failed!: generic error (20): ")
DISK_FULL = Scene(stderr="[error] av_interleaved_write_frame(): No space left on device")
FULL = Scene(stderr="[h264_nvenc @ 0x5] [error] InitializeEncoder failed: out of memory (10): (no details)")


class Host:
    """A host with a stand-in for ffmpeg."""

    def __init__(self, folder: Path, good: Path, pulse: FakePulse) -> None:
        self.folder = folder
        self.good = good
        self.pulse = pulse
        self.stand_in = StandIn(folder / "program")
        self.stand_in.folder.mkdir()
        self.faults = folder / "faults"

    def media(
        self, *scenes: Scene, is_software_allowed: bool = True, wished: Family = Family.NVENC
    ) -> FfmpegMedia:
        """Return a worker's media, for which ffmpeg plays these scenes."""
        self.stand_in.play(scenes, good=self.good)
        return FfmpegMedia(
            ffmpeg=self.stand_in.program,
            wished=wished,
            is_software_allowed=is_software_allowed,
            faults=Faults(self.faults),
        )

    def encode(self, media: FfmpegMedia, *, index: int = 1, **video: object) -> str:
        """Encode a chunk and return by which recipe."""
        return media.encode_chunk(
            gpu_plan(**video), index, self.folder / "source", self.folder, pulse=self.pulse
        ).encoder

    @property
    def taken(self) -> list[str]:
        """Return what each start of ffmpeg was for."""
        return [recipe_of(start) for start in self.stand_in.starts]


@pytest.fixture
def a_host(tmp_path: Path, once: Once, pulse: FakePulse) -> Host:
    """Return a host."""
    return Host(tmp_path, once("trial.mp4", make_trial), pulse)


def test_a_refusal_goes_down_to_x264_and_is_remembered(a_host: Host) -> None:
    """The job's next chunk does not fail its way down again."""
    media = a_host.media(GOOD, REFUSED, REFUSED, REFUSED, GOOD)
    assert a_host.encode(media) == "x264"
    assert a_host.encode(media, index=0) == "x264"
    assert a_host.taken == ["trial", "nvenc/A", "nvenc/B", "nvenc/C", "x264", "x264"]


def test_a_jetson_goes_from_its_encoder_to_x264(a_host: Host) -> None:
    """A crash is a refusal too."""
    media = a_host.media(GOOD, Scene(code=-11), wished=Family.NVMPI)
    assert a_host.encode(media) == "x264"
    assert a_host.taken == ["trial", "nvmpi", "x264"]


@pytest.mark.parametrize(
    ("video", "index", "recipe"),
    [
        ({}, 1, "nvenc/A"),
        ({}, 2, "nvenc/B"),
        ({"rotation": 90}, 1, "nvenc/B"),
        ({"colour_transfer": "smpte2084", "colour_space": "bt2020nc"}, 1, "nvenc/B"),
        ({"colour_space": "smpte170m"}, 1, "nvenc/C"),
        ({"pixel_format": "yuvj420p"}, 1, "nvenc/C"),
    ],
)
def test_a_source_begins_where_it_can(
    a_host: Host, video: dict[str, object], index: int, recipe: str
) -> None:
    """Turned and HDR pictures are decoded on the CPU; so is the last chunk."""
    assert a_host.encode(a_host.media(GOOD), index=index, **video) == recipe


def test_a_second_trouble_in_one_way_takes_the_next(a_host: Host) -> None:
    """The first is an attempt that failed; in between, other hosts may try."""
    media = a_host.media(GOOD, FULL, FULL, GOOD)
    with pytest.raises(TranscodeError, match="the GPU's memory is full"):
        a_host.encode(media)
    assert a_host.encode(media) == "nvenc/B"
    assert a_host.taken == ["trial", "nvenc/A", "nvenc/A", "nvenc/B"]


def test_the_third_fault_of_a_sick_encoder_takes_the_host_out(a_host: Host) -> None:
    """Whichever of the worker's processes met them: the file is shared."""
    scenes = (GOOD, SICK, GOOD, SICK, SICK)
    for media in (a_host.media(*scenes), other := a_host.media(*scenes)):
        with pytest.raises(TranscodeError, match="failed while it ran"):
            a_host.encode(media)
    with pytest.raises(HostUnfit, match="this host's encoder has failed too often"):
        a_host.encode(other)
    assert Faults(a_host.faults).decision().is_open


def test_the_third_full_disk_takes_the_host_out(a_host: Host) -> None:
    """One unit's files may have filled it; a disk that stays full is no place to work."""
    media = a_host.media(GOOD, DISK_FULL, DISK_FULL, DISK_FULL)
    for is_open in (False, False, True):
        with pytest.raises(ScratchFull):
            a_host.encode(media)
        assert media.faults.decision().is_open is is_open


class Watch(FakePulse):
    """Finds that the work stands still, once ffmpeg has started so often."""

    def __init__(self, stand_in: StandIn, *, starts: int) -> None:
        super().__init__()
        self._stand_in, self._starts = stand_in, starts

    def check(self) -> None:
        """Raise Stalled."""
        if len(self._stand_in.starts) == self._starts:
            raise Stalled("encode stood still for 60 s")


def test_a_gpu_that_hangs_is_counted_and_gone_round(a_host: Host) -> None:
    """The attempt is over; the next one begins a step lower."""
    media = a_host.media(GOOD, Scene(code="hang"))
    media.ladder.choose()
    a_host.pulse = Watch(a_host.stand_in, starts=2)
    with pytest.raises(Stalled):
        a_host.encode(media)
    a_host.pulse = FakePulse()
    assert a_host.encode(media) == "nvenc/B"


def test_a_source_that_the_encoder_refuses_is_not_the_hosts_fault(a_host: Host) -> None:
    """It would take one AWS host after the other out of service; so the trial is repeated, and it works."""
    media = a_host.media(GOOD, REFUSED, REFUSED, REFUSED, GOOD, is_software_allowed=False)
    with pytest.raises(TranscodeError, match="this host's nvenc encoder cannot do this source"):
        a_host.encode(media)
    assert a_host.taken == ["trial", "nvenc/A", "nvenc/B", "nvenc/C", "trial"]
    assert not media.faults.decision().is_open


def test_what_begins_with_x264_is_refused_where_that_is_not_allowed(a_host: Host) -> None:
    """A rendition that no GPU makes must not make an AWS host encode on its CPU without a word."""
    media = a_host.media(GOOD, GOOD, is_software_allowed=False)
    plan = gpu_plan()
    tiny = plan.renditions[1].model_copy(update={"width": 160, "height": 90})
    plan = plan.model_copy(update={"renditions": (plan.renditions[0], tiny)})
    with pytest.raises(TranscodeError, match="may not encode on its CPU: size-outside-nvenc"):
        media.encode_chunk(plan, 1, a_host.folder / "source", a_host.folder, pulse=a_host.pulse)
    assert a_host.taken == ["trial"]


def test_a_host_that_may_not_fall_back_is_unfit(a_host: Host) -> None:
    """Where the repeated trial fails too."""
    media = a_host.media(GOOD, REFUSED, REFUSED, REFUSED, NO_DRIVER, is_software_allowed=False)
    with pytest.raises(HostUnfit, match="may not encode on its CPU: this host has no NVIDIA driver"):
        a_host.encode(media)
    assert media.faults.decision().is_open


def test_a_gpu_that_is_lost_is_tried_anew(a_host: Host) -> None:
    """What the trial said no longer counts."""
    media = a_host.media(GOOD, NO_DRIVER, NO_DRIVER, NO_DRIVER, GOOD)
    with pytest.raises(HostUnfit, match="no NVIDIA driver"):
        a_host.encode(media)
    assert a_host.encode(media) == "x264"
    assert a_host.taken == ["trial", "nvenc/A", "trial", "trial", "trial", "x264"]


@pytest.mark.parametrize("is_software_allowed", [True, False])
def test_what_only_one_source_says_of_the_host_takes_the_next_way(
    a_host: Host, *, is_software_allowed: bool
) -> None:
    """A file may hold any line of ffmpeg's; a trial sees nothing of it, and closes no gate."""
    scenes = (GOOD, *(NO_DRIVER, GOOD) * 3, GOOD)
    media = a_host.media(*scenes, is_software_allowed=is_software_allowed)
    if is_software_allowed:
        assert a_host.encode(media) == "x264"
    else:
        with pytest.raises(
            TranscodeError, match="cannot do this source: only with this source: this host has no NVIDIA"
        ):
            a_host.encode(media)
    assert a_host.taken[:7] == ["trial", "nvenc/A", "trial", "nvenc/B", "trial", "nvenc/C", "trial"]
    assert not media.faults.decision().is_open


def test_hdr_becomes_what_every_screen_shows(tmp_path: Path, pulse: FakePulse) -> None:
    """For real, by x264: mapped to BT.709 in eight bits, and every frame in its place."""
    path = film(
        tmp_path / "hdr.mp4",
        *("-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"),
        *("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"),
        # The options are believed up to ffmpeg 6, the frames from 7 on.
        *("-vf", "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"),
        codec="libx265",
        length_s=1,
    )
    media = FfmpegMedia(preset="ultrafast", threads=1)
    plan = plan_for(media.probe(path, pulse=pulse), rate=Fraction(25))
    assert plan.media.video.colour_transfer == "arib-std-b67"
    encoded = media.encode_chunk(plan, 0, path, tmp_path, pulse=pulse)
    finding.require(chunk.check_chunk(plan, 0, encoded.tracks))
