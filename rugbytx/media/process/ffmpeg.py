"""Run ffmpeg: its progress as counters, its complaints as errors of ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from rugbytx.media.process import child, diagnosis
from rugbytx.media.process.diagnosis import Diagnosis
from rugbytx.media.process.messages import ENCODING, PLAIN, Complaint
from rugbytx.media.process.resource_limits import Limits
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


#: One line for each frame that was decoded with faults, and one for each packet that gave none; 9.0's wording last.
_DAMAGED = re.compile(r"corrupt decoded frame|Error while decoding stream|Error submitting packet to decoder")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How a run of ffmpeg's went."""

    #: How many frames of the source were damaged.
    damaged: int
    #: What was wrong with it, or None.
    diagnosis: Diagnosis | None


#: What ends the work whatever the exit status; pictures that grow in mid-film are no accident.
_FATAL = re.compile(r"\[fatal\]|exceeds specified max pixel count")


def run(argv: Sequence[str], *, pulse: Pulse, limits: Limits = child.SHORT_WORK) -> int:
    """Run ffmpeg until it has done what ``argv`` asks; return how many frames of the source were damaged.

    Exit status 0 says little: ffmpeg also ends so on a source that is cut off
    or full of holes, so what it wrote still has to be checked.  Raises what
    ``diagnose`` returns, what ``pulse.check`` raises, or HostUnfit.
    """
    done = attempt(argv, pulse=pulse, limits=limits, table=PLAIN)
    if done.diagnosis:
        raise done.diagnosis.error
    return done.damaged


def attempt(
    argv: Sequence[str],
    *,
    pulse: Pulse,
    limits: Limits = child.SHORT_WORK,
    table: Sequence[Complaint] = ENCODING,
) -> Attempt:
    """Run ffmpeg as ``run`` does, with an encoder of any kind, and return what went wrong instead of raising it."""
    damaged = 0

    def look(line: str) -> None:
        nonlocal damaged
        damaged += _DAMAGED.search(line) is not None

    lines = child.Lines(ProgressReader(pulse).take)
    ended = child.run(argv, pulse=pulse, on_stdout=lines.feed, on_complaint=look, limits=limits)
    if ended.code or any(_FATAL.search(line) for line in ended.complaints):
        return Attempt(damaged=damaged, diagnosis=diagnosis.ending(ended, table=table))
    return Attempt(damaged=damaged, diagnosis=diagnosis.spoilt(ended.complaints))
