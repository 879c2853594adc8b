"""The gate and the encoder: a host without one receives nothing."""

from pathlib import Path

import pytest

from rugbytx.core.fleet.circuit_breaker import PAUSE_S, FaultKind
from rugbytx.core.plan.encoder_family import Family
from rugbytx.media.encode.faults import Faults
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.worker.gate import gate
from rugbytx.worker.gate.encoder_health import Fitness
from rugbytx.worker.gate.gate import View
from tests.fakes.clock import Clock
from tests.fakes.store import FakeStore
from tests.stand_in import GOOD, Scene, StandIn, make_trial

pytestmark = pytest.mark.process

NO_DRIVER = Scene(stderr="[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1")


class Bench:
    """A worker's main process, and the faults that its children note."""

    def __init__(self, folder: Path, *, is_software_allowed: bool = False) -> None:
        self.folder = folder
        self.clock = Clock()
        self.stand_in = StandIn(folder / "program")
        self.stand_in.folder.mkdir()
        #: How often the worker was told that its encoder is unfit.
        self.told = 0
        self.media = FfmpegMedia(
            ffmpeg=self.stand_in.program,
            wished=Family.NVENC,
            is_software_allowed=is_software_allowed,
            cache=folder / "trials.json",
            faults=Faults(folder / "faults", monotonic=self.clock),
        )
        self.view = View(
            store=FakeStore(),
            scratch=folder / "scratch",
            scratch_floor_bytes=0,
            view_s=5.0,
            is_draining=lambda: False,
            fitness=Fitness(self.media, on_unfit=self.hear),
            monotonic=self.clock,
        )

    def play(self, *scenes: Scene) -> None:
        """Let ffmpeg play these scenes."""
        good = self.folder / "good" / "trial.mp4"
        good.parent.mkdir()
        make_trial(good)
        self.stand_in.play(scenes, good=good)

    def hear(self) -> None:
        """Count."""
        self.told += 1

    def child_meets(self, reason: str) -> None:
        """Note what a pool child meets: it has the file, and nothing else, in common with the main process."""
        Faults(self.folder / "faults", monotonic=self.clock).add(FaultKind.UNFIT, reason)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a worker that may not encode on its CPU."""
    return Bench(tmp_path)


def test_a_worker_whose_encoder_works_receives(bench: Bench) -> None:
    """Tried once, by the first look."""
    bench.play(GOOD)
    bench.view.refresh()
    bench.view.refresh()
    assert bench.view.is_open()
    assert (len(bench.stand_in.starts), bench.told) == (1, 0)


def test_a_worker_without_an_encoder_receives_nothing_and_is_told(bench: Bench) -> None:
    """Before it has taken a single message."""
    bench.play(NO_DRIVER)
    bench.view.refresh()
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.UNFIT)
    bench.view.refresh()
    assert bench.told == 1


def test_what_a_child_met_closes_the_gate_before_the_next_receive(bench: Bench) -> None:
    """Without waiting for the next look: the unit that was handed back must not come straight back."""
    bench.play(GOOD)
    bench.view.refresh()
    assert bench.view.is_open()
    bench.child_meets("this host has no NVIDIA driver")
    assert (bench.view.is_open(), bench.view.reason) == (False, gate.UNFIT)


@pytest.mark.parametrize(
    ("after", "is_open"), [(GOOD, True), (NO_DRIVER, False)], ids=["well again", "still ill"]
)
def test_after_the_pause_a_trial_decides(bench: Bench, after: Scene, is_open: bool) -> None:
    """What was found before the fault no longer counts."""
    bench.play(GOOD, after, NO_DRIVER)
    bench.view.refresh()
    bench.child_meets("this host has no NVIDIA driver")
    bench.clock.advance(PAUSE_S - 1)
    bench.view.refresh()
    assert (bench.view.is_open(), bench.told, len(bench.stand_in.starts)) == (False, 1, 1)
    bench.clock.advance(2)
    bench.view.refresh()
    assert bench.view.is_open() is is_open
    assert len(bench.stand_in.starts) == 2


def test_an_open_breaker_causes_no_trial(bench: Bench) -> None:
    """Neither the gate's looks nor the worker's presence try what is to be left alone; nor does presence ever."""
    bench.play(GOOD, GOOD)
    assert bench.media.known() == ("", "")
    bench.view.refresh()
    assert bench.media.known() == ("nvenc", bench.media.maker())
    assert len(bench.stand_in.starts) == 1
    bench.child_meets("this host has no NVIDIA driver")
    for _ in range(60):
        bench.view.refresh()
        assert bench.media.known() == ("", "")
        bench.clock.advance(5)
        assert len(bench.stand_in.starts) == 1
    bench.view.refresh()
    assert (bench.view.is_open(), len(bench.stand_in.starts)) == (True, 2)
    assert bench.media.known() == ("nvenc", bench.media.maker())


def test_what_the_host_finds_out_while_the_breaker_is_open_is_kept(bench: Bench) -> None:
    """Only the first look after an opening forgets: a child's trial after that is not in vain."""
    bench.play(GOOD, GOOD)
    bench.view.refresh()
    bench.child_meets("this host has no NVIDIA driver")
    bench.view.refresh()
    bench.media.trials.verdict(Family.NVENC)
    bench.view.refresh()
    bench.clock.advance(PAUSE_S)
    bench.view.refresh()
    assert (bench.view.is_open(), len(bench.stand_in.starts)) == (True, 2)


@pytest.mark.parametrize(
    "text", [b"", b"\xff\n", b'{"at": 1', b'{"at": 0.0, "kind": "new", "reason": ""}\n'], ids=range(4)
)
def test_a_file_that_cannot_be_read_closes_nothing(bench: Bench, text: bytes) -> None:
    """A line that was cut off by a full disk is passed over."""
    (bench.folder / "faults").write_bytes(text)
    assert not bench.media.faults.decision().is_open
