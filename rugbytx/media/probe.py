"""Ask ffprobe what a source is: its headers, then the last packets of its video.

Where the video ends decides how many frames the plan has, and a container's
own duration is no witness for that: it may be the audio's, or missing, or made
up.  So the last packets are read, near the end where a seek finds them and from
the beginning where it does not.
"""

import json
from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from rugbytx.core import media
from rugbytx.core.media import MediaInfo
from rugbytx.errors import UnsupportedMedia
from rugbytx.media import command, diagnosis, process
from rugbytx.media.complaint import READING
from rugbytx.media.limit import NO_FILE, Limits
from rugbytx.ports import Pulse

#: Headers with more than this are no video's: a real one has a few kilobytes.
_ANSWER_BYTES = 4 << 20
#: The last frame shown is among the last packets decoded: H.264 reorders at most 16 frames.
_TAIL_PACKETS = 64
#: How far before the end a seek starts.
_TAIL_S = 10
#: A packet scan says that it moves once in so many packets.
_PACKETS_A_BEAT = 256

#: ffprobe writes no file; reading through a source of many gigabytes takes a few minutes.
_READING = Limits(file_bytes=NO_FILE)

Packet = Mapping[str, str]


def read(path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe") -> MediaInfo:
    """Return what the file is; raises UnsupportedMedia, TranscodeError, HostUnfit or what ``pulse`` raises."""
    if path.stat().st_size == 0:
        raise UnsupportedMedia("the source is empty")
    answer = _headers(path, pulse=pulse, ffprobe=ffprobe)
    stream = media.pick_video(answer)
    tail = _tail(path, answer, stream["index"], pulse=pulse, ffprobe=ffprobe)
    return media.parse(answer, tail=tail, size_bytes=path.stat().st_size)


def count(path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe") -> Mapping[str, Any]:
    """Return ffprobe's count of each stream's packets, by the stream's ``codec_type``."""
    answer = ask(command.count(path, ffprobe=ffprobe), pulse=pulse)
    return {stream["codec_type"]: stream for stream in answer.get("streams", ())}


def ask(argv: list[str], *, pulse: Pulse) -> Mapping[str, Any]:
    """Run ffprobe and return its JSON."""
    answer = bytearray()

    def take(data: bytes) -> None:
        answer.extend(data)
        if len(answer) > _ANSWER_BYTES:
            raise UnsupportedMedia("the source's headers are longer than any real video's")

    _run(argv, pulse=pulse, on_stdout=take)
    parsed: Mapping[str, Any] = json.loads(answer.decode(errors="replace"))
    return parsed


def _headers(path: Path, *, pulse: Pulse, ffprobe: str) -> Mapping[str, Any]:
    return ask(command.headers(path, ffprobe=ffprobe), pulse=pulse)


def _tail(
    path: Path, answer: Mapping[str, Any], stream_index: int, *, pulse: Pulse, ffprobe: str
) -> list[Packet]:
    """Return the last packets of a stream, in decode order."""
    container = answer.get("format", {})
    if "duration" in container:
        start_s = Fraction(container.get("start_time", 0))
        from_s = max(start_s, start_s + Fraction(container["duration"]) - _TAIL_S)
        found = _packets(path, stream_index, from_s, pulse=pulse, ffprobe=ffprobe)
        if found:
            return found
    return _packets(path, stream_index, None, pulse=pulse, ffprobe=ffprobe)


def _packets(
    path: Path, stream_index: int, from_s: Fraction | None, *, pulse: Pulse, ffprobe: str
) -> list[Packet]:
    """Return the last packets of those from ``from_s`` on; a full scan holds no more than they."""
    tail: deque[Packet] = deque(maxlen=_TAIL_PACKETS)
    seen = 0

    def take(line: str) -> None:
        nonlocal seen
        packet = dict(field.split("=", 1) for field in line.split("|") if "=" in field)
        if "flags" not in packet:
            return
        tail.append(packet)
        seen += 1
        if seen % _PACKETS_A_BEAT == 0:
            pulse.advance(count=seen)

    lines = process.Lines(take)
    argv = command.packets(path, stream_index=stream_index, from_s=from_s, ffprobe=ffprobe)
    _run(argv, pulse=pulse, on_stdout=lines.feed)
    return list(tail)


def _run(argv: list[str], *, pulse: Pulse, on_stdout: process.OnBytes) -> None:
    ended = process.run(argv, pulse=pulse, on_stdout=on_stdout, limits=_READING)
    if ended.code:
        raise diagnosis.ending(ended, table=READING).error
