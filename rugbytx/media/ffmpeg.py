"""Run ffmpeg: its progress as counters, its complaints as errors of ours."""

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from rugbytx.errors import RugbytxError, ScratchFull, TranscodeError, UnsupportedMedia
from rugbytx.media import process
from rugbytx.ports import Pulse


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One block of ``-progress``, as far as it says anything."""

    frames: int = 0
    fps: float = 0.0
    out_time_us: int = 0

    @classmethod
    def parse(cls, block: Mapping[str, str]) -> Self:
        """Return a block's value; ``N/A`` and what is missing count as 0.

        ``out_time_ms`` is left alone: it holds microseconds too, by an old mistake.

        >>> Progress.parse({"frame": "48", "fps": "23.98", "out_time_us": "N/A", "progress": "continue"})
        Progress(frames=48, fps=23.98, out_time_us=0)
        """
        return cls(
            frames=int(_number(block.get("frame", ""))),
            fps=_number(block.get("fps", "")),
            out_time_us=int(_number(block.get("out_time_us", ""))),
        )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


class ProgressReader:
    """Turns the lines of ``-progress`` into ``pulse.advance``, for blocks that show movement only.

    ffmpeg goes on printing blocks while it hangs, so a block is no sign of
    life; a higher frame number or output time than ever before is.
    """

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._block: dict[str, str] = {}
        self._frames = 0
        self._out_time_us = 0

    def take(self, line: str) -> None:
        """Take the next line; ``progress=`` ends a block."""
        name, _, value = line.partition("=")
        self._block[name] = value.strip()
        if name != "progress":
            return
        seen, self._block = Progress.parse(self._block), {}
        if seen.frames > self._frames or seen.out_time_us > self._out_time_us:
            self._frames = max(seen.frames, self._frames)
            self._out_time_us = max(seen.out_time_us, self._out_time_us)
            self._pulse.advance(frames=self._frames, fps=seen.fps, count=self._out_time_us)


def run(argv: Sequence[str], *, pulse: Pulse) -> None:
    """Run ffmpeg until it has done what ``argv`` asks.

    Exit status 0 says little: ffmpeg also ends so on a source that is cut off,
    so what it wrote still has to be checked.  Raises what ``diagnose`` returns,
    what ``pulse.check`` raises, or HostUnfit.
    """
    lines = process.Lines(ProgressReader(pulse).take)
    ended = process.run(argv, pulse=pulse, on_stdout=lines.feed)
    if ended.code or any("[fatal]" in line for line in ended.complaints):
        raise diagnose(ended.code, ended.complaints)


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """A line of ffmpeg's that has one meaning; ``sentence`` None quotes the line."""

    pattern: re.Pattern[str]
    error: type[RugbytxError]
    sentence: str | None = None


def _symptom(pattern: str, error: type[RugbytxError], sentence: str | None = None) -> Symptom:
    return Symptom(pattern=re.compile(pattern), error=error, sentence=sentence)


#: In order of weight: the first that any line matches decides.  Written for
#: ``-loglevel level+warning``; held against ffmpeg 5.1, with 9.0's wording where it differs.
SYMPTOMS = (
    _symptom(r"No space left on device|Disk quota exceeded", ScratchFull, "the scratch disk is full"),
    _symptom(
        r"Format not on whitelist|Protocol '\S+' not on whitelist|Unsafe file name",
        UnsupportedMedia,
        "the source is of a kind that is not accepted: it must be MP4, MOV, Matroska, WebM, MPEG-TS or AVI",
    ),
    _symptom(
        r"exceeds specified max pixel count",
        UnsupportedMedia,
        "the source's picture is larger than this system takes",
    ),
    _symptom(
        r"moov atom not found",
        UnsupportedMedia,
        "the source is not a complete MP4 file: its index is missing",
    ),
    # On the line that names the input, not on those about one damaged packet.
    _symptom(
        r"(\] (file|https?):.*|Error opening input.*): Invalid data found when processing input",
        UnsupportedMedia,
        "the source is not a video file, or is damaged from its beginning",
    ),
    _symptom(
        r"Decoder \(codec .*\) not found|no decoder found for",
        UnsupportedMedia,
        "the source's video is in a format that cannot be decoded",
    ),
)

#: Lines that only report that something else went wrong.
_WRAPPER = re.compile(
    r"Conversion failed!|Error while opening encoder|Error initializing (output|complex|filters)"
    r"|Error (re)?initializing filters|Terminating thread with return code|Exiting normally"
    r"|Error while (processing|filtering|decoding)|Error marking filters as finished"
    r"|Nothing was written into output|Error (opening|writing|muxing|submitting|sending)\b.*(file|packet|frame|trailer)s?"
    r"|Last message repeated|Task finished with error code|Failed to inject frame"
)
_SERIOUS = re.compile(r"\[(error|fatal|panic)\]")
_PREFIX = re.compile(r"^(\[[^\]]*\] ?)+")


def diagnose(code: int, complaints: Sequence[str]) -> RugbytxError:
    """Return the error that an ending of ffmpeg's means.

    Its exit status cannot tell: 5.1 knows only 1, and later versions use one
    number for unlike things.  Nor can its last lines, which only wrap the cause.
    So the lines are held against ``SYMPTOMS``; where none fits, the first serious
    one that is not a wrapper is the message.

    >>> diagnose(1, ["[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1", "[fatal] Conversion failed!"])
    TranscodeError('ffmpeg failed: Cannot load libcuda.so.1')
    >>> diagnose(-9, [])
    TranscodeError('ffmpeg was ended by signal 9 (Killed)')
    """
    for symptom in SYMPTOMS:
        line = next((line for line in complaints if symptom.pattern.search(line)), None)
        if line is not None:
            return symptom.error(symptom.sentence or f"ffmpeg failed: {_plain(line)}")
    specific = [line for line in complaints if not _WRAPPER.search(line)]
    serious = [line for line in specific if _SERIOUS.search(line)]
    first = next(iter(serious or specific or complaints), None)
    if code < 0:
        said = f", after: {_plain(first)}" if first else ""
        return TranscodeError(f"ffmpeg was ended by signal {-code} ({signal.strsignal(-code)}){said}")
    if first is None:
        return TranscodeError(f"ffmpeg failed with exit status {code} and said nothing")
    return TranscodeError(f"ffmpeg failed: {_plain(first)}")


def _plain(line: str) -> str:
    """Return a line without ffmpeg's ``[component @ address] [level]``, in a length fit for a reason."""
    return _PREFIX.sub("", line).strip()[:300]
