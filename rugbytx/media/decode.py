"""Play a published output to its last frame, as a strict player would."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rugbytx.core.source.stream_selection import MAX_PIXELS
from rugbytx.media.process import child, resource_limits
from rugbytx.media.process.resource_limits import Limits
from rugbytx.ports import Pulse

#: Decoding that takes so many processor seconds a second of film has gone wrong.
_CPU_S_PER_S = 60
_CPU_S = 600
PLAYLIST_SUFFIX = ".m3u8"


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came out of a decoder, and what it complained of."""

    frames: int
    complaints: tuple[str, ...]


def argv(path: Path, *, kind: str, ffmpeg: str = "ffmpeg") -> list[str]:
    """Return the command that decodes the first stream of a kind, ``v`` or ``a``, from the beginning.

    It does not seek, which ffmpeg 5.1 cannot in fragmented HLS, and repeats or
    drops nothing, so that what it counts is what was there.  A folder may come
    from anywhere: only a playlist may name other files, and those must be MP4.
    """
    formats = "hls,mov" if path.suffix == PLAYLIST_SUFFIX else "mov"
    return [
        *(ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+error"),
        *("-progress", "pipe:1", "-stats_period", "0.5"),
        *("-protocol_whitelist", "file", "-format_whitelist", formats, "-max_pixels", str(MAX_PIXELS)),
        *("-i", f"file:{path.absolute()}", "-map", f"0:{kind}:0"),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


def play(path: Path, *, kind: str, length_s: Fraction, pulse: Pulse, ffmpeg: str = "ffmpeg") -> Played:
    """Decode every frame of a playlist or a file; raises HostUnfit or what ``pulse`` raises."""
    frames = 0

    def take(line: str) -> None:
        nonlocal frames
        name, _, value = line.partition("=")
        if name == "frame" and value.strip().isdecimal():
            frames = int(value)
        elif name == "out_time_us" and value.strip().isdecimal():
            pulse.advance(frames=frames, count=int(value))

    cpu_s = int(_CPU_S_PER_S * length_s) + _CPU_S
    limits = Limits(file_bytes=resource_limits.NO_FILE, cpu_s=cpu_s, wall_s=cpu_s)
    lines = child.Lines(take)
    ended = child.run(argv(path, kind=kind, ffmpeg=ffmpeg), pulse=pulse, on_stdout=lines.feed, limits=limits)
    complaints = ended.complaints
    if ended.code and not complaints:
        complaints = (f"ffmpeg ended with {ended.code} and said nothing",)
    return Played(frames=frames, complaints=complaints)
