"""Films of which every frame says what it is: its number, its corners, its colours, and when it flashes.

::

    +------+-----------------------+------+    corners: four levels of grey, the brightest at the top left
    | 220  |       red patch       | 170  |
    +------+-----------------------+------+    counter: the frame's number, a cell a bit, the lowest on the left
    |   [0][1][1][0][0][1][0][0][0][0]    |    in Gray's code, so that fields of one parity never look still
    |   [            flash            ]   |    flash: white for a tenth of a second, from each whole second on
    +------+-----------------------+------+
    |  30  |      blue patch       | 120  |    sound: a beep as long, begun by the same frame
    +------+-----------------------+------+
"""

import math
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, takewhile
from pathlib import Path

Colour = tuple[int, int, int]

BITS = 10
GREY, DARK, WHITE = (60,) * 3, (30,) * 3, (220,) * 3
RED, BLUE = (170, 60, 60), (60, 70, 170)
#: Clockwise from the top left.
CORNERS = (220, 170, 120, 30)
FLASH_S = Fraction(1, 10)
SAMPLE_RATE = 48_000
BEEP_HZ = 1000
LOUD = 16_000


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle, in parts of the picture's width and height."""

    left: float
    right: float
    top: float
    bottom: float

    def columns(self, width: int) -> range:
        """Return its pixels' columns."""
        return range(round(self.left * width), round(self.right * width))

    def rows(self, height: int) -> range:
        """Return its pixels' rows."""
        return range(round(self.top * height), round(self.bottom * height))


CORNER_BOXES = (
    Box(left=0, right=0.2, top=0, bottom=0.2),
    Box(left=0.8, right=1, top=0, bottom=0.2),
    Box(left=0.8, right=1, top=0.8, bottom=1),
    Box(left=0, right=0.2, top=0.8, bottom=1),
)
RED_BOX = Box(left=0.3, right=0.7, top=0, bottom=0.2)
BLUE_BOX = Box(left=0.3, right=0.7, top=0.8, bottom=1)
CELLS = tuple(
    Box(left=0.1 + 0.08 * bit, right=0.18 + 0.08 * bit, top=0.35, bottom=0.5) for bit in range(BITS)
)
FLASH_BOX = Box(left=0.1, right=0.9, top=0.55, bottom=0.7)


@dataclass(frozen=True, kw_only=True)
class Film:
    """A film as it is meant to be seen."""

    rate: Fraction = Fraction(25)
    length_s: Fraction = Fraction(16, 5)
    size: tuple[int, int] = (320, 180)

    @property
    def frames(self) -> int:
        """Return how many frames it has."""
        return round(self.length_s * self.rate)

    @property
    def flashes_s(self) -> list[Fraction]:
        """Return when a flash and a beep begin: with the first frame of each whole second but the first."""
        first = (Fraction(math.ceil(second * self.rate)) / self.rate for second in count(1))
        return list(takewhile(lambda shown_s: shown_s < self.length_s - FLASH_S, first))

    def pictures(self) -> Iterator[bytes]:
        """Yield each frame's pixels, 24 bits of RGB each."""
        width, height = self.size
        still = bytearray(bytes(GREY) * (width * height))
        for box, level in zip(CORNER_BOXES, CORNERS, strict=True):
            self._paint(still, box, (level,) * 3)
        self._paint(still, RED_BOX, RED)
        self._paint(still, BLUE_BOX, BLUE)
        flashes_s = self.flashes_s
        for number in range(self.frames):
            picture = bytearray(still)
            for bit, cell in enumerate(CELLS):
                self._paint(picture, cell, WHITE if (number ^ number >> 1) >> bit & 1 else DARK)
            if any(0 <= number / self.rate - begun_s < FLASH_S for begun_s in flashes_s):
                self._paint(picture, FLASH_BOX, WHITE)
            yield bytes(picture)

    def write_pictures(self, path: Path) -> None:
        """Write all frames, one behind the other."""
        with path.open("wb") as file:
            file.writelines(self.pictures())

    def write_sound(self, path: Path) -> None:
        """Write a WAV of silence and beeps, alike on both channels."""
        samples = array("h", bytes(4 * round(self.length_s * SAMPLE_RATE)))
        beep = array("h")
        for number in range(int(FLASH_S * SAMPLE_RATE)):
            beep.extend((round(LOUD * math.sin(2 * math.pi * BEEP_HZ * number / SAMPLE_RATE)),) * 2)
        for begun_s in self.flashes_s:
            at = 2 * round(begun_s * SAMPLE_RATE)
            samples[at : at + len(beep)] = beep
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())

    def _paint(self, picture: bytearray, box: Box, colour: Colour) -> None:
        width, height = self.size
        columns = box.columns(width)
        line = bytes(colour) * len(columns)
        for row in box.rows(height):
            at = 3 * (row * width + columns.start)
            picture[at : at + len(line)] = line
