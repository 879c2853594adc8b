"""What ffmpeg's progress and its complaints mean."""

import os
import signal
from pathlib import Path

import pytest

from rugbytx.core.plan.plan import AudioPlan
from rugbytx.errors import Draining, HostUnfit, RugbytxError, ScratchFull, TranscodeError, UnsupportedMedia
from rugbytx.media.encode import command_line
from rugbytx.media.process import diagnosis, ffmpeg
from tests.plans import small_plan
from tests.processes import descendants
from tests.pulse import FakePulse

MOV = "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55f8be2b7340]"
OPENING = (
    "[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0"
    " - maybe incorrect parameters such as bit_rate, rate, width or height"
)
CONVERSION = "[fatal] Conversion failed!"


@pytest.mark.parametrize(
    ("code", "complaints", "error", "sentence"),
    [
        # As ffmpeg 5.1.9 wrote them.
        (
            1,
            [
                f"{MOV} [warning] Format mov,mp4,m4a,3gp,3g2,mj2 detected only with low score of 1, misdetection possible!",
                f"{MOV} [error] moov atom not found",
                "[error] file:/scratch/a.mp4: Invalid data found when processing input",
            ],
            UnsupportedMedia,
            "the source is not a complete MP4 file: its index is missing",
        ),
        (
            1,
            ["[error] file:/scratch/a b.mp4: Invalid data found when processing input"],
            UnsupportedMedia,
            "the source is not a video file, or is damaged from its beginning",
        ),
        (
            183,  # as ffmpeg 9 says it
            ["[in#0 @ 0x5] [error] Error opening input: Invalid data found when processing input"],
            UnsupportedMedia,
            "the source is not a video file, or is damaged from its beginning",
        ),
        (
            1,
            [
                "[hls @ 0x5] [error] Format not on whitelist 'mov,matroska,mpegts,avi'",
                "[error] file:/scratch/a.mp4: Invalid argument",
            ],
            UnsupportedMedia,
            "the source is of a kind that is not accepted: it must be MP4, MOV, Matroska, WebM, MPEG-TS or AVI",
        ),
        (
            1,
            [
                "[png @ 0x5] [IMGUTILS @ 0x7] [error] Picture size 9000x9000 exceeds specified max pixel count 36000000",
                "[fatal] Error marking filters as finished",
            ],
            UnsupportedMedia,
            "the source's picture is larger than this system takes",
        ),
        (
            1,
            [
                "[error] av_interleaved_write_frame(): No space left on device",
                "[error] Error writing trailer of file:/scratch/o.mp4: No space left on device",
            ],
            ScratchFull,
            "the scratch disk is full",
        ),
        (
            1,
            ["[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1", OPENING, CONVERSION],
            HostUnfit,
            "this host has no NVIDIA driver (Cannot load libcuda.so.1)",
        ),
        (
            1,
            ["[libx264 @ 0x5] [error] width not divisible by 2 (99x99)", OPENING],
            TranscodeError,
            "ffmpeg failed: width not divisible by 2 (99x99)",
        ),
        (
            1,
            [
                "[aac @ 0x5] [warning] Queue input is backward in time",
                "[fatal] Stream map '0:7' matches no streams.",
            ],
            TranscodeError,
            "ffmpeg failed: Stream map '0:7' matches no streams.",
        ),
        # A damaged packet does not make the source unsupported.
        (
            1,
            [
                "[error] Error while decoding stream #0:0: Invalid data found when processing input",
                "[h264 @ 0x5] [error] no frame!",
                CONVERSION,
            ],
            TranscodeError,
            "ffmpeg failed: no frame!",
        ),
        (1, [CONVERSION], TranscodeError, "ffmpeg failed: Conversion failed!"),
        (1, [], TranscodeError, "ffmpeg failed with exit status 1 and said nothing"),
        (-11, [], TranscodeError, "ffmpeg was ended by signal 11 (Segmentation fault)"),
        (-9, [], TranscodeError, "ffmpeg was ended by signal 9 (Killed)"),
        (-15, [], Draining, "ffmpeg was told to end by another process"),
        (
            255,
            ["[aac @ 0x5] [warning] Queue input is backward in time"],
            Draining,
            "ffmpeg was told to end by another process",
        ),
        # 7.0 and later end with an error's lowest byte, and EPERM's is 255.
        (255, ["[error] Operation not permitted"], TranscodeError, "ffmpeg failed: Operation not permitted"),
    ],
)
def test_the_cause_is_found_among_the_complaints(
    code: int, complaints: list[str], error: type[RugbytxError], sentence: str
) -> None:
    """The kind of error says what becomes of the unit, its sentence what a person reads."""
    found = diagnosis.examine(code, complaints).error
    assert type(found) is error
    assert str(found) == sentence


