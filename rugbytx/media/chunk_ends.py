"""Decode a chunk's two ends: where it will meet its neighbours.

A join is the last GOP of one chunk and the first of the next.  Both are closed
and carry their own parameter sets, which gates ask for, so a decoder takes
nothing across; and a fault is found where it was made, while the files are here.
"""

from fractions import Fraction
from pathlib import Path

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.errors import VerificationError
from rugbytx.media import decode
from rugbytx.ports import Pulse


def check(path: Path, track: Track, *, pulse: Pulse, ffmpeg: str = "ffmpeg") -> None:
    """Raise VerificationError unless the first and the last GOP decode whole, without a complaint."""
    pulse.step("verify")
    fragments = [track.fragments[at] for at in sorted({0, len(track.fragments) - 1})]
    joined = path.with_name(f"{path.stem}.ends.mp4")
    with path.open("rb") as whole, joined.open("wb") as part:
        part.write(whole.read(track.init_bytes))
        for fragment in fragments:
            whole.seek(fragment.offset)
            part.write(whole.read(fragment.size_bytes))
    try:
        length_s = Fraction(sum(fragment.duration for fragment in fragments), track.timescale)
        played = decode.play(joined, kind="v", length_s=length_s, pulse=pulse, ffmpeg=ffmpeg)
    finally:
        joined.unlink()
    if played.complaints:
        raise VerificationError(f"the ends of {path.name} do not decode: {played.complaints[0]}")
    frames = sum(len(fragment.sizes) for fragment in fragments)
    if played.frames != frames:
        raise VerificationError(f"the ends of {path.name} have {frames} frames, and {played.frames} decode")
