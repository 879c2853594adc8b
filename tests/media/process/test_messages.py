"""What ffmpeg's complaints mean, row by row, and what becomes of the unit in the real runner."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx.core.plan.encoder_family import Family
from rugbytx.errors import TranscodeError
from rugbytx.media.process import diagnosis
from rugbytx.media.process.diagnosis import DAMAGE, WRAPPER
from rugbytx.media.process.messages import ENCODING, PLAIN, READING, Action, Complaint
from rugbytx.media.transcoder import FfmpegMedia
from tests.complaints import CASES, Case
from tests.gpu_plan import gpu_plan
from tests.pulse import FakePulse
from tests.stand_in import GOOD, Scene, StandIn, make_trial, recipe_of

Once = Callable[[str, Callable[[Path], object]], Path]

PLAN = gpu_plan()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_complaint_has_one_meaning(case: Case) -> None:
    """Whatever stands round it: the kind of error says what becomes of the unit, its sentence what a person reads."""
    found = diagnosis.examine(case.code, case.lines) if case.code else diagnosis.spoilt(case.lines)
    assert found is not None
    assert (found.action, type(found.error)) == (case.action, case.error)
    assert case.says in str(found.error)


PATTERNS = [(row, pattern) for row in ENCODING for pattern in row.patterns]


@pytest.mark.parametrize(("row", "pattern"), PATTERNS, ids=[pattern.pattern for _, pattern in PATTERNS])
def test_each_pattern_has_a_case(row: Complaint, pattern: re.Pattern[str]) -> None:
    """Nothing stands in the table that nothing proves: some case is what it is by this pattern alone."""
    lines = [line for case in CASES for line in case.lines if pattern.search(line)]
    alone = [line for line in lines if sum(other.search(line) is not None for other in row.patterns) == 1]
    assert any(next(known for known in ENCODING if known.fits(line)) is row for line in alone)


def test_a_source_that_reaches_out_is_an_event(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever watches the logs can count them; other bad sources are none."""
    diagnosis.examine(1, ["[concat @ 0x5] [error] Unsafe file name '/etc/passwd'"], table=READING)
    diagnosis.examine(1, ["[mov @ 0x5] [error] moov atom not found"], table=READING)
    [event] = caplog.records
    assert (event.message, event.__dict__["reason"]) == (
        "source-reaches-out",
        "Unsafe file name '/etc/passwd'",
    )


@pytest.mark.parametrize(
    "line",
    [
        "[fatal] Conversion failed!",
        "[h264_nvenc @ 0x5] [error] No capable devices found",
        "[h264_nvenc @ 0x5] [error] No NVENC capable devices found",
        "[h264_nvenc @ 0x5] [error] Provided device doesn't support required NVENC features",
        (
            "[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0"
            " - maybe incorrect parameters such as bit_rate, rate, width or height"
        ),
        "[vost#0:0/h264_nvenc @ 0x5] [error] Error while opening encoder - maybe incorrect parameters",
        "[vf#0:0 @ 0x5] [error] Terminating thread with return code -22 (Invalid argument)",
        "[error] Failed to inject frame into filter network: Invalid argument",
        "[error] Device creation failed: -1.",
        "[info] Exiting normally, received signal 15.",
    ],
)
def test_a_wrapper_is_never_the_reason(line: str) -> None:
    """It only reports that something else went wrong."""
    assert WRAPPER.search(line)
    assert not any(row.fits(line) for row in ENCODING)


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        ("[libx264 @ 0x5] [error] non-strictly-monotonic PTS", True),
        ("[h264_nvenc @ 0x5] [error] the driver said something new", True),
        ("[mp4 @ 0x5] [error] Application provided invalid, non monotonically increasing dts to muxer", True),
        ("[Parsed_scale_3 @ 0x5] [swscaler @ 0x7] [error] bad slice", True),
        ("[vost#0:0/libx264 @ 0x5] [enc:libx264 @ 0x7] [error] a frame was lost", True),
        ("[out#0/mp4 @ 0x5] [error] a packet was lost", True),
        ("[libx264 @ 0x5] [warning] VBV underflow (frame 3, -40 bits)", False),
        ("[mp4 @ 0x5] [warning] Timestamps are unset in a packet for stream 0.", False),
        ("[h264 @ 0x5] [error] error while decoding MB 3 4, bytestream 7", False),
        ("[aac @ 0x5] [error] channel element 2.3 is not allocated", False),
        ("[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [error] error reading header", False),
        ("[vist#0:0/h264 @ 0x5] [dec:h264 @ 0x7] [error] Error submitting packet to decoder", False),
        ("[error] Error while decoding stream #0:0: Invalid data found when processing input", False),
    ],
)
def test_an_error_of_our_own_side_spoils_success(line: str, is_ours: bool) -> None:
    """Whatever the exit status says; what is wrong with the source is counted instead."""
    found = diagnosis.spoilt([line])
    assert (found is not None) is is_ours
    if found:
        assert (found.action, type(found.error)) == (Action.RETRY, TranscodeError)
        assert str(found.error).startswith("ffmpeg ended well and complained of its own work: ")


