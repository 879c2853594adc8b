"""Ask ffprobe what a source is: its headers, then the last packets of its video.

Where the video ends decides how many frames the plan has, and a container's
own duration is no witness for that: it may be the audio's, or missing, or made
up.  So the last packets are read, near the end where a seek finds them and from
the beginning where it does not.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from rugbytx.core.job.job import PresignedUrl
from rugbytx.core.source import ffprobe_parser, orientation, stream_selection
from rugbytx.core.source.ffprobe_fields import known
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.errors import JobRejected, UnsupportedMedia
from rugbytx.media.encode import command_line
from rugbytx.media.process import child, diagnosis
from rugbytx.media.process.messages import READING
from rugbytx.media.process.resource_limits import NO_FILE, Limits
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

#: A presigned URL, which is a key to the object, and the colon behind it.
_ADDRESS = re.compile(r"(https?)://\S*?(:?)(?=\s|$)")

Packet = Mapping[str, str]


def read(path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe") -> MediaInfo:
    """Return what the file is; raises UnsupportedMedia, TranscodeError, HostUnfit or what ``pulse`` raises."""
    return _look(path, size_bytes=path.stat().st_size, pulse=pulse, ffprobe=ffprobe)


def read_afar(address: PresignedUrl, *, size_bytes: int, pulse: Pulse, ffprobe: str = "ffprobe") -> MediaInfo:
    """Return what the object at an address is, reading its headers and its end only.

    Raises as ``read`` does, and JobRejected where its end cannot be found
    without reading all of it.  No message holds the address.
    """
    return _look(address, size_bytes=size_bytes, pulse=pulse, ffprobe=ffprobe)


def headers(
    path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe", thorough: bool = False
) -> Mapping[str, Any]:
    """Return what a source says of itself; ``thorough`` looks further for streams that begin late."""
    if path.stat().st_size == 0:
        raise UnsupportedMedia("the source is empty")
    return ask(command_line.headers(path, ffprobe=ffprobe, thorough=thorough), pulse=pulse)


def count(path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe") -> Mapping[str, Any]:
    """Return ffprobe's count of each stream's packets, by the stream's ``codec_type``."""
    answer = ask(command_line.count(path, ffprobe=ffprobe), pulse=pulse)
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


def _look(source: Path | PresignedUrl, *, size_bytes: int, pulse: Pulse, ffprobe: str) -> MediaInfo:
    if size_bytes == 0:
        raise UnsupportedMedia("the source is empty")
    answer = ask(command_line.headers(source, ffprobe=ffprobe), pulse=pulse)
    stream = stream_selection.video(answer)
    tail = _tail(source, answer, stream, pulse=pulse, ffprobe=ffprobe)
    is_told = known(stream, "field_order") and orientation.is_told(stream)
    first = [] if is_told else _first(source, stream, pulse=pulse, ffprobe=ffprobe)
    return ffprobe_parser.parse(answer, tail=tail, first=first, size_bytes=size_bytes)


def _first(
    source: Path | PresignedUrl, stream: Mapping[str, Any], *, pulse: Pulse, ffprobe: str
) -> Sequence[Mapping[str, Any]]:
    """Return what a few frames say: DV's and DNxHD's containers know no fields, and pictures may be turned by themselves."""
    argv = command_line.first_frames(source, stream_index=stream["index"], ffprobe=ffprobe)
    frames: Sequence[Mapping[str, Any]] = ask(argv, pulse=pulse).get("frames", ())
    return frames


def _tail(
    source: Path | PresignedUrl,
    answer: Mapping[str, Any],
    stream: Mapping[str, Any],
    *,
    pulse: Pulse,
    ffprobe: str,
) -> list[Packet]:
    """Return the last packets of a stream, in decode order."""
    for from_s in _near_ends(answer.get("format", {}), stream):
        found = _packets(source, stream["index"], from_s, pulse=pulse, ffprobe=ffprobe)
        if found:
            return found
    if isinstance(source, PresignedUrl):
        raise JobRejected(
            "where the source's video ends shows only when all of it is read: copy it here and ask again"
        )
    return _packets(source, stream["index"], None, pulse=pulse, ffprobe=ffprobe)


def _near_ends(container: Mapping[str, Any], stream: Mapping[str, Any]) -> Iterator[Fraction]:
    """Yield where to look for the last packets: before the file's end, and before the stream's own."""
    for told in (container, stream):
        if "duration" in told:
            start_s = Fraction(told.get("start_time", 0))
            yield max(start_s, start_s + Fraction(told["duration"]) - _TAIL_S)


def _packets(
    source: Path | PresignedUrl, stream_index: int, from_s: Fraction | None, *, pulse: Pulse, ffprobe: str
) -> list[Packet]:
    """Return the last packets of those from ``from_s`` on; a full scan holds no more than they."""
    tail: deque[Packet] = deque(maxlen=_TAIL_PACKETS)
    seen = 0

    def take(line: str) -> None:
        nonlocal seen
        packet = _packet(line)
        if "flags" not in packet:
            return
        tail.append(packet)
        seen += 1
        if seen % _PACKETS_A_BEAT == 0:
            pulse.advance(count=seen)

    lines = child.Lines(take)
    argv = command_line.packets(source, stream_index=stream_index, from_s=from_s, ffprobe=ffprobe)
    _run(argv, pulse=pulse, on_stdout=lines.feed)
    return list(tail)


def _packet(line: str) -> Packet:
    """Return a packet from a line of ffprobe's; what it carries besides is named in one field.

    >>> _packet("pts=0|flags=K_|side_data_type=Encryption info")["side_data_type"]
    'Encryption info'
    >>> _packet("pts=0|flags=K__|side_datum/encryption_info:side_data_type=Encryption info")  # from 7.1 on
    {'pts': '0', 'flags': 'K__', 'side_data_type': 'Encryption info'}
    """
    packet: dict[str, str] = {}
    for name, _, value in (field.partition("=") for field in line.split("|") if "=" in field):
        plain = name.rpartition(":")[2]
        packet[plain] = f"{packet[plain]}, {value}" if plain in packet else value
    return packet


def _run(argv: list[str], *, pulse: Pulse, on_stdout: child.OnBytes) -> None:
    ended = child.run(argv, pulse=pulse, on_stdout=on_stdout, limits=_READING)
    if ended.code:
        ended = replace(
            ended, complaints=tuple(_ADDRESS.sub(r"\1://...\2", line) for line in ended.complaints)
        )
        raise diagnosis.ending(ended, table=READING).error
