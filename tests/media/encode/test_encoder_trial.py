"""Which encoder works here, found out by encoding.

libx264 and the refusal of NVENC without a driver are real; no GPU runs these
tests, and what would happen with one is played by a stand-in.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx.core.plan.encoder_family import Candidates, Family
from rugbytx.errors import Draining, HostUnfit, LeaseLost, RugbytxError, ScratchFull
from rugbytx.media import host
from rugbytx.media.encode.encoder_options import X264, Encoders
from rugbytx.media.encode.encoder_trial import FAILS_S, WORKS_S, Trials
from rugbytx.media.encode.faults import Faults
from rugbytx.media.encode.recipe_fallback import Ladder
from rugbytx.media.process import diagnosis
from rugbytx.media.process.messages import Action
from tests.fakes.clock import Clock
from tests.pulse import FakePulse
from tests.stand_in import GOOD, Scene, StandIn, make_trial

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

NO_DRIVER = "[h264_nvenc @ 0x55d0] [error] Cannot load libcuda.so.1"
NO_SESSION = "[h264_nvenc @ 0x55d0] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)"


class Bench:
    """Trials with a stand-in for ffmpeg, a clock and a cache."""

    def __init__(self, folder: Path, good: Path) -> None:
        self.clock = Clock()
        self.stand_in = StandIn(folder / "program")
        self.stand_in.folder.mkdir()
        self.root = folder / "root"
        self.cache = folder / "scratch" / "trials.json"
        self.good = good

    def play(self, *scenes: Scene) -> None:
        """Write the stand-in's part."""
        self.stand_in.play(scenes, good=self.good)

    def trials(self, *, encoders: Encoders | None = None, timeout_s: float = 20.0) -> Trials:
        """Return the trials of a process of its own."""
        return Trials(
            ffmpeg=self.stand_in.program,
            encoders=encoders or Encoders(),
            cache=self.cache,
            root=self.root,
            timeout_s=timeout_s,
            monotonic=self.clock,
        )

    @property
    def tries(self) -> int:
        """Return how many trials there were."""
        return len(self.stand_in.starts)


@pytest.fixture
def bench(tmp_path: Path, once: Once) -> Bench:
    """Return trials of a stand-in that has no part yet."""
    return Bench(tmp_path, once("trial.mp4", make_trial))


def test_x264_works_here() -> None:
    """For real: its frames are counted, its header makes the fingerprint, and another profile another one."""
    high = Trials(ffmpeg="ffmpeg", encoders=Encoders()).verdict(Family.X264)
    main = Trials(ffmpeg="ffmpeg", encoders=Encoders(x264=X264(profile="main"))).verdict(Family.X264)
    assert (high.works, main.works, high.reason) == (True, True, "")
    assert re.fullmatch("[0-9a-f]{16}", high.fingerprint)
    assert high.fingerprint != main.fingerprint


@pytest.mark.skipif(bool(host.driver()), reason="this host has an NVIDIA driver")
@pytest.mark.skipif("nvidia" in host.read().compatible, reason="this host is a Jetson")
def test_nvenc_does_not_work_here() -> None:
    """For real: it is compiled into this ffmpeg, which lists it, and there is no driver."""
    verdict = Trials(ffmpeg="ffmpeg", encoders=Encoders()).verdict(Family.NVENC)
    assert (verdict.works, verdict.reason) == (
        False,
        "this host has no NVIDIA driver (Cannot load libcuda.so.1)",
    )


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "stderr").iterdir()), ids=lambda path: path.stem
)
def test_what_was_recorded_without_a_driver_is_the_hosts_fault(path: Path) -> None:
    """As ffmpeg 5.1.9 wrote it on a machine without a GPU: encoding, decoding, uploading."""
    found = diagnosis.examine(1, path.read_text(encoding="utf-8").splitlines())
    assert found.action is Action.HOST
    assert "no NVIDIA driver" in str(found.error)


def test_a_success_is_believed_for_an_hour_and_a_failure_for_five_minutes(bench: Bench) -> None:
    """By every process of the host."""
    bench.play(Scene(stderr=NO_DRIVER), GOOD)
    assert not bench.trials().verdict(Family.NVENC).works
    bench.clock.advance(FAILS_S - 1)
    assert not bench.trials().verdict(Family.NVENC).works
    assert bench.tries == 1
    bench.clock.advance(2)
    assert bench.trials().verdict(Family.NVENC).works
    bench.clock.advance(WORKS_S - 1)
    assert bench.trials().verdict(Family.NVENC).works
    assert bench.tries == 2
    bench.clock.advance(2)
    bench.trials().verdict(Family.NVENC)
    assert bench.tries == 3


def test_sessions_in_use_are_not_remembered(bench: Bench) -> None:
    """An encoder whose sessions are all taken is one that works."""
    bench.play(Scene(stderr=NO_SESSION), GOOD)
    first = bench.trials().verdict(Family.NVENC)
    assert (first.works, first.is_passing, first.fingerprint) == (True, True, "")
    second = bench.trials().verdict(Family.NVENC)
    assert (second.works, second.is_passing, bench.tries) == (True, False, 2)