@pytest.mark.parametrize(
    "line",
    [
        "[mov,mp4 @ 0x5] [warning] stream 0, offset 0x30: partial file",
        "[matroska,webm @ 0x5] [error] File ended prematurely at pos. 100 (0x64)",
        "[mpegts @ 0x5] [warning] Packet corrupt (stream = 0, dts = 1).",
        "[warning] file:/scratch/a.mp4: corrupt decoded frame in stream 0",
        "[error] Error while decoding stream #0:0: Invalid data found when processing input",
        "[vist#0:0/h264 @ 0x5] [error] Error submitting packet to decoder: Invalid data found when processing input",
    ],
)
def test_damage_is_never_the_reason(line: str) -> None:
    """It is counted while the source is decoded, and judged by its amount."""
    assert DAMAGE.search(line)
    assert not any(row.fits(line) for row in ENCODING)


#: What a file says through the demuxer that quotes it.
QUOTES = (
    "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [warning] Skipped opening external track: stream 0, alias: path='%s'"
)
OF_HOST = [case for case in CASES if case.action not in {Action.INPUT, Action.RETRY} and case.lines]


@pytest.mark.parametrize("case", OF_HOST, ids=str)
def test_nobody_is_believed_who_quotes_the_file(case: Case) -> None:
    """What a file says of this host is no complaint about it, whatever the exit status."""
    lines = [QUOTES % line for line in case.lines]
    found = diagnosis.examine(
        1, [*lines, "[error] file:/scratch/a: Invalid data found when processing input"]
    )
    assert found.action is Action.INPUT
    assert diagnosis.spoilt(lines) is None


@pytest.mark.parametrize("case", OF_HOST, ids=str)
def test_ffprobe_says_nothing_of_the_host(case: Case) -> None:
    """It opens the source and nothing else, and a file may hold whole lines of ffmpeg's."""
    assert diagnosis.examine(1, case.lines, table=READING).action is Action.RETRY


def test_without_an_encoder_none_is_at_fault() -> None:
    """Sound, comparisons and copies use none."""
    assert [row.meaning for row in PLAIN if row.action in {Action.HOST, Action.SICK, Action.PLAN}] == []


@pytest.fixture
def good(once: Once) -> Path:
    """Return what an encode that succeeds writes."""
    return once("trial.mp4", make_trial)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Return a stand-in that has no part yet."""
    folder = tmp_path / "program"
    folder.mkdir()
    return StandIn(folder)


def media_of(stand_in: StandIn, *, is_software_allowed: bool = True) -> FfmpegMedia:
    """Return the media of a host whose ffmpeg is the stand-in, and which seems to have NVENC."""
    return FfmpegMedia(ffmpeg=stand_in.program, wished=Family.NVENC, is_software_allowed=is_software_allowed)


def encode(media: FfmpegMedia, folder: Path, pulse: FakePulse) -> str:
    """Encode a chunk and return by which recipe."""
    return media.encode_chunk(PLAN, 1, folder / "source", folder, pulse=pulse).encoder


@pytest.mark.process
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_becomes_of_the_unit(
    case: Case, stand_in: StandIn, good: Path, tmp_path: Path, pulse: FakePulse
) -> None:
    """PLAN takes the next recipe at once; all else ends the attempt, and the host where a trial says so too."""
    scene = Scene(stderr=case.stderr, code=case.code)
    stand_in.play([GOOD, scene, scene] if case.action is Action.HOST else [GOOD, scene], good=good)
    media = media_of(stand_in)
    if case.action is Action.PLAN:
        assert encode(media, tmp_path, pulse) == "nvenc/B"
        assert [recipe_of(start) for start in stand_in.starts] == ["trial", "nvenc/A", "nvenc/B"]
        return
    with pytest.raises(case.error, match=re.escape(case.says)):
        encode(media, tmp_path, pulse)
    confirmed = ["trial"] if case.action is Action.HOST else []
    assert [recipe_of(start) for start in stand_in.starts] == ["trial", "nvenc/A", *confirmed]
    assert media.faults.decision().is_open is (case.action is Action.HOST)