def blocks(*values: dict[str, str]) -> list[str]:
    """Return the lines of progress blocks."""
    return [
        f"{name}={value}" for block in values for name, value in [*block.items(), ("progress", "continue")]
    ]


def test_only_a_counter_that_grew_is_life(pulse: FakePulse) -> None:
    """A hanging encoder goes on printing blocks, and none of them may keep its lease alive."""
    reader = ffmpeg.ProgressReader(pulse)
    for line in blocks(
        {"frame": "0", "fps": "0.00", "out_time_us": "N/A"},
        {"frame": "10", "fps": "20.00", "out_time_us": "300000"},
        {"frame": "10", "fps": "18.00", "out_time_us": "300000"},
        {"frame": "3", "fps": "1.00", "out_time_us": "-5"},
        {"frame": "12", "fps": "20.00", "out_time_us": "N/A"},
    ):
        reader.take(line)
    assert pulse.advances == [(10, 300_000), (12, 300_000)]


def test_audio_moves_by_its_time_alone(pulse: FakePulse) -> None:
    """A block without a frame number still shows movement."""
    reader = ffmpeg.ProgressReader(pulse)
    for line in blocks({"bitrate": "64.0kbits/s", "out_time_us": "21333"}, {"out_time_us": "2000000"}):
        reader.take(line)
    assert pulse.advances == [(0, 21_333), (0, 2_000_000)]


@pytest.mark.process
def test_a_fatal_line_outweighs_exit_status_0(pulse: FakePulse) -> None:
    """The exit status alone is not believed."""
    script = "echo 'progress=end'; echo '[x @ 0x1] [fatal] it is over' >&2"
    with pytest.raises(TranscodeError, match="ffmpeg failed: it is over"):
        ffmpeg.run(["bash", "-c", script], pulse=pulse)


class Stranger(FakePulse):
    """Sends ffmpeg a signal as soon as it moves."""

    number = signal.SIGTERM

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Send it."""
        super().advance(frames=frames, fps=fps, count=count)
        for pid in descendants(os.getpid(), "ffmpeg", "testsrc2"):
            os.kill(pid, self.number)


@pytest.mark.process
@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, Draining), (signal.SIGKILL, TranscodeError)])
def test_only_a_sigterm_is_no_verdict(number: signal.Signals, error: type[RugbytxError]) -> None:
    """Whoever switches a host off sends SIGTERM; SIGKILL may be the kernel's, and the unit's fault."""
    pulse = Stranger()
    pulse.number = number
    argv = ["ffmpeg", "-nostdin", "-loglevel", "level+warning", "-progress", "pipe:1"]
    with pytest.raises(error):
        ffmpeg.run([*argv, "-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"], pulse=pulse)


@pytest.mark.process
def test_a_source_that_is_none_is_refused_in_one_attempt(pulse: FakePulse, tmp_path: Path) -> None:
    """A playlist named like a film must not have ffmpeg read other files of the host."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    source = tmp_path / "film.mp4"
    source.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    argv = command_line.audio(
        small_plan(chunks=1), AudioPlan(stream_index=0, rate_bps=64_000), source, tmp_path / "out"
    )
    with pytest.raises(UnsupportedMedia, match="of a kind that is not accepted"):
        ffmpeg.run(argv, pulse=pulse)