@pytest.mark.parametrize("change", ["ffmpeg", "driver", "gpu", "boot", "options"])
def test_a_result_holds_only_for_what_was_tried(bench: Bench, change: str) -> None:
    """Another ffmpeg, driver, GPU or boot, or other options, and it is tried again."""
    bench.play()
    bench.trials().verdict(Family.X264)
    files = {
        "driver": "proc/driver/nvidia/version",
        "gpu": "proc/driver/nvidia/gpus/0000:01:00.0/information",
        "boot": "proc/sys/kernel/random/boot_id",
    }
    encoders = Encoders()
    if change == "ffmpeg":
        (bench.stand_in.folder / "ffmpeg").touch()
    elif change == "options":
        encoders = Encoders(x264=X264(profile="main"))
    else:
        path = bench.root / files[change]
        path.parent.mkdir(parents=True)
        path.write_text("another")
    bench.trials(encoders=encoders).verdict(Family.X264)
    assert bench.tries == 2


def test_a_torn_cache_is_an_empty_one(bench: Bench) -> None:
    """And is written anew."""
    bench.play()
    bench.cache.parent.mkdir()
    for text in ("", "{", "[]", '{"a": 1}'):
        bench.cache.write_text(text)
        assert bench.trials().verdict(Family.X264).works
    assert bench.trials().verdict(Family.X264).works
    assert bench.tries == 4


def test_an_encoder_that_hangs_is_ended(bench: Bench) -> None:
    """As nvmpi does where it should fail."""
    bench.play(Scene(code="hang"))
    trials = Trials(ffmpeg=bench.stand_in.program, encoders=Encoders(), timeout_s=0.5)
    verdict = trials.verdict(Family.NVMPI)
    assert (verdict.works, verdict.reason) == (False, "it did not end within 0.5 s")


def test_an_encoder_that_loses_frames_does_not_work(bench: Bench, tmp_path: Path) -> None:
    """What it wrote is counted; exit status 0 proves nothing."""
    short = tmp_path / "short.mp4"
    short.write_bytes(b"")
    bench.stand_in.play([GOOD], good=short)
    verdict = bench.trials().verdict(Family.NVMPI)
    assert (verdict.works, verdict.reason) == (False, "trial.mp4 was not written")


def test_what_ends_the_work_ends_the_trial(bench: Bench, pulse: FakePulse) -> None:
    """A lease that is lost during a trial says nothing about the encoder."""
    bench.play(Scene(code="hang"))
    pulse.stop = LeaseLost("gone")
    with pytest.raises(LeaseLost):
        bench.trials().verdict(Family.NVENC, pulse=pulse)
    assert not bench.cache.exists()


@pytest.mark.parametrize(
    ("scene", "error"),
    [
        (Scene(stderr="[error] av_interleaved_write_frame(): No space left on device"), ScratchFull),
        (Scene(code=-15), Draining),
    ],
    ids=["disk full", "told to leave"],
)
def test_what_says_nothing_of_the_encoder_is_no_result(
    bench: Bench, scene: Scene, error: type[RugbytxError]
) -> None:
    """It is raised, and nothing is remembered."""
    bench.play(scene)
    with pytest.raises(error):
        bench.trials().verdict(Family.NVENC)
    assert bench.trials().verdict(Family.NVENC).works


def ladder(bench: Bench, *, is_software_allowed: bool, families: tuple[Family, ...]) -> Ladder:
    """Return the ladder of a host that tries these families."""
    return Ladder(
        bench.trials(),
        Candidates(families=families, reason="nvidia-device"),
        faults=Faults(monotonic=bench.clock),
        is_software_allowed=is_software_allowed,
    )


def test_a_host_of_ours_falls_back_and_says_why(bench: Bench) -> None:
    """On the Jetson and in the local system."""
    bench.play(Scene(stderr=NO_DRIVER), GOOD)
    choice = ladder(bench, is_software_allowed=True, families=(Family.NVENC, Family.X264)).choose()
    assert choice.family is Family.X264
    assert choice.sentence == "nvenc: this host has no NVIDIA driver (Cannot load libcuda.so.1)"


@pytest.mark.parametrize("families", [(Family.NVENC, Family.X264), (Family.X264,)])
def test_a_host_that_is_paid_for_its_gpu_does_not_fall_back(
    bench: Bench, families: tuple[Family, ...]
) -> None:
    """Not a silent tenfold slowdown: it is unfit, and says why."""
    bench.play(Scene(stderr=NO_DRIVER))
    with pytest.raises(
        HostUnfit, match=r"no GPU encoder works on this host, and it may not encode on its CPU"
    ):
        ladder(bench, is_software_allowed=False, families=families).choose()


def test_a_host_without_ffmpeg_is_unfit() -> None:
    """Whatever it may do."""
    trials = Trials(ffmpeg="no-such-ffmpeg", encoders=Encoders())
    host_ladder = Ladder(
        trials,
        Candidates(families=(Family.X264,), reason="no-nvidia-device"),
        faults=Faults(),
        is_software_allowed=True,
    )
    with pytest.raises(HostUnfit, match="this host has no no-such-ffmpeg"):
        host_ladder.choose()
