"""Decode published outputs to their last frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rugbytx.core.plan.plan import Grid
from rugbytx.core.verify.finding import Finding, Rule
from rugbytx.errors import VerificationError
from rugbytx.media import decode
from rugbytx.media.process.pulse import Movement

#: A decoder that shows no further frame for so long is hung.
STALL_S = 60.0


@dataclass(kw_only=True)
class Watch:
    """A ``ports.Pulse`` that ends a decoder which stands still."""

    stall_s: float = STALL_S
    movement: Movement = field(default_factory=Movement)

    def step(self, name: str) -> None:
        """Begin a step; it has no name here."""
        del name
        self.movement.begin()

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Say how far the decoder has come."""
        del fps
        self.movement.advance(frames=frames, count=count)

    def check(self) -> None:
        """Raise VerificationError if nothing has moved for too long."""
        if self.movement.stood_s() > self.stall_s:
            raise VerificationError(f"the decoder stood still for {self.stall_s:g} s")


def play(path: Path, grid: Grid, *, has_frames: bool, ffmpeg: str) -> Iterator[Finding]:
    """Yield what a decoder complains of, and a wrong number of frames; raises HostUnfit without one."""
    kind = "v" if has_frames else "a"
    try:
        played = decode.play(path, kind=kind, length_s=grid.duration_s, pulse=Watch(), ffmpeg=ffmpeg)
    except VerificationError as error:
        yield Finding(rule=Rule.DECODE, where=path.name, expected="every frame", seen=str(error))
        return
    if played.complaints:
        more = f", and {len(played.complaints) - 1} more lines" if len(played.complaints) > 1 else ""
        complaint = f"{played.complaints[0]}{more}"
        yield Finding(rule=Rule.DECODE, where=path.name, expected="no complaint", seen=complaint)
    if has_frames and played.frames != grid.frames:
        expected = f"{grid.frames} frames"
        yield Finding(rule=Rule.DECODE, where=path.name, expected=expected, seen=str(played.frames))
