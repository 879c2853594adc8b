"""What is seen and heard in a finished MP4: decoded by ffmpeg, and read here pixel by pixel."""

import subprocess
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.footage import show
from tests.source.film import (
    BLUE_BOX,
    CELLS,
    CORNER_BOXES,
    FLASH_BOX,
    FLASH_S,
    RED_BOX,
    SAMPLE_RATE,
    Box,
    Colour,
)

#: Sound is looked at in steps of so many samples: a millisecond.
STEP = SAMPLE_RATE // 1000
#: Beeps are far louder, and nothing else is as loud.
LOUD = 2000
#: libx264 signs its first frame with its version and its options.
X264_SIGNATURE = "H.26[45] User Data Unregistered SEI message"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a viewer sees and hears."""

    size: tuple[int, int]
    rate: Fraction
    #: By ffprobe: the kinds of all streams, and the video's transfer, primaries, matrix and range.
    streams: tuple[str, ...]
    tags: tuple[str, ...]
    #: What the stream or a frame says of itself besides, and of how it is to be shown.
    side_data: frozenset[str]
    #: The number that each frame shows.
    counter: tuple[int, ...]
    #: Levels of the corners, clockwise from the top left; and the two patches.
    corners: tuple[int, ...]
    red: Colour
    blue: Colour
    flashes_s: tuple[float, ...]
    #: When beeps begin, on each channel.
    beeps_s: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A frame in 4:2:0."""

    width: int
    height: int
    data: memoryview

    def level(self, box: Box) -> float:
        """Return the mean brightness in the middle of a box."""
        return self._mean(0, self.width, self.height, box)

    def colour(self, box: Box) -> Colour:
        """Return the mean colour in the middle of a box, in RGB, as BT.709 in limited range is shown."""
        half = (self.width + 1) // 2, (self.height + 1) // 2
        luma = self.level(box)
        blue, red = (
            self._mean(self.width * self.height + plane * half[0] * half[1], *half, box) for plane in (0, 1)
        )
        y, pb, pr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
        shown = (y + 1.5748 * pr, y - 0.1873 * pb - 0.4681 * pr, y + 1.8556 * pb)
        r, g, b = (round(255 * min(1, max(0, part))) for part in shown)
        return r, g, b

    def _mean(self, start: int, width: int, height: int, box: Box) -> float:
        """Return the mean over the middle third of a box of one plane: edges bleed."""
        columns, rows = box.columns(width), box.rows(height)
        third, quarter = len(columns) // 3, len(rows) // 3
        lines = [
            self.data[
                start + row * width + columns.start + third : start + row * width + columns.stop - third
            ]
            for row in rows[quarter : len(rows) - quarter]
        ]
        return sum(map(sum, lines)) / sum(map(len, lines))


def look(path: Path) -> Seen:
    """Return what is in a file."""
    shown = show(
        path,
        "stream=codec_type,width,height,r_frame_rate,color_range,color_space,color_transfer,color_primaries",
    )
    video = next(stream for stream in shown["streams"] if stream["codec_type"] == "video")
    size, rate = (int(video["width"]), int(video["height"])), Fraction(video["r_frame_rate"])
    pictures = list(_pictures(path, size))
    middle = pictures[len(pictures) // 2]
    corners = tuple(round(middle.level(box)) for box in CORNER_BOXES)
    grey = (max(corners) + min(corners)) / 2
    lit = [picture.level(FLASH_BOX) > grey for picture in pictures]
    return Seen(
        size=size,
        rate=rate,
        streams=tuple(stream["codec_type"] for stream in shown["streams"]),
        tags=tuple(
            video.get(name, "")
            for name in ("color_range", "color_space", "color_transfer", "color_primaries")
        ),
        side_data=side_data(path),
        counter=tuple(_number(picture, grey) for picture in pictures),
        corners=corners,
        red=middle.colour(RED_BOX),
        blue=middle.colour(BLUE_BOX),
        flashes_s=tuple(n / float(rate) for n in range(1, len(lit)) if lit[n] and not lit[n - 1]),
        beeps_s=tuple(map(_beeps, _channels(path))) if len(shown["streams"]) > 1 else (),
    )


def side_data(path: Path) -> frozenset[str]:
    """Return the kinds of side data of a file's picture: of its stream, and of its first frames."""
    entries = "stream=index:stream_side_data=side_data_type:frame=pts:frame_side_data=side_data_type"
    shown = show(path, entries, "-select_streams", "v", "-read_intervals", "%+#5")
    sections: list[dict[str, Any]] = [*shown["streams"], *shown["frames"]]
    told = {one["side_data_type"] for section in sections for one in section.get("side_data_list", ())}
    return frozenset(told - {X264_SIGNATURE})


def _pictures(path: Path, size: tuple[int, int]) -> Iterator[Picture]:
    width, height = size
    raw = memoryview(_decode(path, "-map", "0:v", "-pix_fmt", "yuv420p", "-f", "rawvideo"))
    length = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    for at in range(0, len(raw), length):
        yield Picture(width=width, height=height, data=raw[at : at + length])


def _number(picture: Picture, grey: float) -> int:
    """Return the number in the counter, from Gray's code."""
    number = 0
    for cell in reversed(CELLS):
        number = number << 1 | ((picture.level(cell) > grey) ^ (number & 1))
    return number


def _channels(path: Path) -> tuple[Sequence[int], Sequence[int]]:
    """Return the samples of both channels."""
    samples = array("h", _decode(path, "-map", "0:a", "-ar", str(SAMPLE_RATE), "-ac", "2", "-f", "s16le"))
    return samples[::2], samples[1::2]


def _beeps(samples: Sequence[int]) -> tuple[float, ...]:
    """Return when it becomes loud after it was not."""
    begun: list[float] = []
    quiet_until = 0.0
    for at in range(0, len(samples), STEP):
        part = samples[at : at + STEP]
        if max(*part, -min(part)) > LOUD:
            at_s = at / SAMPLE_RATE
            if at_s > quiet_until:
                begun.append(at_s)
            quiet_until = at_s + float(FLASH_S) / 2
    return tuple(begun)


def _decode(path: Path, *options: str) -> bytes:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), *options, "pipe:1"]
    return subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
